"""What ``slo`` learns of days and weeks, and when it believes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaler.decision import AppMemory
from autoscaler.policies.slo import SloParams, SloPolicy, SloState, control, season
from autoscaler.policies.slo.state import Demand, Forecast, Season
from autoscaler.state.codec import decode, encode, revive

DAY_S = 86_400.0
LOOK_S = 60.0
MONDAY = 1_736_121_600.0
"""2025-01-06 00:00 UTC."""


def office(at: float) -> float:
    """One request a second from 9 to 17 h on working days, else nearly none."""
    day, moment = divmod(at - MONDAY, DAY_S)
    return 1.0 if 9 <= moment / 3600 < 17 and day % 7 < 5 else 0.02


def lived(days: float, rate: float | None = None) -> Season:
    """Return what was learned from Monday on; ``rate``: a constant load instead."""
    known = Season()
    told_before: tuple[float, ...] = ()
    for i in range(int(days * DAY_S / LOOK_S)):
        at = MONDAY + i * LOOK_S
        load = office(at) if rate is None else rate
        late = office(at - 180.0) if rate is None else rate  # a forecast that follows the load
        known = season.judge(known, load, late, told_before, LOOK_S)
        seen = Demand(at=at, step_s=LOOK_S, arrived=round(load * LOOK_S))
        known = season.update(known, seen)
        told_before = season.foretold(known, at + 180.0)
    return known


@pytest.fixture(scope="module")
def two_weeks() -> Season:
    return lived(14)


def test_the_day_and_the_week_are_learned(two_weeks: Season) -> None:
    tuesday, sunday = MONDAY + 15 * DAY_S, MONDAY + 20 * DAY_S
    _, by_week = season.foretold(two_weeks, tuesday + 10 * 3600)
    assert by_week == pytest.approx(1.0, rel=0.1)
    by_day, by_week = season.foretold(two_weeks, sunday + 10 * 3600)
    assert by_week == pytest.approx(0.02, abs=0.02)
    assert by_day > 0.2  # a day's profile knows no weekend


def test_a_proven_week_sees_the_morning_coming(two_weeks: Season) -> None:
    told = season.foretold(two_weeks, MONDAY + 15 * DAY_S + 9 * 3600 + 60)
    assert season.raised(two_weeks, 0.02, told) > 0.5
    assert season.raised(two_weeks, 2.0, told) == 2.0  # never lowered


def test_what_was_not_proven_for_a_day_is_not_believed() -> None:
    young = lived(1.5)
    told = season.foretold(young, MONDAY + DAY_S + 9 * 3600)
    assert max(told) > 0.5
    assert season.raised(young, 0.02, told) == 0.02


def test_a_profile_that_is_no_better_is_not_believed(two_weeks: Season) -> None:
    worse = tuple(replace(one, error=one.rival) for one in two_weeks.profiles)
    assert season.raised(replace(two_weeks, profiles=worse), 0.02, (1.0, 1.0)) == 0.02


def test_a_constant_load_is_never_raised() -> None:
    known = lived(9, rate=0.5)
    told = season.foretold(known, MONDAY + 9 * DAY_S)
    assert season.raised(known, 0.5, told) == pytest.approx(0.5, rel=0.01)


def test_a_slot_that_was_hardly_seen_is_not_learned() -> None:
    known = season.update(Season(), Demand(at=MONDAY, step_s=LOOK_S, arrived=100))
    known = season.update(known, Demand(at=MONDAY + 2000, step_s=LOOK_S, arrived=100))
    assert max(known.profiles[0].rates) == season.UNKNOWN


def test_it_survives_a_restart(two_weeks: Season) -> None:
    policy = SloPolicy(SloParams())
    state = SloState(MONDAY, control.first(0.05), forecast=Forecast(season=two_weeks))
    stored = encode(AppMemory(policy_states={policy.name: state}))
    back = revive(decode(stored), (policy,)).policy_states[policy.name]
    assert back.forecast.season == two_weeks
    assert len(stored) < 10_000


def test_its_memory_is_bounded(two_weeks: Season) -> None:
    assert [len(one.rates) for one in two_weeks.profiles] == [48, 336]
