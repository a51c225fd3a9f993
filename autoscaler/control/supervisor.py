"""Runs every app's passes: each app at most once at a time, all apps side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from autoscaler.control.pacing import Pacer, backoff_s
from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.decision import AppSpec
from autoscaler.model import AppKey, Decision, Hold, Reason
from autoscaler.model.errors import StateError
from autoscaler.ports import Clock, Recorder, State

OnFault = Callable[[AppKey, Exception], None]
Work = Callable[[AppRun], Coroutine[Any, Any, None]]


class Supervisor:
    """Owns the apps. ``tick`` starts what is due; everything else follows from it."""

    def __init__(
        self,
        reconciler: Reconciler,
        *,
        pacer: Pacer,
        on_fault: OnFault,
        concurrency: int,
        standby: bool = False,
        part_of: Callable[[AppKey], int] = lambda _: 0,
    ) -> None:
        """Wire up.

        Args:
            reconciler: runs a pass.
            pacer: says who is due.
            on_fault: told of an exception that no pass should raise.
            concurrency: passes that run side by side at most; a quarter as many again for apps
                whose last look failed.
            standby: whether to look at nothing before :meth:`take_over`.
            part_of: which part of the apps an app is in; all are in part 0 unless replicas share
                them out.
        """
        self._active = set() if standby else {0}
        self._part_of = part_of
        self._reconciler = reconciler
        self._state: State = reconciler.state
        self._clock: Clock = reconciler.clock
        self._recorder: Recorder = reconciler.recorder
        self._pacer = pacer
        self._on_fault = on_fault
        self._slots = asyncio.Semaphore(concurrency)
        self._sick_slots = asyncio.Semaphore(max(1, concurrency // 4))
        self._apps: dict[AppKey, AppRun] = {}
        self._passes: dict[AppKey, asyncio.Task[None]] = {}

    @property
    def apps(self) -> tuple[AppKey, ...]:
        """The apps in force."""
        return tuple(self._apps)

    def apply(self, specs: Iterable[AppSpec]) -> None:
        """Put a configuration in force: new apps start, gone ones stop, others keep their memory.

        An app that leaves keeps its workers as they are.
        """
        wanted = {spec.key: spec for spec in specs}
        for key in self._apps.keys() - wanted.keys():
            self._drop(key)
        for key, spec in wanted.items():
            run = self._apps.get(key)
            if run is not None:
                run.spec = spec
                if run.interval_s > spec.interval_s and key not in self._passes:
                    # Asleep: what is new is looked at as soon as if it were not.
                    run.pace_s = 0.0
                    self._pacer.start(key, self._clock.now(), spec.interval_s, len(wanted))
                self._reconciler.fleet.configured(spec)
            else:
                self._apps[key] = AppRun(spec)
                self._enlist(spec, len(wanted))

    def _enlist(self, spec: AppSpec, apps: int) -> None:
        if self._is_active(spec.key):
            self._reconciler.fleet.expect(spec, self._clock.now())
            self._pacer.start(spec.key, self._clock.now(), spec.interval_s, apps)

    def _is_active(self, key: AppKey) -> bool:
        return self._part_of(key) in self._active

    def take_over(self, part: int = 0) -> None:
        """Begin to look at the apps of a part; nothing is remembered of them."""
        self._active.add(part)
        for run in self._runs_of(part):
            self._enlist(run.spec, len(self._apps))

    async def stand_by(self, part: int | None = None, *, grace_s: float = 0.0) -> None:
        """End every pass of a part, or of all, and forget what was seen: others act now.

        Args:
            part: which; ``None`` for all.
            grace_s: how long passes under way may take to end by themselves.
        """
        self._active -= self._active.copy() if part is None else {part}
        for run in self._runs_of(part):
            self._pacer.drop(run.key)
        if grace_s and (running := self._passes_of(part)):
            await asyncio.wait(running, timeout=grace_s)
        for task in (late := self._passes_of(part)):
            task.cancel()
        if late:
            await asyncio.wait(late)
        for run in self._runs_of(part):
            self._apps[run.key] = AppRun(run.spec)
            self._pacer.drop(run.key)
            self._reconciler.fleet.forget(run.key)
            self._recorder.forget(run.key)

    def _runs_of(self, part: int | None) -> tuple[AppRun, ...]:
        runs = self._apps.values()
        return tuple(run for run in runs if part is None or self._part_of(run.key) == part)

    def _passes_of(self, part: int | None) -> tuple[asyncio.Task[None], ...]:
        passes = self._passes.items()
        return tuple(task for key, task in passes if part is None or self._part_of(key) == part)

    def _drop(self, key: AppKey) -> None:
        del self._apps[key]
        self._pacer.drop(key)
        self._reconciler.fleet.forget(key)
        if key not in self._passes:
            self._recorder.forget(key)

    def tick(self) -> None:
        """Start the passes that are due. Quick; called many times a second."""
        if not self._active:
            return
        loop = asyncio.get_running_loop()
        for key, due_at in self._pacer.due(self._clock.now()):
            if key in self._passes:
                # Dropped and added again while its pass ran: that pass goes first.
                self._pacer.at(key, self._clock.now() + 1.0)
                continue
            task = loop.create_task(self._pass(key, due_at), name=key.name)
            self._passes[key] = task
            task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: AppKey, task: asyncio.Task[None]) -> None:
        del self._passes[key]
        if not task.cancelled():
            task.exception()  # whoever waits is told; asyncio need not complain if nobody does
        if key not in self._apps:
            # The pass that was under way has reported once more.
            self._reconciler.fleet.forget(key)
            self._recorder.forget(key)

    async def _pass(self, key: AppKey, due_at: float) -> None:
        async with self._slots_for(key):
            run = self._apps.get(key)
            if run is None:
                return
            started_at = self._clock.now()
            await self._guarded(run)
            now = self._clock.now()
            self._recorder.pass_ended(
                key, duration_s=now - started_at, lateness_s=max(0.0, started_at - due_at)
            )
            if self._apps.get(key) is run and self._is_active(key):
                wait_s = backoff_s(run.spec.interval_s, run.failures, run.retry_after_s)
                self._pacer.again(key, due_at, now, run.interval_s, wait_s)

    def _slots_for(self, key: AppKey) -> asyncio.Semaphore:
        """Return the slots of the healthy, or those of apps whose last look failed.

        Else as many hanging apps as there are slots would make all others wait for their time-outs.
        """
        run = self._apps.get(key)
        return self._sick_slots if run is not None and run.failures else self._slots

    async def _guarded(self, run: AppRun) -> None:
        """Run a pass; a fault of ours in one app is said, and stops no other."""
        try:
            await self._reconciler.reconcile(run)
        except Exception as error:  # noqa: BLE001 - the last line of defence between apps
            run.failures += 1
            self._on_fault(run.key, error)
            message = f"{type(error).__name__}: {error}"
            hold = Decision(
                run.key,
                self._clock.now(),
                Hold(),
                Reason.INTERNAL_ERROR,
                message,
                interventions=run.memory.interventions if run.memory else (),
            )
            self._recorder.decided(hold)

    def __contains__(self, key: AppKey) -> bool:
        """Whether the app is in force."""
        return key in self._apps

    def run_of(self, key: AppKey) -> AppRun:
        """Return how an app runs.

        Raises:
            KeyError: the app is not configured.
        """
        return self._apps[key]

    async def between_passes(self, key: AppKey, work: Work) -> None:
        """Run ``work`` on an app while no pass of it runs, then look at it at once.

        What ``work`` raises is raised; it goes on where the caller is cancelled.

        Raises:
            KeyError: the app is not configured.
            StateError: the daemon stopped meanwhile.
        """
        while key in self._passes:
            await asyncio.wait({self._passes[key]})
        run = self._apps[key]
        task = asyncio.get_running_loop().create_task(work(run), name=f"work on {key}")
        self._passes[key] = task
        task.add_done_callback(partial(self._ended, key))
        await asyncio.wait({task})
        if self._apps.get(key) is run and self._is_active(key):
            self._pacer.at(key, self._clock.now())
        if task.cancelled():
            raise StateError(f"stopped before the order for {key} was written down")
        task.result()

    async def run_once(self) -> bool:
        """Run one pass of every app, wait for all, return whether each could be observed."""
        for key in self._apps:
            self._pacer.at(key, self._clock.now())
        self.tick()
        while self._passes:
            await asyncio.wait(tuple(self._passes.values()))
        return not any(run.failures for run in self._apps.values())

    async def flush(self) -> None:
        """Write memory behind; a failing store is counted and tried again next time."""
        try:
            await self._state.flush()
        except StateError:
            for key in tuple(self._apps)[:1]:
                self._recorder.state_write_failed(key, "memory")

    async def stop(self, grace_s: float) -> None:
        """Let running passes end for ``grace_s`` seconds, then cut them off; flush the store."""
        self._pacer.stop()
        running = tuple(self._passes.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        await self.flush()
