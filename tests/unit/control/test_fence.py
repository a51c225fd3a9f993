"""Right before every scale call: may it leave, and when must it be over?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from autoscaler.decision.memory import OrderOutcome
from autoscaler.model import AppKey, WorkerState
from autoscaler.ports import Leadership, Outcome, Term
from tests.fakes.bench import Bench
from tests.fakes.stories import KEY


@dataclass(slots=True)
class Fence:
    """A leadership that a test decides. ``asked``: how often it was asked."""

    left: float = 100.0
    asked: int = 0
    identity: str = "me"
    leader: str = "me"
    term: Term | None = None
    parts: tuple[Leadership, ...] = ()

    def of(self, app: AppKey) -> Leadership:
        return self

    def left_s(self) -> float:
        self.asked += 1
        return self.left


@pytest.fixture
def fence(bench: Bench) -> Fence:
    fence = Fence()
    bench.leadership = fence
    return fence


async def test_who_does_not_lead_orders_nothing(bench: Bench, fence: Fence) -> None:
    fence.left = 0.0
    bench.app("a", wants=3)
    await bench.pass_()
    assert bench.platform.made("up") == []
    (scaled,) = bench.recorder.scalings
    assert scaled.outcome is Outcome.NOT_SENT
    assert scaled.detail.startswith("NotLeader: ")
    assert bench.memory().up_orders == ()


async def test_who_does_not_lead_removes_nothing(bench: Bench, fence: Fence) -> None:
    fence.left = 0.0
    bench.app("a", "b", wants=1)
    await bench.pass_()
    assert bench.platform.made("down") == []
    assert bench.recorder.outcomes() == [Outcome.NOT_SENT]
    assert bench.memory().down_orders == ()


async def test_the_fence_is_asked_after_the_confirming_list(bench: Bench, fence: Fence) -> None:
    lists = 0

    async def lose_the_lead_at_the_second_list() -> None:
        nonlocal lists
        lists += 1
        if lists == 2:
            fence.left = 0.0

    bench.app("a", "b", wants=1)
    bench.platform.on("list", lose_the_lead_at_the_second_list)
    await bench.pass_()
    assert lists == 2
    assert bench.platform.made("down") == []
    assert bench.recorder.outcomes() == [Outcome.NOT_SENT]


async def test_each_call_is_asked_for_anew(bench: Bench, fence: Fence) -> None:
    bench.app("a", wants=3)
    await bench.pass_()
    assert fence.asked == 1
    assert len(bench.platform.made("up")) == 1
    bench.platform.become(KEY, WorkerState.IN_FLIGHT, WorkerState.FREE)
    await bench.pass_(wants=3)
    assert fence.asked == 1, "a hold asks for nothing"
    await bench.pass_(wants=1)
    assert fence.asked == 2
    assert len(bench.platform.made("down")) == 1


@pytest.mark.parametrize("operation", ["up", "down"])
async def test_a_call_ends_when_the_lease_is_not_surely_ours(
    bench: Bench, fence: Fence, operation: str
) -> None:
    fence.left = 0.05
    bench.app("a", "b", wants=4 if operation == "up" else 1)
    bench.platform.hang("up")
    bench.platform.hang("down")
    async with asyncio.timeout(20):
        await bench.pass_()
    (scaled,) = bench.recorder.scalings
    assert scaled.outcome is Outcome.UNKNOWN
    assert "as long as the lease is surely ours" in scaled.detail
    memory = bench.memory()
    (order,) = memory.up_orders if operation == "up" else memory.down_orders
    assert order.outcome is OrderOutcome.UNKNOWN
