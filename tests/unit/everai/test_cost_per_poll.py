"""What a poll costs, counted and not timed: a guard that needs no quiet machine.

The bounds are what was counted, and ten percent. Where a change needs more on purpose, raise them;
``make bench`` tells what that costs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import pytest

import autoscaler
from autoscaler.control.fleet import Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.everai import wire, wire_values
from autoscaler.model import AppKey
from autoscaler.policies.free_workers import FreeWorkersParams, FreeWorkersPolicy
from autoscaler.state import VolatileState
from autoscaler.telemetry import Metrics, Recorders
from autoscaler.web import Snapshot
from tests.fakes.stories import spec

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

pytestmark = pytest.mark.parametrize("world", ["direct"], indirect=True)

POLLS, WORKERS = 40, 10
CALLS_UNCHANGED, CALLS_CHANGED = 173 * 1.1, 279 * 1.1
PACKAGE = str(Path(autoscaler.__file__).parent)
Build = Callable[..., "Answer"]


class Calls:
    """Counts calls of this package's functions, while entered."""

    def __init__(self) -> None:
        self.by_name: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.by_name.total()

    def __enter__(self) -> Self:
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _: object) -> None:
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


async def polled(world: World, answers: list[Answer]) -> tuple[Calls, int]:
    """Return the calls of a number of passes over one app, and the connections opened."""
    server = await world.serve(*answers)
    recorder = Recorders((Metrics(version="0", dry_run=False), Snapshot()))
    client = await world.client(server)
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
    for _ in range(3):
        await reconciler.reconcile(run)
        world.clock.at += 15.0
    with Calls() as calls:
        for _ in range(POLLS):
            await reconciler.reconcile(run)
            world.clock.at += 15.0
    assert run.failures == 0
    return calls, server.connections


async def test_a_poll_of_an_unchanged_list(world: World, answer: Build) -> None:
    calls, connections = await polled(world, [answer(200, body(1))])
    assert connections == 1
    assert wire.OpenedList.__init__.__qualname__ not in calls.by_name
    assert calls.total / POLLS <= CALLS_UNCHANGED


async def test_a_poll_of_a_changed_list(world: World, answer: Build) -> None:
    calls, connections = await polled(world, [answer(200, body(n)) for n in range(POLLS + 5)])
    assert connections == 1
    assert calls.by_name[wire.OpenedList.__init__.__qualname__] == POLLS
    assert calls.by_name[wire_values._careful_time.__qualname__] == 0
    assert calls.total / POLLS <= CALLS_CHANGED
