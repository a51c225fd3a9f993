"""The order of things around a scale call, and what is known after each way it can end."""

from __future__ import annotations

import asyncio

import pytest

from autoscaler.control.fleet import Ceilings, Fleet
from autoscaler.decision.memory import OrderOutcome
from autoscaler.model import Reason, ScaleUp, WorkerState
from autoscaler.model.errors import Rejected, ServerFault, Unreachable
from autoscaler.ports import Outcome
from tests.fakes.bench import Bench
from tests.fakes.clock import settle
from tests.fakes.stories import KEY


async def test_the_intent_is_stored_before_a_scale_up_leaves(bench: Bench) -> None:
    bench.app("a", wants=3)
    found: list[tuple[OrderOutcome, int]] = []

    async def read_store() -> None:
        stored = await bench.state.load(KEY)
        assert stored is not None
        found.extend((order.outcome, order.count) for order in stored.up_orders)

    bench.platform.on("up", read_store)
    await bench.pass_()
    assert found == [(OrderOutcome.INTENDED, 2)]


async def test_the_intent_is_stored_before_a_scale_down_leaves(bench: Bench) -> None:
    bench.app("a", "b", wants=1)
    found: list[frozenset[str]] = []

    async def read_store() -> None:
        stored = await bench.state.load(KEY)
        assert stored is not None
        found.append(stored.leaving)

    bench.platform.on("down", read_store)
    await bench.pass_()
    assert found == [{"a"}]


async def test_an_accepted_order_keeps_the_named_ids(bench: Bench) -> None:
    bench.app("a", wants=3)
    await bench.pass_()
    (order,) = bench.memory().up_orders
    assert (order.outcome, order.worker_ids) == (OrderOutcome.ACCEPTED, ("new1", "new2"))
    assert bench.recorder.scalings[0].outcome is Outcome.APPLIED


@pytest.mark.parametrize("applied", [True, False])
async def test_a_lost_reply_leads_to_exactly_as_many_workers_as_wanted(
    bench: Bench,
    applied: bool,  # noqa: FBT001 - a table
) -> None:
    app = bench.app("a", wants=4)
    app.lag_s = 30
    bench.platform.lose_reply("up", applied=applied)
    for _ in range(20):
        await bench.pass_()
        assert app.present <= 4
        bench.platform.become(KEY, WorkerState.IN_FLIGHT, WorkerState.FREE)
    assert app.present == 4
    assert bench.recorder.outcomes()[0] is Outcome.UNKNOWN
    assert len(bench.platform.made("up")) == (1 if applied else 2)


@pytest.mark.parametrize("applied", [True, False])
async def test_a_lost_reply_to_a_removal_removes_exactly_as_many_as_wanted(
    bench: Bench,
    applied: bool,  # noqa: FBT001 - a table
) -> None:
    app = bench.app("a", "b", "c", wants=1)
    bench.platform.lose_reply("down", applied=applied)
    for _ in range(20):
        await bench.pass_()
    assert [w.id for w in app.workers.values() if w.state is WorkerState.FREE] == ["c"]
    assert sum(len(call.worker_ids) for call in bench.platform.made("down")) == (
        2 if applied else 4
    )


@pytest.mark.parametrize("error", [Rejected("no"), ServerFault("no"), Unreachable("no")])
async def test_a_call_that_surely_did_nothing_is_tried_again_at_the_next_pass(
    bench: Bench, error: Exception
) -> None:
    bench.app("a", wants=3)
    bench.platform.fail("up", error)
    await bench.pass_()
    assert bench.recorder.outcomes() == [Outcome.REJECTED]
    assert not bench.memory().up_orders
    assert not bench.memory().changes
    assert (await bench.pass_()).action == ScaleUp(2)
    assert bench.recorder.outcomes() == [Outcome.REJECTED, Outcome.APPLIED]


async def test_a_refusal_asks_anew_whether_the_app_may_be_scaled(bench: Bench) -> None:
    bench.app("a", wants=3)
    bench.platform.fail("up", Rejected("paused"))
    await bench.pass_()
    asked = len(bench.platform.made("app"))
    await bench.pass_()
    assert len(bench.platform.made("app")) == asked + 1


@pytest.mark.parametrize("applied", [True, False])
async def test_cancelled_during_an_order_the_store_knows_it_as_unknown(
    bench: Bench,
    applied: bool,  # noqa: FBT001 - a table
) -> None:
    app = bench.app("a", wants=3)
    bench.platform.hang("up", after_applying=applied)
    task = asyncio.create_task(bench.pass_())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await bench.state.flush()
    stored = await bench.state.load(KEY)
    assert stored is not None
    assert [order.outcome for order in stored.up_orders] == [OrderOutcome.UNKNOWN]
    assert [change.delta for change in stored.changes] == [2]
    assert bench.recorder.outcomes() == [Outcome.UNKNOWN]
    bench.restart()
    for _ in range(20):
        await bench.pass_()
        assert app.present <= 3
    assert app.present == 3


