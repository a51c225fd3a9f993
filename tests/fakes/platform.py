"""A platform in memory: it obeys scale calls, forgets nothing, and fails on order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from autoscaler.model import (
    PRESENT,
    AppInfo,
    AppKey,
    AppStatus,
    Observation,
    QueuedRequest,
    Scaler,
    Worker,
    WorkerState,
)
from autoscaler.model.errors import AppNotFound, PlatformError, Unreachable
from autoscaler.ports import Clock

Operation = Literal["list", "up", "down", "queue", "app"]
Hook = Callable[[], Awaitable[None]]
_HIDDEN = (WorkerState.ERROR, WorkerState.GONE)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that reached the platform."""

    operation: Operation
    app: AppKey
    at: float
    count: int = 0
    worker_ids: tuple[str, ...] = ()
    show_all: bool = False


@dataclass(slots=True)
class Trouble:
    """What happens to the next calls of one operation."""

    error: BaseException | None = None
    after_applying: bool = False
    gate: asyncio.Event | None = None
    times: int = 1


@dataclass(slots=True)
class FakeApp:
    """One app on the platform. ``lag_s``: how long lists do not show a new worker."""

    info: AppInfo
    workers: dict[str, Worker] = field(default_factory=dict)
    queue_size: int = 0
    max_workers: int | None = 100
    last_scale_up_at: float | None = None
    last_scale_down_at: float | None = None
    lag_s: float = 0.0
    names_ids: bool = True
    clip_to: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def present(self) -> int:
        return sum(w.state in PRESENT for w in self.workers.values())


