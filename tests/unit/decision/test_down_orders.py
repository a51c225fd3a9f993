"""The life of a scale-down order, and what it must never be taken for."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decision.memory import AppMemory, Change
from autoscaler.decision.spec import Direction, Disruption, Drain
from autoscaler.model import Reason, Worker
from tests.fakes.clock import T0
from tests.fakes.stories import Sending, Story, spec, worker


def served(worker_id: str, state: str, count: int = 7, at: float = -60) -> Worker:
    return worker(worker_id, state, success_count=count, last_serve_at=T0 + at)


def removing(how: Sending, **fields: Any) -> Story:
    """At 0 s, `a` of two free workers was to go, and the call ended like this."""
    story = Story(spec(order_deadline_s=60, **fields))
    story.at(0).wants(1).sees(served("a", "free"), served("b", "free", at=-5))
    story.expects(scale_down=["a"], reason=Reason.LOAD_BELOW_CAPACITY)
    return story.sends(how)


def test_a_worker_that_is_leaving_is_neither_capacity_nor_named_again() -> None:
    story = removing("accepted")
    story.at(15).sees(served("a", "free"), served("b", "free"))
    story.expects(hold=Reason.AT_TARGET, leaving=1, free=1, capacity=1, present=2)


@pytest.mark.parametrize("state", ["removing", "gone"])
def test_it_ends_when_its_worker_is_on_its_way_out(state: str) -> None:
    story = removing("accepted").scaled_at(down=0)
    story.at(15).sees(served("a", state), served("b", "free")).expects(hold=Reason.AT_TARGET)
    assert story.memory.down_orders == ()
    assert story.decision.raced == ()


def test_an_id_already_gone_is_success_and_no_vanished_worker() -> None:
    story = removing("accepted").scaled_at(down=0)
    story.at(15).sees(served("b", "free")).expects(hold=Reason.AT_TARGET)
    assert story.memory.down_orders == ()


def test_a_removal_that_the_platform_ignores_is_given_up_and_decided_anew() -> None:
    story = removing("accepted")
    for t in (15, 30, 45, 60):
        story.at(t).sees(served("a", "free"), served("b", "free", at=-5))
        story.expects(hold=Reason.AT_TARGET, leaving=1)
    story.at(75).sees(served("a", "free"), served("b", "free", at=-5)).expects(scale_down=["a"])


def test_a_lost_reply_holds_further_removals_until_the_list_shows_what_came_of_it() -> None:
    story = removing("lost")
    story.at(15).wants(0).sees(served("a", "free"), served("b", "free"))
    story.expects(hold=Reason.OUTCOME_UNKNOWN)
    story.scaled_at(down=0).at(30).sees(served("a", "removing"), served("b", "free"))
    story.expects(scale_down=["b"])


def test_a_refused_removal_is_forgotten_at_once() -> None:
    story = removing("refused")
    assert story.memory.down_orders == ()
    assert story.memory.changes == ()


def test_a_removal_that_hit_a_serving_worker_is_noticed_once() -> None:
    story = removing("accepted").scaled_at(down=0)
    story.at(15).sees(served("a", "removing", 8, at=0), served("b", "free"))
    assert list(story.decision.raced) == ["a"]
    story.at(30).sees(served("a", "removing", 8, at=0), served("b", "free"))
    assert list(story.decision.raced) == []


def test_a_removed_workers_last_serve_time_left_out_is_no_race() -> None:
    story = removing("accepted").scaled_at(down=0)
    story.at(15).sees(worker("a", "gone", success_count=7), served("b", "free"))
    assert story.decision.raced == ()


def test_a_removed_worker_that_lives_again_is_an_old_list() -> None:
    story = removing("accepted")
    story.at(15).sees(served("a", "removing"), served("b", "free")).expects(hold=Reason.AT_TARGET)
    story.at(30).wants(0).sees(served("a", "free"), served("b", "free"))
    story.expects(hold=Reason.STALE_OBSERVATION)


def test_removed_ids_are_not_remembered_for_ever() -> None:
    story = removing("accepted")
    for t in range(15, 7300, 60):
        story.at(t).sees(served("b", "free"))
    assert story.memory.removed == {}


# Restart


def test_killed_during_the_call_the_next_process_removes_nobody_until_it_is_known() -> None:
    story = removing("killed").restarts(at=5)
    story.at(10).wants(0).sees(served("a", "free"), served("b", "free"))
    story.expects(hold=Reason.OUTCOME_UNKNOWN, leaving=1)


@pytest.mark.parametrize("how", ["killed", "lost", "accepted"])
def test_the_cooldown_survives_a_restart(how: Sending) -> None:
    story = removing(how, down=Direction(cooldown_s=300)).restarts(at=5).scaled_at(down=0)
    for t in (10, 150, 299):
        story.at(t).wants(0).sees(served("a", "gone"), served("b", "free"))
        story.expects(hold=Reason.COOLDOWN)
        story.wants(1)
    for t in (300, 315):
        story.at(t).wants(0).sees(served("b", "free"))
    story.expects(scale_down=["b"])


@pytest.mark.parametrize("how", ["killed", "lost", "accepted"])
def test_the_disruption_budget_survives_a_restart(how: Sending) -> None:
    drain = Drain(disruption=Disruption("workers", 1, 600))
    story = removing(how, drain=drain).restarts(at=5).scaled_at(down=0)
    story.at(10).wants(0).sees(served("a", "gone"), served("b", "free"))
    story.expects(hold=Reason.DISRUPTION_BUDGET)


def test_without_a_store_the_cooldown_comes_from_the_platforms_own_times() -> None:
    story = Story(spec(down=Direction(cooldown_s=300))).scaled_at(down=-100)
    for t in (0, 60, 120, 180):
        story.at(t).wants(0).sees("a free").expects(hold=Reason.COOLDOWN)
    story.at(201).sees("a free").expects(scale_down=["a"])


def test_without_a_store_the_up_cooldown_comes_from_the_platform_too() -> None:
    story = Story(spec(up=Direction(cooldown_s=300), order_deadline_s=60)).scaled_at(up=-100)
    story.at(0).wants(2).sees("a busy").expects(hold=Reason.COOLDOWN)
    story.at(201).sees("a busy").expects(scale_up=1)


def test_a_full_window_is_watched_before_anybody_goes() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 300, 15):
        story.at(t).wants(0).sees("a free").expects(hold=Reason.WARMING_UP)
    story.at(300).sees("a free").expects(scale_down=["a"])


def test_a_gap_in_watching_starts_the_window_anew() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 301, 15):
        story.at(t).wants(0).sees("a busy")
    for t in range(315, 500, 15):
        story.at(t).sees_nothing().expects(hold=Reason.PLATFORM_UNREACHABLE)
    story.at(500).wants(0).sees("a free").expects(hold=Reason.WARMING_UP)
    for t in range(515, 800, 15):
        story.at(t).sees("a free").expects(hold=Reason.WARMING_UP)
    story.at(800).sees("a free").expects(scale_down=["a"])


def test_a_short_gap_does_not() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 290, 15):
        story.at(t).wants(0).sees("a free")
    story.at(300).sees_nothing()
    story.at(330).sees("a free").expects(scale_down=["a"])


def test_a_quick_restart_does_not_start_the_window_anew() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 300, 15):
        story.at(t).wants(0).sees("a free")
    story.restarts(at=310).sees("a free").expects(scale_down=["a"])


def test_a_clock_set_back_across_a_restart_watches_a_full_window() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 601, 15):
        story.at(t).wants(0).sees("a busy")
    story.restarts(at=-5000).sees("a free").expects(hold=Reason.WARMING_UP)
    for t in range(-4985, -4700, 15):
        story.at(t).sees("a free").expects(hold=Reason.WARMING_UP)
    story.at(-4700).sees("a free").expects(scale_down=["a"])


def test_changes_are_kept_as_far_back_as_windows_reach_and_no_further() -> None:
    memory = AppMemory(changes=tuple(Change(T0 + t, 1) for t in range(0, 1000, 10)))
    story = Story(spec(up=Direction(cooldown_s=100)), memory)
    story.at(1000).sees("a free")
    assert [c.at - T0 for c in story.memory.changes] == list(range(910, 1000, 10))


# The limits of removing


def test_a_worker_that_is_still_starting_replaces_nobody() -> None:
    story = Story(spec())
    story.at(0).wants(2).sees(
        "a free", "b free", worker("c", "in_flight", at=-5), worker("d", "in_flight", at=-5)
    )
    story.expects(hold=Reason.ORDER_PENDING)


@pytest.mark.parametrize("minimum", [0, 1, 3])
def test_nobody_goes_below_the_minimum(minimum: int) -> None:
    story = Story(spec(min_workers=minimum)).at(0).wants(0).sees(free=5)
    story.expects(scale_down=[f"w{i}" for i in range(5 - minimum)])


def test_where_the_minimum_is_above_the_platforms_maximum_the_maximum_wins_and_says_so() -> None:
    story = Story(spec(min_workers=5))
    story.wants(0).sees(free=4, fields={"max_workers": 3}).expects(scale_down=["w0"], min_workers=3)
    assert any("min_workers 5" in warning for warning in story.decision.warnings)


@pytest.mark.parametrize(
    ("paused", "wanted", "hold"),
    [
        *(("both", 5, True), ("both", 0, True), ("up", 5, True)),
        *(("up", 0, False), ("down", 0, True), ("down", 5, False)),
    ],
)
def test_pausing_a_direction(paused: Any, wanted: int, hold: bool) -> None:  # noqa: FBT001 - a table
    story = Story(spec(paused=paused)).wants(wanted).sees(free=2)
    assert (story.decision.reason is Reason.PAUSED) is hold
