"""Starts: what is learned from them, which are overdue, and the guard against failing ones."""

from __future__ import annotations

import pytest

from autoscaler.decision.spec import Startup
from autoscaler.decision.startup import learned_cold_start_s, start_up_deadline_s
from autoscaler.model import Reason
from tests.fakes.stories import Story, spec, worker

STARTUP = Startup(
    deadline_floor_s=120, deadline_ceiling_s=600, failures=3, backoff_s=60, backoff_ceiling_s=200
)


@pytest.mark.parametrize(
    ("starts", "deadline"),
    [((), 600), ((10,), 120), ((90, 100, 70), 200), ((400,), 600)],
)
def test_the_deadline_is_twice_the_longest_start_within_its_bounds(
    starts: tuple[float, ...], deadline: float
) -> None:
    assert start_up_deadline_s(STARTUP, starts) == deadline


def test_a_start_is_learned_from_its_making_to_the_first_list_that_shows_it_ready() -> None:
    story = Story(spec())
    story.at(0).wants(1).sees().expects(scale_up=1).sends(ids=("x",))
    story.at(15).sees(worker("x", "in_flight", at=2))
    story.at(30).sees(worker("x", "in_flight", at=2))
    assert not story.memory.cold_starts_s
    story.at(45).sees(worker("x", "busy", at=2))
    assert story.memory.cold_starts_s == (43,)
    story.at(60).sees(worker("x", "free", at=2))
    assert story.memory.cold_starts_s == (43,)
    assert learned_cold_start_s(story.memory) == 43


def test_a_worker_that_was_there_all_along_teaches_nothing() -> None:
    assert Story(spec()).sees("a free", "b busy").memory.cold_starts_s == ()


def test_an_overdue_worker_is_no_capacity_but_keeps_its_place() -> None:
    story = Story(spec(max_workers=2, startup=STARTUP))
    story.at(0).wants(2).sees("a busy").expects(scale_up=1).sends(ids=("x",))
    for t in range(15, 601, 15):
        story.at(t).sees("a busy", worker("x", "in_flight", at=0))
        story.expects(hold=Reason.ORDER_PENDING)
    story.at(615).sees("a busy", worker("x", "in_flight", at=0))
    story.expects(hold=Reason.AT_MAXIMUM, overdue=1, capacity=1, present=2)


def test_an_overdue_worker_that_gets_ready_counts_again() -> None:
    story = Story(spec(startup=STARTUP))
    story.at(0).wants(1).sees(worker("x", "in_flight", at=-700)).expects(scale_up=1, overdue=1)
    story.at(15).sees(worker("x", "free", at=-700)).expects(hold=Reason.AT_TARGET, overdue=0)


def test_a_clock_set_back_does_not_let_a_stuck_start_count_for_longer() -> None:
    story = Story(spec(startup=STARTUP))
    story.at(0).wants(1).sees(worker("x", "in_flight", created_at=None))
    story.restarts(at=-86_400)
    for t in range(-86_400, -85_700, 30):
        story.at(t).sees(worker("x", "in_flight", created_at=None))
    story.expects(overdue=1)


def fail_once(story: Story, number: int) -> None:
    """One order, whose worker shows up as failed."""
    story.sees("a busy").expects(scale_up=1).sends(ids=(f"x{number}",))
    story.at(story.t + 5).sees("a busy", worker(f"x{number}", "error", at=story.t - 4))


def test_orders_that_keep_failing_back_off_doubling_up_to_a_ceiling() -> None:
    story = Story(spec(startup=STARTUP)).wants(2).at(0)
    for number in range(2):
        fail_once(story, number)
        assert story.decision.reason is Reason.LOAD_ABOVE_CAPACITY, "two failures may be chance"
        story.at(story.t + 10)
    for number, pause in enumerate((60, 120, 200, 200), start=2):
        fail_once(story, number)
        story.expects(hold=Reason.CRASH_LOOP)
        failed_at = story.t
        story.at(failed_at + pause - 1).sees("a busy").expects(hold=Reason.CRASH_LOOP)
        story.at(failed_at + pause)


def test_after_a_pause_one_worker_is_tried_and_its_success_ends_the_guard() -> None:
    story = Story(spec(startup=STARTUP)).wants(2).at(0)
    for number in range(3):
        fail_once(story, number)
        story.at(story.t + 10)
    story.at(200).wants(6).sees("a busy").expects(scale_up=1)
    assert Reason.CRASH_LOOP in story.limits()
    story.sends(ids=("good",))
    story.at(215).sees("a busy", worker("good", "free", at=201)).expects(scale_up=4)
    assert story.memory.crash_loop.failures == 0


def test_many_workers_failing_of_one_order_are_one_failure() -> None:
    story = Story(spec(startup=STARTUP))
    story.at(0).wants(5).sees("a busy").expects(scale_up=4).sends(ids=("p", "q", "r", "s"))
    failed = [worker(i, "error", at=1) for i in ("p", "q", "r", "s")]
    story.at(15).sees("a busy", *failed)
    assert story.memory.crash_loop.failures == 1


def test_a_clock_set_back_does_not_lengthen_the_pause() -> None:
    story = Story(spec(startup=STARTUP)).wants(2).at(0)
    for number in range(3):
        fail_once(story, number)
        story.at(story.t + 10)
    story.sees("a busy").expects(hold=Reason.CRASH_LOOP)
    story.restarts(at=-86_400).sees("a busy").expects(hold=Reason.CRASH_LOOP)
    story.at(-86_400 + 60).sees("a busy").expects(scale_up=1)


def test_a_start_that_ended_while_nobody_looked_teaches_nothing() -> None:
    story = Story(spec())
    story.at(0).wants(1).sees().expects(scale_up=1).sends(ids=("x",))
    story.at(15).sees(worker("x", "in_flight", at=2))
    story.restarts(at=7200).sees(worker("x", "free", at=2)).expects(hold=Reason.AT_TARGET)
    assert learned_cold_start_s(story.memory) is None
