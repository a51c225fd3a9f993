"""Orders by hand: they go before policies, and never before what guards workers."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.decision import AppMemory
from autoscaler.decision.interventions import end_expired, with_order, without_orders, words
from autoscaler.decision.spec import Direction, RatePolicy
from autoscaler.model import Intervention, InterventionKind, NoData, Reason
from tests.fakes.clock import T0
from tests.fakes.stories import Story, spec

PAUSE, OVERRIDE, BOOST = InterventionKind


def order(kind: InterventionKind, *, for_s: float | None = 600.0, **fields: Any) -> Intervention:
    until = None if for_s is None else T0 + for_s
    return Intervention(kind, T0, until, who="ann", why="a fair", **fields)


def story(*orders: Intervention, **fields: Any) -> Story:
    memory = AppMemory()
    for one in orders:
        memory = with_order(memory, one)
    return Story(spec(**fields), memory)


def test_an_override_sets_the_number_up_and_down_and_then_ends() -> None:
    up = story(order(OVERRIDE, workers=5)).at(0).wants(2).sees(free=2)
    up.expects(scale_up=3, reason=Reason.OVERRIDDEN, desired=5)
    assert up.limits() == [Reason.OVERRIDDEN]
    down = story(order(OVERRIDE, workers=1)).at(0).wants(4).sees(free=4)
    down.expects(scale_down=("w0", "w1", "w2"), reason=Reason.OVERRIDDEN)
    rest = story(order(OVERRIDE, workers=2)).at(0).wants(4).sees(free=2)
    rest.expects(hold=Reason.OVERRIDDEN, desired=2)
    rest.at(600).wants(4).sees(free=2).expects(scale_up=2, reason=Reason.LOAD_ABOVE_CAPACITY)


def test_what_policies_want_is_shown_beside_an_override() -> None:
    told = story(order(OVERRIDE, workers=5)).at(0).wants(2).sees(free=2).decision
    (limit,) = told.limits
    assert (limit.before, limit.after, told.combined) == (2, 5, 2)
    assert limit.why == "override to 5 until 2025-11-24 16:10Z by ann: a fair"


@pytest.mark.parametrize(("asked", "given"), [(99, 8), (0, 3)])
def test_bounds_hold_for_people_too(asked: int, given: int) -> None:
    told = story(order(OVERRIDE, workers=asked), min_workers=3, max_workers=8)
    told.at(0).wants(4).sees(free=4).expects(desired=given)


def test_an_override_waits_for_no_window_rate_or_cooldown() -> None:
    slow = Direction(
        stabilization_window_s=300.0, policies=(RatePolicy("workers", 1, 60.0),), cooldown_s=300.0
    )
    told = story(order(OVERRIDE, for_s=3600, workers=8), up=slow)
    told.at(0).wants(2).sees(free=2).expects(scale_up=6)


def test_nobody_is_removed_before_a_full_window_was_seen() -> None:
    window = Direction(stabilization_window_s=300.0)
    told = story(order(OVERRIDE, for_s=3600, workers=1), down=window)
    told.at(0).wants(4).sees(free=4).expects(hold=Reason.WARMING_UP)
    for at in range(15, 300, 15):
        told.at(at).sees(free=4).expects(hold=Reason.WARMING_UP)
    told.at(300).sees(free=4).expects(scale_down=("w0", "w1", "w2"))


def test_busy_workers_stay_whatever_is_ordered() -> None:
    told = story(order(OVERRIDE, workers=0)).at(0).wants(3).sees(busy=3)
    told.expects(hold=Reason.NO_FREE_WORKERS)


def test_without_signals_an_override_adds_and_does_not_remove() -> None:
    blind = NoData("no answer")
    told = story(order(OVERRIDE, workers=1)).at(0).wants(blind).sees(free=3)
    told.expects(hold=Reason.NO_DATA)
    assert told.limits()[-2:] == [Reason.OVERRIDDEN, Reason.NO_DATA]
    story(order(OVERRIDE, workers=5)).at(0).wants(blind).sees(free=3).expects(scale_up=2)


def test_a_boost_raises_and_never_lowers() -> None:
    told = story(order(BOOST, workers=4)).at(0).wants(2).sees(free=2)
    told.expects(scale_up=2, reason=Reason.BOOSTED)
    told.at(15).wants(6).sees(free=4).expects(scale_up=2, reason=Reason.LOAD_ABOVE_CAPACITY)
    kept = story(order(BOOST, workers=4)).at(0).wants(2).sees(free=4)
    kept.expects(hold=Reason.BOOSTED)


def test_after_an_order_the_window_is_what_it_would_have_been_without() -> None:
    window = Direction(stabilization_window_s=60.0)
    told = story(order(BOOST, for_s=300, workers=6), down=window)
    for at in range(0, 300, 15):
        told.at(at).wants(1).sees(free=6).expects(hold=Reason.BOOSTED)
    told.at(300).sees(free=6).expects(scale_down=[f"w{i}" for i in range(5)])


@pytest.mark.parametrize(
    ("direction", "up", "down"),
    [
        ("both", Reason.PAUSED, Reason.PAUSED),
        ("up", Reason.PAUSED, None),
        ("down", None, Reason.PAUSED),
    ],
)
def test_a_pause_holds_its_direction(
    direction: str, up: Reason | None, down: Reason | None
) -> None:
    pause = order(PAUSE, for_s=None, direction=direction)
    rising = story(pause).at(0).wants(3).sees(free=1)
    rising.expects(hold=up) if up else rising.expects(scale_up=2)
    falling = story(pause).at(0).wants(1).sees(free=3)
    falling.expects(hold=down) if down else falling.expects(scale_down=("w0", "w1"))


def test_a_pause_goes_before_an_override_and_says_by_whom() -> None:
    told = story(order(PAUSE, for_s=None), order(OVERRIDE, workers=9)).at(0).wants(2).sees(free=2)
    told.expects(hold=Reason.PAUSED)
    assert told.decision.message.startswith("paused until resumed by ann: a fair")


def test_a_new_order_replaces_the_one_of_its_kind() -> None:
    memory = with_order(with_order(AppMemory(), order(BOOST, workers=1)), order(PAUSE))
    memory = with_order(memory, order(BOOST, workers=7))
    assert [(one.kind, one.workers) for one in memory.interventions] == [(PAUSE, 0), (BOOST, 7)]
    left, ended = without_orders(memory, frozenset({PAUSE}))
    assert [one.kind for one in left.interventions] == [BOOST]
    assert [one.kind for one in ended] == [PAUSE]


def test_orders_whose_time_is_over_are_dropped() -> None:
    memory = with_order(with_order(AppMemory(), order(BOOST, for_s=10)), order(PAUSE, for_s=None))
    assert end_expired(memory, T0 + 9.9) == (memory, ())
    left, ended = end_expired(memory, T0 + 10)
    assert [one.kind for one in left.interventions] == [PAUSE]
    assert [one.kind for one in ended] == [BOOST]


def test_words_survive_an_absurd_time() -> None:
    assert "until 1e+300" not in words(order(BOOST, for_s=1e300))
    assert "boost to at least 0" in words(order(BOOST, for_s=1e300))
