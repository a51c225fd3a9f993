"""Faults that the whole-system simulation found, each as the smallest case that shows it."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.decision.clock import follow_clock
from autoscaler.decision.expectations import (
    after_restart,
    follow_scale_times,
    open_down_order,
    open_up_order,
    up_order_ended,
)
from autoscaler.decision.memory import AppMemory, OrderOutcome, Starting
from autoscaler.decision.pipeline import decide
from autoscaler.decision.quality import judge, put_off
from autoscaler.decision.rollout import NO_ROLLOUT, find_rollout
from autoscaler.decision.roster import roster_of
from autoscaler.decision.spec import Startup
from autoscaler.decision.startup import follow_starts
from autoscaler.model import Observation, Reason
from tests.fakes.clock import T0
from tests.fakes.stories import Story, look, spec, worker

DEADLINE_S = 60.0


def ordered(outcome: OrderOutcome, at: float = 0.0) -> AppMemory:
    """Return memory with one order of one worker, named ``new``, sent at story second ``at``."""
    seen = replace(AppMemory(), platform_up_at=T0 - 500, last_look_at=T0 + at)
    memory = open_up_order(seen, 1, T0 + at, DEADLINE_S)
    names = ("new",) if outcome is OrderOutcome.ACCEPTED else ()
    return up_order_ended(memory, outcome, names, T0 + at + 1)


def dated(at: float, ahead_s: float) -> Observation:
    """Return a list at our second ``at``, by a clock ``ahead_s`` ahead of the platform's."""
    return look(at=at, platform_now=T0 + at - ahead_s - 0.5)


def test_a_clock_set_forward_over_a_restart_moves_the_deadlines_along() -> None:
    before = follow_clock(ordered(OrderOutcome.UNKNOWN), dated(5.0, 0.0), DEADLINE_S)
    restarted = after_restart(before, T0 + 310)
    moved = follow_clock(restarted, dated(311.0, 300.0), DEADLINE_S)
    order = moved.up_orders[0]
    assert (order.sent_at, order.deadline_at) == (T0 + 300.0, T0 + 360.0)
    assert moved.restarted_at is None


def test_a_clock_set_back_over_a_restart_moves_them_back() -> None:
    before = follow_clock(ordered(OrderOutcome.UNKNOWN, at=500), dated(505.0, 0.0), DEADLINE_S)
    restarted = after_restart(before, T0 + 210)
    order = follow_clock(restarted, dated(211.0, -300.0), DEADLINE_S).up_orders[0]
    assert (order.sent_at, order.deadline_at) == (T0 + 200.0, T0 + 260.0)


def test_a_clock_that_was_not_set_moves_nothing() -> None:
    before = follow_clock(ordered(OrderOutcome.UNKNOWN), dated(5.0, 0.0), DEADLINE_S)
    restarted = after_restart(before, T0 + 10)
    assert follow_clock(restarted, dated(11.0, 0.3), DEADLINE_S).up_orders == before.up_orders


def test_a_list_without_a_trace_of_an_accepted_order_is_old() -> None:
    memory = ordered(OrderOutcome.ACCEPTED)
    untouched = {"last_scale_up_at": T0 - 500}
    doubt, _ = judge(roster_of(look(at=30, **untouched), {}), memory, T0 + 30)
    assert doubt is None, "before the deadline the platform may still be writing"
    doubt, _ = judge(roster_of(look(at=61, **untouched), {}), memory, T0 + 61)
    assert doubt is not None
    assert doubt.reason is Reason.STALE_OBSERVATION
    doubt, _ = judge(roster_of(look(at=61, last_scale_up_at=T0 + 0.5), {}), memory, T0 + 61)
    assert doubt is None


def test_a_list_without_a_trace_of_an_accepted_removal_is_old() -> None:
    seen = replace(AppMemory(), platform_down_at=T0 - 500)
    opened = open_down_order(seen, (worker("a"),), T0, DEADLINE_S)
    order = replace(opened.down_orders[0], outcome=OrderOutcome.ACCEPTED)
    memory = replace(opened, down_orders=(order,))
    doubt, _ = judge(
        roster_of(look(worker("a"), at=61, last_scale_down_at=T0 - 500), {}), memory, T0 + 61
    )
    assert doubt is not None


def test_a_stale_list_puts_off_the_end_of_an_open_order_but_not_for_ever() -> None:
    memory = ordered(OrderOutcome.ACCEPTED)
    assert put_off(memory, T0 + 50, DEADLINE_S).up_orders[0].deadline_at == T0 + 110
    for at in range(0, 5000, 30):
        memory = put_off(memory, T0 + at, DEADLINE_S)
    assert memory.up_orders[0].deadline_at == T0 + 660
    assert put_off(AppMemory(), T0, DEADLINE_S) == AppMemory()


def test_the_confirming_list_tells_of_scale_calls_too() -> None:
    memory = replace(AppMemory(), platform_down_at=T0 - 500)
    newer = follow_scale_times(memory, look(at=1, last_scale_down_at=T0 - 10), T0 + 1)
    assert newer.platform_down_at == T0 - 10
    assert newer.foreign == (T0 + 1,)
    doubt, _ = judge(roster_of(look(at=2, last_scale_down_at=T0 - 500), {}), newer, T0 + 2)
    assert doubt is not None


def test_a_worker_that_is_named_nowhere_must_stay_missing_for_a_deadline() -> None:
    story = Story(spec()).at(0).wants(2).sees("a free", "b free")
    story.at(15).sees("a free", fields={"show_all": True})
    story.expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(30).sees("a free", fields={"show_all": True})
    story.expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(75).sees("a free", fields={"show_all": True}).expects(scale_up=1)


def test_two_lists_that_lack_different_workers_confirm_nothing() -> None:
    story = Story(spec()).at(0).wants(2).sees("a free", "b free")
    story.at(15).sees("b free").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(30).sees("a free").expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.at(45).sees("a free", "b free").expects(hold=Reason.AT_TARGET)


def test_an_unknown_state_for_a_moment_does_not_end_a_start() -> None:
    start = Starting(T0 - 100, T0 - 100, overdue=True, ordered=True)
    memory = replace(AppMemory(), starting={"a": start})
    odd = look(worker("a", "unknown"), at=0)
    followed = follow_starts(memory, roster_of(odd, {}), Startup(), {}, (), T0)
    assert followed.starting == {"a": start}


def test_a_failed_replacement_shows_that_unmarked_workers_replace_nobody() -> None:
    old = worker("old", app_revision="r1", at=-100)
    new = worker("new", "in_flight", app_revision="r2", at=-5)
    failed = worker("failed", "error", app_revision="r2", at=-10, replace_worker_id="old")
    assert find_rollout(look(old, new), ()) != NO_ROLLOUT
    assert not find_rollout(look(old, new, failed), ()).newcomers


def test_a_stale_look_of_the_pipeline_puts_the_order_off() -> None:
    memory = ordered(OrderOutcome.ACCEPTED)
    _, after = decide(spec(), look(at=50, last_scale_up_at=T0 - 900), memory, T0 + 50)
    assert after.up_orders[0].deadline_at == T0 + 110
