"""The life of a scale-up order, told from every way its reply can end."""

from __future__ import annotations

import pytest

from autoscaler.decision.memory import Call, OrderOutcome
from autoscaler.model import Reason, Worker
from tests.fakes.clock import T0
from tests.fakes.stories import Sending, Story, spec, worker


def ordering(how: Sending, *, ids: tuple[str, ...] = ()) -> Story:
    """At 0 s two workers were wanted beside one busy one, and the call ended like this."""
    story = Story(spec(order_deadline_s=60))
    story.at(0).wants(3).sees("a busy").expects(scale_up=2, reason=Reason.LOAD_ABOVE_CAPACITY)
    return story.sends(how, ids=ids)


def starting(*names: str, at: float = 0) -> tuple[Worker, ...]:
    return tuple(worker(name, "in_flight", at=at) for name in names)


# Named by the reply


def test_named_workers_are_capacity_until_each_is_listed() -> None:
    story = ordering("accepted", ids=("x", "y"))
    story.at(15).sees("a busy").expects(hold=Reason.ORDER_PENDING, on_order=2, capacity=3)
    story.scaled_at(up=0)
    story.at(30).sees("a busy", worker("x", "in_flight", at=1))
    story.expects(hold=Reason.ORDER_PENDING, on_order=1, in_flight=1, capacity=3)
    story.at(45).sees("a busy", "x free", worker("y", "in_flight", at=1))
    story.expects(on_order=0, capacity=3)
    assert story.memory.up_orders == ()


def test_a_named_worker_that_comes_as_an_error_has_arrived_and_is_ordered_anew() -> None:
    story = ordering("accepted", ids=("x", "y")).scaled_at(up=0)
    assert story.memory.wants_all_workers, "failed ones are hidden from the default list"
    story.at(15).sees("a busy", worker("x", "error", at=1), worker("y", "in_flight", at=1))
    story.expects(scale_up=1, on_order=0, error=1, in_flight=1)


def test_named_workers_that_never_come_are_given_up_after_the_deadline_and_two_lists() -> None:
    story = ordering("accepted", ids=("x", "y")).scaled_at(up=0)
    for t in (15, 45, 59, 60):
        story.at(t).sees("a busy").expects(hold=Reason.ORDER_PENDING, on_order=2)
    story.at(75).sees("a busy").expects(scale_up=2, on_order=0)
    assert story.memory.crash_loop.failures == 1


def test_a_clipped_order_expects_only_what_the_reply_named() -> None:
    story = ordering("accepted", ids=("x",))
    story.at(15).sees("a busy", worker("x", "in_flight", at=1))
    story.expects(scale_up=1, on_order=0)


def test_a_name_twice_in_the_reply_is_one_worker() -> None:
    story = ordering("accepted", ids=("x", "x"))
    assert story.memory.on_order == 1


def test_a_list_asked_for_before_the_deadline_does_not_end_an_order() -> None:
    story = ordering("accepted", ids=("x", "y")).scaled_at(up=0)
    for t in (61, 62, 63):
        early = {"requested_at": T0 + 59.9}
        story.at(t).sees("a busy", fields=early).expects(hold=Reason.ORDER_PENDING)


# Accepted, but no names


def test_without_names_new_workers_count_for_the_order() -> None:
    story = ordering("accepted").scaled_at(up=0)
    story.at(15).sees("a busy", worker("p", "in_flight", at=1)).expects(on_order=1, capacity=3)
    story.at(30).sees("a busy", "p free", worker("q", "in_flight", at=1)).expects(on_order=0)
    assert story.memory.foreign == ()


def test_workers_made_before_the_order_do_not_count_for_it() -> None:
    story = ordering("accepted").scaled_at(up=0)
    story.at(15).sees("a busy", worker("p", "in_flight", at=-30)).expects(on_order=2)


def test_a_dead_worker_of_unknown_age_does_not_count_for_it() -> None:
    story = ordering("lost").scaled_at(up=0)
    dead = worker("z", "gone", created_at=None)
    story.at(15).sees("a busy", dead).expects(hold=Reason.OUTCOME_UNKNOWN, on_order=2)


# Lost reply


def test_a_lost_reply_that_was_applied_leads_to_as_many_as_wanted() -> None:
    story = ordering("lost").scaled_at(up=0)
    story.at(15).wants(9).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN, on_order=2)
    story.at(30).wants(3).sees("a busy", *starting("p", "q", at=1))
    story.expects(hold=Reason.ORDER_PENDING, on_order=0, capacity=3)
    story.at(45).sees("a busy", "p free", "q free").expects(hold=Reason.AT_TARGET)


def test_a_lost_reply_that_was_not_applied_is_repeated_once_that_is_sure() -> None:
    story = ordering("lost")
    for t in (15, 30, 45, 60):
        story.at(t).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN, on_order=2)
    story.at(75).sees("a busy").expects(scale_up=2, on_order=0)
    assert story.memory.crash_loop.failures == 0, "what never happened did not fail"


def test_half_of_a_lost_order_applied_leads_to_as_many_as_wanted() -> None:
    story = ordering("lost").scaled_at(up=0)
    for t in (15, 30, 45, 60):
        story.at(t).sees("a busy", worker("p", "in_flight", at=1))
        story.expects(hold=Reason.OUTCOME_UNKNOWN, capacity=3, on_order=1)
    story.at(75).sees("a busy", worker("p", "in_flight", at=1)).expects(scale_up=1)


