"""Who goes first, who never goes, and the last look before anybody goes."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decision.drain import Drained, budget_left, choose, choose_failed, confirm
from autoscaler.decision.memory import Change
from autoscaler.decision.rollout import NO_ROLLOUT, Rollout, find_rollout
from autoscaler.decision.spec import Direction, Disruption, Drain
from autoscaler.model import Candidate, Reason, Worker, WorkerState
from tests.fakes.clock import T0
from tests.fakes.stories import Story, look, spec, worker, workers


def idle(worker_id: str, seconds: float, **fields: Any) -> Worker:
    return worker(worker_id, last_serve_at=T0 - seconds, **fields)


def order(count: int, *listed: Worker, drain: Drain | None = None) -> Drained:
    return choose(count, look(*listed), drain or Drain(), NO_ROLLOUT, frozenset())


def ids(drained: Drained) -> list[str]:
    return [candidate.worker_id for candidate in drained.candidates]


def test_the_longest_idle_goes_first_and_ties_go_by_id() -> None:
    drained = order(4, idle("d", 10), idle("b", 90), idle("c", 30), idle("a", 90))
    assert ids(drained) == ["a", "b", "c", "d"]


def test_an_old_revision_goes_before_a_longer_idle_new_one() -> None:
    new = idle("new", 500, app_revision="r2", created_at=T0 - 100)
    old = idle("old", 5, app_revision="r1", created_at=T0 - 900)
    drained = order(1, new, old)
    assert ids(drained) == ["old"]
    assert "old revision r1" in drained.candidates[0].why


def test_each_candidate_says_why_it_goes() -> None:
    (candidate,) = order(1, idle("a", 90)).candidates
    assert candidate == Candidate("a", 90.0)
    assert candidate.why == "free, idle 90 s"


def test_a_worker_that_never_served_is_idle_since_it_was_made() -> None:
    fresh = worker("fresh", created_at=T0 - 20)
    assert ids(order(2, fresh, idle("used", 60))) == ["used", "fresh"]


def test_a_last_request_in_the_future_counts_as_now() -> None:
    drained = order(2, idle("skewed", -500), idle("a", 1))
    assert ids(drained) == ["a", "skewed"]
    assert drained.candidates[1].idle_s == 0


@pytest.mark.parametrize("state", sorted(set(WorkerState) - {WorkerState.FREE}))
def test_no_other_state_than_free_ever_goes(state: WorkerState) -> None:
    assert order(5, worker("a", state)) == Drained((), Reason.NO_FREE_WORKERS)


def test_a_worker_with_sessions_never_goes() -> None:
    assert ids(order(2, worker("a", session_number=1), worker("b"))) == ["b"]


def test_a_worker_that_is_leaving_is_not_named_again() -> None:
    drained = choose(2, look(worker("a"), worker("b")), Drain(), NO_ROLLOUT, {"a"})
    assert ids(drained) == ["b"]


def test_both_sides_of_a_rollout_pair_stay() -> None:
    seen = look(
        worker("old"),
        worker("new", WorkerState.ROLLIN, replace_worker_id="old"),
        worker("other"),
    )
    rollout = find_rollout(seen, ())
    assert rollout.protected == {"old", "new"}
    assert ids(choose(3, seen, Drain(), rollout, ())) == ["other"]


def test_nobody_goes_while_replacements_without_partners_run() -> None:
    drained = choose(1, look(worker("a")), Drain(), Rollout(unpaired=True), ())
    assert drained == Drained((), Reason.ROLLING_OUT)


def test_workers_younger_than_min_lifetime_stay() -> None:
    young = worker("young", created_at=T0 - 299)
    old = worker("old", created_at=T0 - 300)
    drained = order(2, young, old, drain=Drain(min_lifetime_s=300))
    assert ids(drained) == ["old"]
    assert drained.shortfall is Reason.MIN_LIFETIME


def test_an_unknown_age_is_too_young() -> None:
    drained = order(1, worker("a", created_at=None), drain=Drain(min_lifetime_s=60))
    assert drained == Drained((), Reason.MIN_LIFETIME)


def test_fewer_free_ones_than_wanted_is_said() -> None:
    drained = order(3, worker("a"), worker("b", WorkerState.BUSY))
    assert ids(drained) == ["a"]
    assert drained.shortfall is Reason.NO_FREE_WORKERS


# Failed workers


def failed_ids(drain: Drain, *listed: Worker, leaving: tuple[str, ...] = ()) -> list[str]:
    return [c.worker_id for c in choose_failed(look(*listed), drain, leaving, ())]


def test_failed_workers_go_only_where_the_app_opted_in() -> None:
    failed = (worker("e", "error"), worker("u", "unavailable"), worker("f"))
    assert failed_ids(Drain(), *failed) == []
    assert failed_ids(Drain(clear_failed=True), *failed) == ["e", "u"]
    assert failed_ids(Drain(clear_failed=True), *failed, leaving=("u",)) == ["e"]


def test_a_failed_worker_that_is_deleted_already_is_left_alone() -> None:
    assert failed_ids(Drain(clear_failed=True), worker("e", "error", deleted_at=T0)) == []


def test_clearing_failed_ones_goes_with_its_own_reason_and_only_once() -> None:
    story = Story(spec(drain=Drain(clear_failed=True)))
    story.at(0).wants(1).sees("a free", "e error").expects(
        scale_down=["e"], reason=Reason.CLEARING_FAILED
    )
    story.sends()
    story.at(15).sees("a free", "e error").expects(hold=Reason.AT_TARGET)
    story.at(30).sees("a free", "e error").expects(hold=Reason.AT_TARGET)


# Disruption budget


@pytest.mark.parametrize(
    ("kind", "value", "capacity", "removed", "left"),
    [
        ("workers", 2, 10, 0, 2),
        ("workers", 2, 10, 1, 1),
        ("workers", 2, 10, 5, 0),
        ("percent", 30, 10, 0, 3),
        ("percent", 30, 8, 2, 1),  # ten at the window's start
        ("percent", 10, 5, 0, 1),  # at least one, or a small app could never shrink
        ("percent", 10, 4, 1, 0),
        ("percent", 0, 10, 0, 1),
    ],
)
def test_budget(kind: Any, value: float, capacity: int, removed: int, left: int) -> None:
    changes = (Change(T0 - 10, -removed), Change(T0 - 600, -7), Change(T0 - 5, 9))
    budget = Disruption(kind, value, 600)
    assert budget_left(budget, capacity, changes, T0) == left


def test_no_budget_is_no_limit() -> None:
    assert budget_left(None, 10, (), T0) is None


def test_a_story_of_two_removals_per_ten_minutes() -> None:
    story = Story(spec(drain=Drain(disruption=Disruption("workers", 2, 600))))
    names = [f"w{i}" for i in range(6)]
    story.at(0).wants(1).sees(*(f"{n} free" for n in names)).expects(scale_down=names[:2])
    assert Reason.DISRUPTION_BUDGET in story.limits()
    story.sends()
    for t in (30, 60, 599):
        story.at(t).sees(*(f"{n} free" for n in names[2:])).expects(hold=Reason.DISRUPTION_BUDGET)
    story.at(600).sees(*(f"{n} free" for n in names[2:])).expects(scale_down=names[2:4])


# Confirming


def confirmed(before: Worker, *after: Worker, keep: int = 0) -> dict[str, str]:
    first, second = look(before), look(*after)
    candidates = (Candidate(before.id, 0.0, "test"),)
    return dict(confirm(candidates, first, second, find_rollout(second, ()), keep).dropped)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": WorkerState.BUSY}, "was free, is busy"),
        ({"state": WorkerState.REMOVING}, "was free, is removing"),
        ({"session_number": 1}, "holds sessions now"),
        ({"last_serve_at": T0 - 1}, "served a request meanwhile"),
        ({"last_serve_at": None}, "served a request meanwhile"),
        ({"success_count": 8}, "served a request meanwhile"),
        ({"failed_count": 1}, "served a request meanwhile"),
    ],
)
def test_a_worker_that_changed_between_the_lists_stays(changes: dict[str, Any], why: str) -> None:
    fields: dict[str, Any] = {"last_serve_at": T0 - 60, "success_count": 7}
    after = worker("a", **(fields | changes))
    assert confirmed(worker("a", **fields), after) == {"a": why}


def test_a_worker_that_did_not_change_goes() -> None:
    first = look(worker("a"))
    result = confirm((Candidate("a", 0, "x"),), first, look(worker("a"), at=1), NO_ROLLOUT, 0)
    assert [w.id for w in result.kept] == ["a"]
    assert result.dropped == ()


def test_a_worker_no_longer_listed_is_not_named() -> None:
    assert confirmed(worker("a")) == {"a": "no longer listed"}


def test_a_worker_that_became_part_of_a_rollout_stays() -> None:
    new = worker("b", "rollin", replace_worker_id="a")
    assert confirmed(worker("a"), worker("a"), new) == {"a": "is part of a roll-out now"}


def test_fewer_go_where_fewer_serve_than_a_moment_ago() -> None:
    first = look(*workers(free=4))
    second = look(*workers(free=3))
    candidates = tuple(Candidate(f"w{i}", 0, "x") for i in range(3))
    result = confirm(candidates, first, second, NO_ROLLOUT, keep_ready=1)
    assert [w.id for w in result.kept] == ["w0", "w1"]
    assert result.dropped == (("w2", "fewer workers serve than a moment ago"),)


def test_a_worker_already_on_its_way_out_does_not_count_as_serving() -> None:
    first = look(worker("going"), worker("a"), worker("b"))
    second = look(worker("going"), worker("a"))
    candidates = (Candidate("a", 0, "x"),)
    result = confirm(candidates, first, second, NO_ROLLOUT, 1, leaving={"going", "a"})
    assert result.kept == ()


def test_a_story_of_surplus_above_a_lowered_maximum() -> None:
    story = Story(spec(max_workers=2, down=Direction(stabilization_window_s=0)))
    story.at(0).wants(9).sees(free=1, busy=4).expects(
        scale_down=["w4"], reason=Reason.ABOVE_MAXIMUM
    )
    story.sends()
    story.at(15).sees(busy=4).expects(hold=Reason.NO_FREE_WORKERS)
