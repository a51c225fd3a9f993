"""What a poll costs, counted and not timed: a guard that needs no quiet machine.

The bounds are what was counted, and ten percent. Where a change needs more on purpose, raise them;
``make bench`` tells what that costs.
"""

from __future__ import annotations

import gc
import logging
import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import pytest
import structlog

import autoscaler
from autoscaler.app.prices import Prices
from autoscaler.control.fleet import Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.everai import wire, wire_values, wire_workers
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.model import AppKey
from autoscaler.policies.free_workers import FreeWorkersParams, FreeWorkersPolicy
from autoscaler.settings import Settings
from autoscaler.state import VolatileState
from autoscaler.telemetry import DecisionLog, Metrics, Recorders
from autoscaler.telemetry.serialize import decision_fields
from autoscaler.web import Changes, Snapshot
from tests.fakes.stories import spec

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

direct = pytest.mark.parametrize("world", ["direct"], indirect=True)

POLLS, WORKERS = 40, 10
CALLS_UNCHANGED, CALLS_CHANGED = 185 * 1.1, 257 * 1.1
"""Calls of functions of this package, those compiled by ``model/frozen.py`` left out."""
BYTES_UNCHANGED, BYTES_CHANGED = 7136 * 1.1, 10_818 * 1.1
"""Allocated at the same time in the course of a poll, and freed again."""
SENT, RECEIVED = 2 * 1.1, 2 * 1.1
"""System calls on sockets: of the client and of the server, which is in this process."""
WORKER_FIELDS, LIST_FIELDS = 14 * 1.1, 8 * 1.1
"""Fields that are decoded, of a worker and of the list around them; the platform sends more."""
LOG = structlog.wrap_logger(
    structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
)
PACKAGE = str(Path(autoscaler.__file__).parent)
Build = Callable[..., "Answer"]


class Calls:
    """Counts calls of this package's functions, and system calls on sockets, while entered."""

    def __init__(self) -> None:
        self.by_name: Counter[str] = Counter()
        self.on_sockets: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.by_name.total()

    def __enter__(self) -> Self:
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, told: object) -> None:
        if event == "c_call" and isinstance(getattr(told, "__self__", None), socket.socket):
            self.on_sockets[getattr(told, "__name__", "")] += 1
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and code.co_name[0] != "<":
            self.by_name[code.co_qualname] += 1


def body(served: int) -> dict[str, Any]:
    row = {
        "status": "STATUS_RUNNING",
        "detailStatus": "DETAIL_STATUS_BUSY",
        "createdAt": "2024-09-29T09:35:18.362Z",
        "lastServeAt": "2024-09-29T09:36:02.218108Z",
        "successCount": served,
    }
    rows = [{**row, "id": f"w{number}"} for number in range(WORKERS)]
    return {"workers": [{**rows[0], "detailStatus": "DETAIL_STATUS_FREE"}, *rows[1:]]}


@dataclass
class Polled:
    """What a number of passes over one app took.

    Attributes:
        calls: counted. connections: opened. bytes_each: allocated in the course of each pass.
    """

    calls: Calls
    connections: int
    bytes_each: float


async def polled(world: World, answers: list[Answer]) -> Polled:
    """Poll one app a number of times, with everything that listens."""
    server = await world.serve(*answers)
    prices = Prices()
    prices.show(Settings())
    recorder = Recorders(
        (
            Metrics(version="0", dry_run=False, price_of=prices.per_hour),
            Snapshot(),
            Changes(),
            DecisionLog(LOG),
            HistoryRecorder(world.clock, decision_fields, prices.of),
        )
    )
    client = await world.client(server)
    client._caller._on_call = recorder.platform_called
    reconciler = Reconciler(
        GuardedPlatform(client, Budget(world.clock, None), Breaker(world.clock)),
        VolatileState(),
        world.clock,
        recorder,
        Fleet(),
    )
    policy = FreeWorkersPolicy(FreeWorkersParams())
    run = AppRun(spec(key=AppKey("default", "a"), policies=(policy,), max_workers=20))
    run.app_facts_due_at = float("inf")

    async def poll() -> None:
        await reconciler.reconcile(run)
        world.clock.at += 0.1  # within one minute of the history

    for _ in range(POLLS):
        await poll()
    with Calls() as calls:
        for _ in range(POLLS):
            await poll()
    bytes_each = await allocated(poll)
    assert run.failures == 0
    return Polled(calls, server.connections, bytes_each)


async def allocated(poll: Callable[[], Awaitable[None]]) -> float:
    """Return bytes that a pass allocates and frees again: at their highest, the median pass."""
    peaks = []
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(2 * POLLS):
            at = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            await poll()
            peaks.append(tracemalloc.get_traced_memory()[1] - at)
    finally:
        tracemalloc.stop()
    return median(peaks)


@pytest.fixture(autouse=True)
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let asyncio make room for 4 KiB at a time, not 256: what we take would not be seen."""
    monkeypatch.setattr("asyncio.selector_events._SelectorSocketTransport.max_size", 2**12)


@direct
async def test_a_poll_of_an_unchanged_list(world: World, answer: Build) -> None:
    found = await polled(world, [answer(200, body(1))])
    assert found.connections == 1
    assert wire.OpenedList.__init__.__qualname__ not in found.calls.by_name
    assert found.calls.total / POLLS <= CALLS_UNCHANGED
    assert found.bytes_each <= BYTES_UNCHANGED


@direct
async def test_a_poll_of_a_changed_list(world: World, answer: Build) -> None:
    found = await polled(world, [answer(200, body(n)) for n in range(4 * POLLS)])
    by_name = found.calls.by_name
    assert found.connections == 1
    assert by_name[wire.OpenedList.__init__.__qualname__] == POLLS
    assert by_name[wire_values._careful_time.__qualname__] == 0
    assert found.calls.total / POLLS <= CALLS_CHANGED
    assert found.bytes_each <= BYTES_CHANGED


@direct
async def test_the_system_calls_of_a_poll(world: World, answer: Build) -> None:
    sockets = (await polled(world, [answer(200, body(1))])).calls.on_sockets
    assert sockets["send"] / POLLS <= SENT
    assert (sockets["recv"] + sockets["recv_into"]) / POLLS <= RECEIVED
    assert sockets["connect"] == sockets["accept"] == 0


def test_the_fields_that_are_decoded() -> None:
    assert len(wire_workers.WireWorker.__struct_fields__) <= WORKER_FIELDS
    assert len(wire._WorkerList.__struct_fields__) <= LIST_FIELDS