def test_a_lost_order_confirmed_by_the_scale_time_whose_workers_never_come_is_a_failed_one() -> (
    None
):
    story = ordering("lost").scaled_at(up=0.5)
    for t in (15, 60):
        story.at(t).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    story.at(75).sees("a busy")
    assert story.memory.crash_loop.failures == 1


def test_lists_that_are_not_believed_do_not_end_a_lost_order() -> None:
    story = ordering("lost")
    for t in range(60, 600, 15):
        story.at(t).sees("a busy", fields={"problems": ("garbled",)})
        story.expects(hold=Reason.CONTRADICTORY_OBSERVATION)
    story.sees_nothing().expects(hold=Reason.PLATFORM_UNREACHABLE)
    story.at(600).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    story.at(615).sees("a busy").expects(scale_up=2)


def test_two_lost_orders_are_never_open_at_once() -> None:
    story = ordering("lost")
    story.at(15).wants(10).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    assert len(story.memory.up_orders) == 1


def test_a_refused_order_is_forgotten_at_once() -> None:
    story = ordering("refused")
    assert story.memory.up_orders == ()
    story.at(15).sees("a busy").expects(scale_up=2)


def test_no_order_is_sent_above_the_maximum_while_others_are_open() -> None:
    story = Story(spec(max_workers=4))
    story.at(0).wants(3).sees("a busy", "b error").expects(scale_up=2).sends(ids=("x", "y"))
    story.at(15).wants(9).sees("a busy", worker("z", "unknown"), "b error")
    story.expects(hold=Reason.AT_MAXIMUM, on_order=2, present=2)


@pytest.mark.parametrize("state", ["removing", "unavailable", "unknown", "in_flight", "rollin"])
def test_whatever_occupies_a_place_leaves_none_for_an_order(state: str) -> None:
    story = Story(spec(max_workers=3))
    story.wants(9).sees("a busy", f"b {state}", f"c {state}")
    story.expects(hold=Reason.AT_MAXIMUM, present=3)


def test_the_platforms_smaller_maximum_holds() -> None:
    story = Story(spec(max_workers=9))
    story.wants(9).sees("a busy", fields={"max_workers": 3}).expects(scale_up=2, max_workers=3)


# Restart


def test_killed_during_the_call_the_next_process_waits_and_sees_it_applied() -> None:
    story = ordering("killed").restarts(at=5).scaled_at(up=0)
    story.at(6).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN, on_order=2)
    story.at(20).sees("a busy", *starting("p", "q", at=1))
    story.expects(hold=Reason.ORDER_PENDING, on_order=0, capacity=3)
    assert story.memory.foreign == ()


def test_killed_before_the_call_the_next_process_orders_after_the_deadline() -> None:
    story = ordering("killed").restarts(at=5)
    for t in (6, 20, 60):
        story.at(t).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    story.at(75).sees("a busy").expects(scale_up=2)


def test_a_restart_changes_nothing_about_an_order_with_names() -> None:
    story = ordering("accepted", ids=("x", "y")).restarts(at=5)
    story.at(6).sees("a busy").expects(hold=Reason.ORDER_PENDING, on_order=2)


def test_a_clock_set_back_by_a_day_waits_no_longer_than_the_deadline() -> None:
    story = ordering("lost").restarts(at=-86_400)
    story.at(-86_390).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    story.at(-86_340).sees("a busy").expects(hold=Reason.OUTCOME_UNKNOWN)
    story.at(-86_325).sees("a busy").expects(scale_up=2)


def test_the_call_of_a_killed_process_is_not_taken_for_somebody_elses() -> None:
    story = ordering("killed").restarts(at=5)
    assert story.memory.own_ups == (Call(T0, T0 + 60),)


def test_the_first_look_after_a_scale_up_of_a_moment_ago_waits_for_its_workers() -> None:
    story = Story(spec(order_deadline_s=60)).scaled_at(up=-10)
    story.at(0).wants(3).sees("a busy").expects(hold=Reason.FROZEN_AFTER_RESTART)
    story.at(49).sees("a busy").expects(hold=Reason.FROZEN_AFTER_RESTART)
    story.at(50).sees("a busy").expects(scale_up=2)


def test_the_first_look_long_after_a_scale_up_waits_for_nothing() -> None:
    story = Story(spec(order_deadline_s=60)).scaled_at(up=-61)
    story.at(0).wants(3).sees("a busy").expects(scale_up=2)


def test_the_first_look_after_a_scale_up_in_the_future_waits_one_deadline_only() -> None:
    story = Story(spec(order_deadline_s=60)).scaled_at(up=5000)
    story.at(0).wants(3).sees("a busy").expects(hold=Reason.FROZEN_AFTER_RESTART)
    story.at(60).sees("a busy").expects(scale_up=2)


def test_killed_twice_the_lost_order_counts_once() -> None:
    story = ordering("killed").restarts(at=5)
    story.restarts(at=10)
    assert [order.outcome for order in story.memory.up_orders] == [OrderOutcome.UNKNOWN]
    assert [change.delta for change in story.memory.changes] == [2]
