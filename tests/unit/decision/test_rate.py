"""Rate policies and cooldowns of HPA v2, by worked examples."""

from __future__ import annotations

from typing import Literal

import pytest

from autoscaler.decision.memory import Change
from autoscaler.decision.rate import limit_rate
from autoscaler.decision.spec import Direction, RatePolicy
from autoscaler.model import Reason
from tests.fakes.clock import T0
from tests.fakes.stories import Story, spec

FREE = Direction()
FOUR = RatePolicy("workers", 4, 15)
DOUBLE = RatePolicy("percent", 100, 15)
HALF = RatePolicy("percent", 50, 60)


def up(
    wanted: int, current: int, *rates: RatePolicy, changes: tuple[Change, ...] = (), **how: object
) -> int:
    direction = Direction(policies=rates, **how)  # type: ignore[arg-type]  # named by the test
    return limit_rate(wanted, current, direction, FREE, changes, T0)[0]


def down(
    wanted: int, current: int, *rates: RatePolicy, changes: tuple[Change, ...] = (), **how: object
) -> int:
    direction = Direction(policies=rates, **how)  # type: ignore[arg-type]  # named by the test
    return limit_rate(wanted, current, FREE, direction, changes, T0)[0]


@pytest.mark.parametrize(
    ("current", "expected"), [(1, 5), (3, 7), (4, 8), (5, 10), (20, 40), (0, 4)]
)
def test_the_default_of_hpa_adds_four_or_doubles_whichever_is_more(
    current: int, expected: int
) -> None:
    assert up(100, current, FOUR, DOUBLE) == expected


def test_select_min_takes_the_smaller_step() -> None:
    assert up(100, 3, FOUR, DOUBLE, select="min") == 6
    assert down(0, 10, HALF, RatePolicy("workers", 1, 60), select="min") == 9


def test_what_was_added_in_the_period_counts_against_it() -> None:
    added = (Change(T0 - 10, 3),)
    # Five were there at the start of the period: 5 + 4 = 9.
    assert up(100, 8, FOUR, changes=added) == 9
    assert up(100, 8, FOUR, changes=(Change(T0 - 15, 3),)) == 12


def test_removals_do_not_give_ordering_credit_and_orders_none_to_removing() -> None:
    assert up(100, 8, FOUR, changes=(Change(T0 - 5, -3),)) == 12
    assert down(0, 10, HALF, changes=(Change(T0 - 5, 4),)) == 5


def test_a_percentage_rounds_up_when_growing_and_down_when_shrinking() -> None:
    assert up(100, 3, RatePolicy("percent", 10, 60)) == 4  # ceil(3.3)
    assert down(0, 5, HALF) == 2  # floor(2.5)
    assert up(100, 10, RatePolicy("percent", 10, 60)) == 11  # not 12 by a float's dust
    assert down(0, 10, RatePolicy("percent", 30, 60)) == 7


def test_what_was_removed_in_the_period_counts_against_it() -> None:
    # Ten were there at the start: half of them may go, four went.
    assert down(0, 6, HALF, changes=(Change(T0 - 30, -4),)) == 5
    assert down(0, 5, HALF, changes=(Change(T0 - 30, -5),)) == 5


def test_a_spent_rate_never_turns_the_direction_round() -> None:
    assert up(100, 8, FOUR, changes=(Change(T0 - 1, 6),)) == 8
    assert down(0, 5, HALF, changes=(Change(T0 - 1, -20),)) == 5


def test_from_zero_the_first_worker_comes_whatever_the_rate() -> None:
    assert up(3, 0, DOUBLE) == 1
    assert up(3, 0, FOUR, changes=(Change(T0 - 1, 4),)) == 1
    assert up(3, 0, cooldown_s=300.0, changes=(Change(T0 - 1, 1),)) == 3


def test_a_disabled_direction_moves_nothing_and_leaves_the_other_alone() -> None:
    shut = Direction(select="disabled")
    number, limit = limit_rate(9, 3, shut, FREE, (), T0)
    assert number == 3
    assert limit is not None
    assert limit.reason is Reason.PAUSED
    assert limit_rate(1, 3, shut, FREE, (), T0)[0] == 1


@pytest.mark.parametrize("since_s", [0.0, 299.0])
def test_the_cooldown_holds_its_own_direction(since_s: float) -> None:
    calm = Direction(cooldown_s=300)
    removed = (Change(T0 - since_s, -1),)
    number, limit = limit_rate(1, 5, FREE, calm, removed, T0)
    assert number == 5
    assert limit is not None
    assert limit.reason is Reason.COOLDOWN
    assert limit_rate(9, 5, FREE, calm, removed, T0) == (9, None)


def test_the_cooldown_ends() -> None:
    assert down(1, 5, cooldown_s=300.0, changes=(Change(T0 - 300, -1),)) == 1


@pytest.mark.parametrize("select", ["max", "min", "disabled"])
def test_at_the_wanted_number_nothing_limits(select: Literal["max", "min", "disabled"]) -> None:
    shut = Direction(policies=(FOUR,), select=select, cooldown_s=60)
    assert limit_rate(5, 5, shut, shut, (Change(T0, 1),), T0) == (5, None)


def test_a_story_of_four_then_doubling() -> None:
    story = Story(spec(max_workers=50, up=Direction(policies=(FOUR, DOUBLE))))
    story.at(0).wants(40).sees(free=1).expects(scale_up=4).sends(ids=("a", "b", "c", "d"))
    story.at(5).sees("w0 free", "a free").expects(hold=Reason.RATE_LIMITED, on_order=3)
    all_five = ("w0 free", "a free", "b free", "c free", "d free")
    story.at(15).sees(*all_five).expects(scale_up=5).sends()
    story.at(20).sees(*all_five).expects(on_order=5, desired=10, hold=Reason.RATE_LIMITED)


def test_evaluating_goes_on_during_a_cooldown() -> None:
    story = Story(spec(up=Direction(cooldown_s=60)))
    story.at(0).wants(2).sees(free=1).expects(scale_up=1).sends(ids=("b",))
    story.at(10).wants(7).sees("w0 free", "b free").expects(combined=7, desired=2)
    assert Reason.COOLDOWN in story.limits()
    story.at(60).sees("w0 free", "b free").expects(scale_up=5)
