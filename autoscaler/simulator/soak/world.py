"""One run: a platform, a network, processes that come and go, and a plan that plagues them."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from autoscaler.decision import AppSpec
from autoscaler.emulator import App, Fleet, Handler, Troubles
from autoscaler.emulator.rng import stream
from autoscaler.model import AppKey, InterventionKind
from autoscaler.model.errors import StateError
from autoscaler.ports import State, Trust
from autoscaler.simulator.soak.by_hand import Order
from autoscaler.simulator.soak.checks import Checks
from autoscaler.simulator.soak.draw_apps import rules_for
from autoscaler.simulator.soak.journal import Journal, Say
from autoscaler.simulator.soak.limits import RELOAD_GRACE_S
from autoscaler.simulator.soak.network import Network, Trap
from autoscaler.simulator.soak.plan import Plan, Step, draw_plan
from autoscaler.simulator.soak.process import Disk, Process, open_store
from autoscaler.simulator.soak.report import RunReport
from autoscaler.simulator.soak.rest import check_rest
from autoscaler.simulator.soak.virtual_loop import DeadlockError, ProcessClock, run_virtual
from autoscaler.state import StateLockedError, VolatileState

EPOCH_S = 1_800_000_000.0
"""The platform's clock at second 0 of every run."""
TOKEN = "everai-soak-token-3f9a"  # noqa: S105 - of an emulator
ENDLESS_S = 1e7
_RAM_DISK = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


def run_seed(seed: int, hours: float, say: Say | None = None) -> RunReport:
    """Run one seed for ``hours`` simulated hours.

    The event log goes to ``say``, line by line. The run ends early at the first broken rule.
    """
    return run_plan(draw_plan(seed, hours), say)


def run_plan(plan: Plan, say: Say | None = None) -> RunReport:
    """Run a plan, as :func:`run_seed` does."""
    started = time.process_time()
    collecting = gc.isenabled()
    gc.disable()
    try:
        with TemporaryDirectory(dir=_RAM_DISK if _RAM_DISK.is_dir() else None) as folder:
            return _run(plan, Path(folder), started, say)
    finally:
        if collecting:
            gc.enable()


def _run(plan: Plan, folder: Path, started: float, say: Say | None) -> RunReport:
    worlds: list[World] = []

    async def live() -> None:
        world = World(plan, folder, say)
        worlds.append(world)
        await world.live()

    try:
        run_virtual(live())
    except DeadlockError as error:
        worlds[0].journal.fail("deadlock", "", str(error))
    world = worlds[0]
    return RunReport(
        seed=plan.seed,
        hours=min(plan.end_s, world.ended_s) / 3600,
        digest=world.journal.digest,
        cpu_s=time.process_time() - started,
        counts=world.journal.counts,
        broken=tuple(world.journal.broken[:10]),
    )


