"""One daemon process of the simulation: the real parts, wired as the daemon wires them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from autoscaler.control.fleet import Ceilings, Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.interventions import Desk
from autoscaler.control.pacing import Pacer
from autoscaler.control.reconciler import Reconciler
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision import AppMemory, AppSpec
from autoscaler.emulator.rng import Random
from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import AppKey, InterventionKind
from autoscaler.model.errors import StateError
from autoscaler.ports import State
from autoscaler.simulator.soak.by_hand import Order
from autoscaler.simulator.soak.journal import Journal
from autoscaler.simulator.soak.network import Network, ProcessTransport
from autoscaler.simulator.soak.recorder import SoakRecorder
from autoscaler.simulator.soak.virtual_loop import ProcessClock
from autoscaler.state import SqliteState

ENDPOINT = "http://platform.invalid"
CONCURRENCY = 64
_TICK_S = 0.1
_TICK_MAX_S = 1.0
_FLUSH_S = 5.0
_WRITES = frozenset({"_write", "_execute"})


class Disk:
    """The disk under the store; while it is full every write fails.

    Attributes:
        failed_s: loop time of the last write that failed.
    """

    def __init__(self) -> None:
        self.full = False
        self.failed_s = float("-inf")

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the store in place."""
        if self.full and function.__name__ in _WRITES:
            self.failed_s = asyncio.get_running_loop().time()
            raise sqlite3.OperationalError("database or disk is full")
        return function(*args)


def open_store(path: Path, disk: Disk) -> SqliteState:
    """Open the store as a process does.

    Raises:
        StateLockedError: another process has it.
    """
    return SqliteState(path, ENDPOINT, run=disk.run)


class Process:
    """A running daemon, without its signals, its web server and its scheduler.

    Attributes:
        name: unique in the run; also what the platform sees in its user agent.
        recorder: what it reported. started_s: loop time of its start.
    """

    def __init__(
        self,
        name: str,
        *,
        network: Network,
        state: State,
        clock: ProcessClock,
        journal: Journal,
        token: str,
        rng: Random,
        fleet_max: int | None,
        dry_run: bool = False,
    ) -> None:
        self.name = name
        self.dry_run = dry_run
        self.started_s = asyncio.get_running_loop().time()
        self.recorder = SoakRecorder(name, journal, token)
        self._journal = journal
        self._state = state
        self._clock = clock
        self._client = EverAIClient(
            ENDPOINT,
            TokenSource.from_value(token),
            clock=clock,
            rng=rng,
            on_call=self.recorder.platform_called,
            transport=ProcessTransport(name, network),
        )
        self._reconciler = Reconciler(
            platform=GuardedPlatform(self._client, Budget(clock, None), Breaker(clock)),
            state=state,
            clock=clock,
            recorder=self.recorder,
            fleet=Fleet(Ceilings(fleet_max)),
            dry_run=dry_run,
        )
        self._pacer = Pacer(rng)
        self._supervisor = Supervisor(
            self._reconciler, pacer=self._pacer, on_fault=self._fault, concurrency=CONCURRENCY
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, specs: Iterable[AppSpec]) -> None:
        """Begin."""
        self.apply(specs)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._ticks()), loop.create_task(self._flushes())]

    def apply(self, specs: Iterable[AppSpec]) -> None:
        """Put a configuration in force."""
        self._supervisor.apply(specs)

    async def obey(self, order: Order) -> None:
        """Take an order by hand, as the API does; errors as of ``Desk``."""
        desk = Desk(self._supervisor, self._reconciler)
        if order.for_s:
            await desk.intervene(order.app, order.intervention(self._clock.now()))
        else:
            await desk.end(order.app, frozenset(InterventionKind), "ann", "a simulation")

    def memory(self, app: AppKey) -> AppMemory | None:
        """Return what it remembers of an app."""
        return self._supervisor._apps[app].memory  # noqa: SLF001 - a look inside, to judge

    async def kill(self) -> None:
        """End as with SIGKILL: what was not on disk is lost, no cleanup code can write."""
        if isinstance(self._state, SqliteState):
            self._state.abandon()
        passes = self._supervisor._passes  # noqa: SLF001 - a SIGKILL asks nobody
        tasks = (*self._tasks, *passes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End as with SIGTERM."""
        await self._supervisor.stop(5.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()
        try:
            await self._state.close()
        except StateError:
            self._journal.count("state writes failed: at the end")

    async def _ticks(self) -> None:
        while True:
            self._supervisor.tick()
            due_at = self._pacer.next_due_at()
            wait_s = _TICK_MAX_S if due_at is None else due_at - self._clock.now()
            await asyncio.sleep(min(max(wait_s, _TICK_S), _TICK_MAX_S))

    async def _flushes(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            await self._supervisor.flush()

    def _fault(self, app: AppKey, error: Exception) -> None:
        self._journal.fail("pass-raised", str(app), f"{type(error).__name__}: {error}")