async def test_cancelled_during_a_removal_the_store_knows_it_as_unknown(bench: Bench) -> None:
    bench.app("a", "b", wants=1)
    bench.platform.hang("down")
    task = asyncio.create_task(bench.pass_())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stored = await bench.state.load(KEY)
    assert stored is not None
    assert [order.outcome for order in stored.down_orders] == [OrderOutcome.UNKNOWN]


async def test_a_fault_of_ours_during_the_call_never_leads_to_a_second_order(bench: Bench) -> None:
    app = bench.app("a", wants=3)
    app.lag_s = 40
    bench.platform.fail("up", RuntimeError("not a platform error"), after_applying=True)
    with pytest.raises(RuntimeError):
        await bench.pass_()
    for _ in range(10):
        assert (await bench.pass_()).reason in (Reason.OUTCOME_UNKNOWN, Reason.ORDER_PENDING)
        bench.clock.jump(-10)
    assert len(bench.platform.made("up")) == 1


async def test_a_fault_of_ours_during_a_removal_is_one_of_unknown_outcome(bench: Bench) -> None:
    bench.app("a", "b", wants=1)
    bench.platform.fail("down", RuntimeError("not a platform error"))
    with pytest.raises(RuntimeError):
        await bench.pass_()
    assert [o.outcome for o in bench.memory().down_orders] == [OrderOutcome.UNKNOWN]


# The last look


def changes_at_list(bench: Bench, number: int, *worker_ids: str) -> None:
    """Let these workers turn BUSY right before the given list is answered."""

    async def turn_busy() -> None:
        if len(bench.platform.made("list")) == number:
            for worker_id in worker_ids:
                bench.platform.change(KEY, worker_id, state=WorkerState.BUSY)

    bench.platform.on("list", turn_busy)


async def test_a_worker_that_changed_since_is_dropped_from_the_call(bench: Bench) -> None:
    bench.app("a", "b", "c", wants=1)
    changes_at_list(bench, 2, "a")
    await bench.pass_()
    (call,) = bench.platform.made("down")
    assert call.worker_ids == ("b",)
    assert bench.memory().leaving == {"b"}


async def test_where_all_changed_nothing_is_sent(bench: Bench) -> None:
    bench.app("a", "b", "c", wants=1)
    changes_at_list(bench, 2, "a", "b")
    await bench.pass_()
    assert bench.platform.made("down") == []
    (scaled,) = bench.recorder.scalings
    assert scaled.outcome is Outcome.NOT_SENT
    assert scaled.detail.startswith("CandidatesChanged")
    assert "a was free, is busy" in scaled.detail
    assert bench.memory().down_orders == ()
    assert (await bench.state.load(KEY)) == bench.memory(), "the intent is taken back"


async def test_a_confirming_list_older_than_two_seconds_sends_nothing(bench: Bench) -> None:
    bench.app("a", "b", wants=1)

    async def be_slow() -> None:
        if len(bench.platform.made("list")) == 2:
            bench.clock.jump(2.1)

    bench.platform.on("list", be_slow)
    await bench.pass_()
    assert bench.platform.made("down") == []
    assert "2 s" in bench.recorder.scalings[0].detail
    assert bench.memory().down_orders == ()


async def test_a_confirming_list_that_fails_sends_nothing(bench: Bench) -> None:
    bench.app("a", "b", wants=1)

    async def break_second() -> None:
        if len(bench.platform.made("list")) == 2:
            raise ServerFault("told to fail")

    bench.platform.on("list", break_second)
    await bench.pass_()
    assert bench.platform.made("down") == []
    assert bench.recorder.outcomes() == [Outcome.NOT_SENT]
    assert bench.memory().down_orders == ()


async def test_a_confirming_list_that_is_not_believed_sends_nothing(bench: Bench) -> None:
    app = bench.app("a", "b", wants=1)
    app.last_scale_up_at = bench.clock.now() - 500

    async def go_back() -> None:
        if len(bench.platform.made("list")) == 2:
            app.last_scale_up_at = bench.clock.now() - 900

    bench.platform.on("list", go_back)
    await bench.pass_()
    assert bench.platform.made("down") == []
    assert "StaleObservation" in bench.recorder.scalings[0].detail


async def test_workers_that_crash_between_the_lists_keep_the_minimum(bench: Bench) -> None:
    app = bench.app("a", "b", "c", "d", wants=1, min_workers=1)

    async def crash() -> None:
        if len(bench.platform.made("list")) == 2:
            del app.workers["d"]
            del app.workers["c"]

    bench.platform.on("list", crash)
    await bench.pass_()
    (call,) = bench.platform.made("down")
    assert call.worker_ids == ("a",), "of two left, one may go"


# The fleet's ceiling


async def test_the_fleets_ceiling_cuts_an_order_and_then_holds(bench: Bench) -> None:
    bench.fleet = Fleet(Ceilings(3))
    bench.app("a", wants=6)
    await bench.pass_()
    assert bench.platform.apps[KEY].present == 3
    await bench.pass_()
    assert bench.platform.apps[KEY].present == 3
    assert bench.recorder.decisions[-1].reason is Reason.FLEET_LIMIT