@dataclass(slots=True)
class _Life:
    """The daemon's lives.

    Attributes:
        number, offset_s: of the latest, and its clock error. alive: its process, if one lives.
        ending: whether one is being ended. tasks: that end one at a scale call.
    """

    number: int = 0
    offset_s: float = 0.0
    alive: Process | None = None
    ending: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class World:
    """Runs a plan.

    Attributes:
        journal: what happened. ended_s: loop time at which the run ended.
    """

    def __init__(self, plan: Plan, folder: Path, say: Say | None) -> None:
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self.journal = Journal(self._loop.time, say)
        self.ended_s = 0.0
        self._store = folder / "state.db"
        self._disk = Disk()
        self._fleet = Fleet(plan.scenario, epoch_s=EPOCH_S)
        handler = Handler(plan.scenario, self._fleet, token=TOKEN, now=self._platform_now)
        self._checks = Checks(
            self._fleet,
            self.journal,
            self._loop.time,
            self._store,
            lambda: self._disk.failed_s,
            plan.fleet_max,
        )
        self._network = Network(
            handler,
            weather=plan.weather,
            rng=stream(plan.seed, "network"),
            journal=self.journal,
            witness=self._checks,
        )
        self._specs = plan.specs
        self._life = _Life()

    def _platform_now(self) -> float:
        return EPOCH_S + self._loop.time()

    # -- the run ------------------------------------------------------------------------------

    async def live(self) -> None:
        """Run the plan to its end, or to the first broken rule."""
        self._configure(self._plan.specs)
        self._start(self._plan.offset_s)
        for order in self._plan.orders:
            self._loop.call_later(order.at_s, self._order, order)
        for step in self._plan.steps:
            if not await self._until(step.at_s):
                return
            self.journal.note(f"world {step.do}")
            await self._do(step)
        if await self._until(self._plan.quiet_from_s):
            await self._calm()
            if await self._until(self._plan.end_s):
                self._judge_rest()
        await self._end()

    async def _until(self, at_s: float) -> bool:
        """Let the run go on until ``at_s``; return whether every rule held."""
        while not self.journal.broken and self._loop.time() < at_s:  # noqa: ASYNC110
            await asyncio.sleep(min(10.0, at_s - self._loop.time()))
        if self.journal.broken:
            await self._end()
        return not self.journal.broken

    async def _end(self) -> None:
        if self.ended_s:
            return
        self.ended_s = self._loop.time()
        self._take_books()
        for task in self._life.tasks:
            task.cancel()
        for process in list(self._checks.processes.values()):
            await process.kill()

    async def _calm(self) -> None:
        """End all trouble, and give every app work that never ends."""
        self.journal.note("world calms down")
        self._network.trap = None
        self._disk.full = False
        self._configure(self._plan.specs)
        for key, requests in self._endless().items():
            app = self._app(key)
            app.knobs = app.knobs.model_copy(update={"troubles": Troubles()})
            for _ in range(requests):
                app.send(ENDLESS_S)

    def _endless(self) -> dict[AppKey, int]:
        keys = (spec.key for spec in self._plan.specs)
        return dict(zip(keys, self._plan.endless, strict=True))

    def _judge_rest(self) -> None:
        process = self._life.alive
        if process is None:
            self.journal.fail("no-process", "", "no daemon lives at the end")
            return
        for spec in self._plan.specs:
            check_rest(spec, self._app(spec.key), process, self.journal, self._plan.fleet_max)

    def _take_books(self) -> None:
        counts = self.journal.counts
        for spec in self._plan.specs:
            books = self._app(spec.key).books
            counts["requests arrived"] += books.arrived
            counts["requests served"] += books.served
            counts["requests lost, raced"] += books.lost_raced
            counts["requests lost to scale-down"] += books.lost_to_scale_down
            counts["raced removals"] += books.raced.count
            counts["workers started"] += books.started
            counts["fault worker crash"] += books.crashes
            counts["fault worker outage"] += books.outages
            counts["fault failed start"] += books.start_failures
            for event in self._app(spec.key).knobs.events:
                if event.do in ("update", "pause", "set-max-workers"):
                    counts[f"fault app {event.do}"] += 1
        self.journal.counts = +counts

    # -- steps --------------------------------------------------------------------------------

    async def _do(self, step: Step) -> None:
        match step.do:
            case "kill" | "stop":
                await self._end_process(step)
            case "kill-at-call":
                self._network.trap = Trap(step.operation, step.stage, lambda: self._spring(step))
            case "reload":
                self._fault("configuration reload")
                self._configure(step.specs)
            case "disk-full" | "disk-free":
                self._disk.full = step.do == "disk-full"
                self.journal.counts["fault disk full"] += self._disk.full
            case "second-replica":
                self._second_replica()
            case "foreign-up" | "foreign-down":
                self._meddle(self._plan.specs[step.app].key, up=step.do == "foreign-up")
            case "dry-run":
                self._start_dry_run(step)

    def _order(self, order: Order) -> None:
        self._life.tasks.append(self._loop.create_task(self._give(order)))

    async def _give(self, order: Order) -> None:
        """Order by hand; a pause that is confirmed must hold."""
        process, pauses = self._life.alive, self._checks.pauses
        if process is None or self._life.ending:
            return
        pause = order.kind is InterventionKind.PAUSE
        if pause or not order.for_s:
            pauses.ended(order.app)
        self.journal.note(f"world orders {order.kind} {order.direction} {order.workers}")
        try:
            await process.obey(order)
        except (KeyError, StateError):
            self.journal.count("orders by hand that were not confirmed")
            return
        if pause and order.for_s and process is self._life.alive:
            pauses.confirmed(order)

    def _fault(self, kind: str) -> None:
        self.journal.count(f"fault {kind}")

    def _spring(self, step: Step) -> None:
        """Kill the process that is in the middle of a call."""
        self.journal.note(f"world kills at {step.operation} {step.stage}")
        self._life.tasks.append(self._loop.create_task(self._end_process(step)))

    async def _end_process(self, step: Step) -> None:
        process = self._life.alive
        if process is None or self._life.ending:
            return
        self._life.ending = True
        if step.do == "stop":
            self._fault("restart")
            await process.stop()
        else:
            self._fault("SIGKILL" if step.do == "kill" else f"SIGKILL at {step.operation}")
            await process.kill()
        del self._checks.processes[process.name]
        self._life.alive = None
        self.journal.note(f"{process.name} ended by {step.do}")
        await asyncio.sleep(step.down_s)
        self._spoil(step)
        if step.offset_s != self._life.offset_s:
            self._fault("clock jump over a restart")
            self._checks.clock_changed()
        self._start(step.offset_s)
        self._life.ending = False

    def _spoil(self, step: Step) -> None:
        if step.spoil == "nothing" or not self._store.exists():
            return
        self._fault(f"store spoiled: {step.spoil}")
        self._checks.memory_lost(f"p{self._life.number + 1}")
        match step.spoil:
            case "header":
                for suffix in ("-wal", "-shm"):
                    self._store.with_name(self._store.name + suffix).unlink(missing_ok=True)
                self._store.write_bytes(b"not a database" * 100)
            case "row":
                with sqlite3.connect(self._store) as db:
                    db.execute("UPDATE memory SET row = x'7b226261'")
                db.close()
            case "deleted":
                for suffix in ("", "-wal", "-shm"):
                    self._store.with_name(self._store.name + suffix).unlink(missing_ok=True)

    def _start(self, offset_s: float) -> None:
        """Start the next life on the store of the last."""
        self._life.number += 1
        self._life.offset_s = offset_s
        state = open_store(self._store, self._disk)
        if state.trust is not Trust.WHOLE:
            self._checks.memory_lost(f"p{self._life.number}")
        self.journal.note(f"p{self._life.number} starts, memory {state.trust}, clock {offset_s:+g}")
        self._life.alive = self._make(f"p{self._life.number}", state, offset_s, dry_run=False)
        self._life.alive.start(self._specs)

    def _make(self, name: str, state: State, offset_s: float, *, dry_run: bool) -> Process:
        if offset_s:
            self._fault("clock off")
        process = Process(
            name,
            network=self._network,
            state=state,
            clock=ProcessClock(EPOCH_S, offset_s),
            journal=self.journal,
            token=TOKEN,
            rng=stream(self._plan.seed, name),
            fleet_max=self._plan.fleet_max,
            dry_run=dry_run,
        )
        self._checks.processes[name] = process
        return process

    def _start_dry_run(self, step: Step) -> None:
        self._fault("dry run beside")
        process = self._make("dry", VolatileState(), step.offset_s, dry_run=True)
        process.start(self._specs)

    def _second_replica(self) -> None:
        """Open the store as another process would: refused while the first lives."""
        if self._life.alive is None:
            return
        self._fault("second replica")
        try:
            state = open_store(self._store, self._disk)
        except StateLockedError:
            return
        state.abandon()
        self.journal.fail("two-processes", "", "a second process could open the store")

    def _meddle(self, key: AppKey, *, up: bool) -> None:
        """Scale as somebody else does: a console, a script."""
        self._fault("foreign scaler")
        app = self._app(key)
        if app.paused_at is not None:
            return
        if up:
            app.last_scale_up_at = app.now
            app.start(by_caller=False)
        elif app.free:
            app.last_scale_down_at = app.now
            app.exits.append(app.now)
            app.remove(next(iter(app.free.values())), by_caller=False)

    # -- configuration ------------------------------------------------------------------------

    def _configure(self, specs: tuple[AppSpec, ...]) -> None:
        """Put a configuration in force; for a while the referee lets either bounds hold."""
        self._specs = specs
        self._checks.put_in_force(specs)
        for spec in specs:
            app = self._app(spec.key)
            old, new = app.knobs.rules, rules_for(spec)
            both = new.model_copy(
                update={
                    "min_workers": min(old.min_workers, new.min_workers),
                    "max_workers": max(old.max_workers or 0, new.max_workers or 0),
                }
            )
            app.knobs = app.knobs.model_copy(update={"rules": both})
            self._loop.call_later(RELOAD_GRACE_S, self._tighten, spec)
        if self._life.alive is not None:
            self._life.alive.apply(specs)

    def _tighten(self, spec: AppSpec) -> None:
        """Let only the new bounds hold, if they are still in force."""
        if self._checks.configured[spec.key].spec is spec:
            app = self._app(spec.key)
            app.knobs = app.knobs.model_copy(update={"rules": rules_for(spec)})

    def _app(self, key: AppKey) -> App:
        return self._fleet.app(key.name, key.namespace)


__all__ = ["World", "run_seed"]