class FakePlatform:
    """Implements ports.Platform."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.apps: dict[AppKey, FakeApp] = {}
        self.calls: list[Call] = []
        self.before: dict[Operation, list[Hook]] = {}
        self._troubles: dict[tuple[AppKey | None, Operation], list[Trouble]] = {}
        self._ids = count(1)

    # What a test arranges

    def add(
        self,
        key: AppKey,
        *workers: Worker,
        queue: int = 0,
        scaler: Scaler = Scaler.MANUAL,
        status: AppStatus = AppStatus.DEPLOYED,
    ) -> FakeApp:
        app = FakeApp(AppInfo(key, scaler, status, {}), {w.id: w for w in workers}, queue)
        self.apps[key] = app
        return app

    def fail(
        self,
        operation: Operation,
        error: BaseException,
        *,
        app: AppKey | None = None,
        after_applying: bool = False,
        times: int = 1,
    ) -> None:
        """Let the next ``times`` calls fail, of one app or of all."""
        trouble = Trouble(error, after_applying=after_applying, times=times)
        self._troubles.setdefault((app, operation), []).append(trouble)

    def lose_reply(self, operation: Operation, *, applied: bool, app: AppKey | None = None) -> None:
        """Let the next call end without a reply."""
        error = Unreachable("the connection was reset", maybe_applied=True)
        self.fail(operation, error, app=app, after_applying=applied)

    def hang(
        self, operation: Operation, *, app: AppKey | None = None, after_applying: bool = False
    ) -> asyncio.Event:
        """Let the next call wait for the event that is returned."""
        gate = asyncio.Event()
        trouble = Trouble(gate=gate, after_applying=after_applying)
        self._troubles.setdefault((app, operation), []).append(trouble)
        return gate

    def on(self, operation: Operation, hook: Hook) -> None:
        """Run ``hook`` at the start of every call of this operation."""
        self.before.setdefault(operation, []).append(hook)

    def change(self, key: AppKey, worker_id: str, **fields: object) -> None:
        app = self.apps[key]
        app.workers[worker_id] = replace(app.workers[worker_id], **fields)  # type: ignore[arg-type]  # names are checked by replace

    def become(self, key: AppKey, old: WorkerState, new: WorkerState) -> None:
        """Turn every worker of one state into another."""
        for worker in tuple(self.apps[key].workers.values()):
            if worker.state is old:
                self.change(key, worker.id, state=new)

    def made(self, operation: Operation) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    # ports.Platform

    async def list_workers(
        self, app: AppKey, *, show_all: bool = False, recent_days: int | None = None
    ) -> Observation:
        requested_at = self.clock.now()
        trouble = await self._enter(Call("list", app, requested_at, show_all=show_all))
        found = self._find(app)
        workers = tuple(
            w
            for w in found.workers.values()
            if (show_all or w.state not in _HIDDEN) and self._is_shown(w, found)
        )
        self._leave(trouble)
        now = self.clock.now()
        return Observation(
            app=app,
            workers=workers,
            queue_size=found.queue_size,
            requested_at=requested_at,
            received_at=now,
            platform_now=now,
            max_workers=found.max_workers,
            last_scale_up_at=found.last_scale_up_at,
            last_scale_down_at=found.last_scale_down_at,
            show_all=show_all,
            problems=found.problems,
        )

    async def scale_up(self, app: AppKey, count: int) -> tuple[str, ...]:
        trouble = await self._enter(Call("up", app, self.clock.now(), count))
        found = self._find(app)
        made = count if found.clip_to is None else min(count, found.clip_to)
        ids = tuple(f"new{next(self._ids)}" for _ in range(made))
        now = self.clock.now()
        for worker_id in ids:
            found.workers[worker_id] = Worker(worker_id, WorkerState.IN_FLIGHT, created_at=now)
        found.last_scale_up_at = now
        await self._linger(trouble)
        return ids if found.names_ids else ()

    async def scale_down(self, app: AppKey, worker_ids: tuple[str, ...]) -> None:
        trouble = await self._enter(Call("down", app, self.clock.now(), worker_ids=worker_ids))
        found = self._find(app)
        for worker_id in worker_ids:
            if worker_id in found.workers:
                self.change(app, worker_id, state=WorkerState.REMOVING)
        found.last_scale_down_at = self.clock.now()
        await self._linger(trouble)

    async def request_queue(self, app: AppKey) -> tuple[QueuedRequest, ...]:
        trouble = await self._enter(Call("queue", app, self.clock.now()))
        self._leave(trouble)
        now = self.clock.now()
        return tuple(
            QueuedRequest(now, "QueueReasonWorkerBusy") for _ in range(self._find(app).queue_size)
        )

    async def get_app(self, app: AppKey) -> AppInfo:
        trouble = await self._enter(Call("app", app, self.clock.now()))
        self._leave(trouble)
        return self._find(app).info

    async def list_apps(self, namespace: str | None = None) -> tuple[AppInfo, ...]:
        return tuple(
            app.info for key, app in self.apps.items() if namespace in (None, key.namespace)
        )

    def _find(self, app: AppKey) -> FakeApp:
        if app not in self.apps:
            raise AppNotFound(f"{app} is not known", status=404)
        return self.apps[app]

    def _is_shown(self, worker: Worker, app: FakeApp) -> bool:
        return worker.created_at is None or worker.created_at + app.lag_s <= self.clock.now()

    async def _enter(self, call: Call) -> Trouble | None:
        self.calls.append(call)
        for hook in self.before.get(call.operation, []):
            await hook()
        trouble = self._take(call)
        if trouble is not None and not trouble.after_applying:
            await self._linger(trouble)
        return trouble

    def _take(self, call: Call) -> Trouble | None:
        for key in ((call.app, call.operation), (None, call.operation)):
            waiting = self._troubles.get(key, [])
            if waiting:
                trouble = waiting[0]
                trouble.times -= 1
                if trouble.times == 0:
                    waiting.pop(0)
                return trouble
        return None

    async def _linger(self, trouble: Trouble | None) -> None:
        if trouble is not None and trouble.gate is not None:
            await trouble.gate.wait()
        self._leave(trouble)

    def _leave(self, trouble: Trouble | None) -> None:
        if trouble is not None and trouble.error is not None:
            raise trouble.error


def never_sent(error: type[PlatformError], text: str = "told to fail") -> PlatformError:
    """Return an error that says that nothing was carried out."""
    return error(text)
