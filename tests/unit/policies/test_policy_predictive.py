"""``predictive``: learns days and weeks, and is silent until its own back-test was good."""

from __future__ import annotations

import random  # noqa: TID251 - seeded instances only
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.model import NoData, Recommendation
from autoscaler.policies.predictive import (
    Day,
    PredictiveParams,
    PredictiveState,
    backtest,
    forecast,
    learn,
    place,
    quantile,
    trusted,
)
from autoscaler.testing import Scene, observe
from autoscaler.testing.scenes import EPOCH

HOUR, DAY = 3600.0, 86400.0
Load = Callable[[float], int]


def live(
    params: PredictiveParams, load: Load, days: float, step_s: float = 240.0
) -> PredictiveState:
    """Learn a load (requests at seconds since the beginning) for some days."""
    state = PredictiveState()
    for look in range(int(days * DAY / step_s) + 1):
        state = learn(params, state, EPOCH + look * step_s, load(look * step_s))
    return state


def noon_peak(seconds: float) -> int:
    """Ten requests from 12 to 14, one else."""
    return 10 if 12 * HOUR <= seconds % DAY < 14 * HOUR else 1


def weekday_peak(seconds: float) -> int:
    """The same, but not at weekends (the beginning is a Thursday)."""
    return noon_peak(seconds) if int(seconds // DAY) % 7 not in (2, 3) else 1


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.75, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 0.9, 4.0),
        ([5.0], 0.5, 5.0),
        ([3.0, 1.0, 2.0], 1.0, 3.0),
    ],
)
def test_quantiles(values: list[float], part: float, expected: float) -> None:
    assert quantile(values, part) == expected


def test_silent_until_there_is_enough_to_test_on() -> None:
    params = PredictiveParams()
    state = live(params, noon_peak, days=5)
    profile, why = trusted(params, state)
    assert profile is None
    assert "too few" in why


def test_a_daily_rhythm_is_trusted_and_forecast() -> None:
    params = PredictiveParams()
    state = live(params, noon_peak, days=11)
    assert trusted(params, state)[0] == "day"
    at = EPOCH + 11 * DAY
    assert forecast(params, state.days, "day", at + 13 * HOUR) == pytest.approx(10)
    assert forecast(params, state.days, "day", at + 3 * HOUR) == pytest.approx(1)


def test_a_weekly_rhythm_wins_once_it_is_better_known() -> None:
    params = PredictiveParams()
    state = live(params, weekday_peak, days=24, step_s=280.0)
    assert state.errors is not None
    assert state.errors["week"] < state.errors["day"]
    assert trusted(params, state)[0] == "week"
    saturday, monday = EPOCH + 30 * DAY + 13 * HOUR, EPOCH + 25 * DAY + 13 * HOUR
    assert forecast(params, state.days, "week", saturday) == pytest.approx(1)
    assert forecast(params, state.days, "week", monday) == pytest.approx(10)


def test_noise_is_not_trusted_and_it_says_so(make: Callable[..., Any]) -> None:
    rng = random.Random(7)
    spikes = {slot: rng.choice((0, 0, 0, 40)) for slot in range(48 * 40)}
    params = PredictiveParams()
    state = live(params, lambda s: spikes[int(s // 1800)], days=14, step_s=280.0)
    assert trusted(params, state)[0] is None
    scene = Scene(busy=1, now=EPOCH + 14 * DAY + 300)
    answer, _ = make("predictive").recommend(observe(scene), state)
    assert isinstance(answer, Recommendation)
    assert answer.abstains
    assert answer.floor is None
    assert "30% is allowed" in answer.why


def test_the_backtest_uses_nothing_that_was_not_known_before() -> None:
    """Both tested days saw 1, the median of the 7 before each is 10; with themselves it were 1."""
    params = PredictiveParams(backtest_days=2, slot=14400.0)
    loads = (1, 1, 1, 10, 10, 10, 10, 1, 1)
    days = tuple(Day(100 + number, (float(load),) * 6) for number, load in enumerate(loads))
    assert backtest(params, days)["day"] == pytest.approx((9 + 9) / (1 + 1))


def test_story_workers_come_before_the_rush(story: Callable[..., Any]) -> None:
    tale = story("predictive", target=2, lead=600)
    tale.state = live(PredictiveParams(target=2), noon_peak, days=11)
    eleven = 11 * DAY + 11 * HOUR
    expected = {0.0: 1, 45 * 60.0: 1, 51 * 60.0: 5, HOUR: 5}  # 10 requests at 2 per worker
    for offset, floor in expected.items():
        tale.at(eleven + offset, Scene(busy=1))
        assert tale.said[-1].floor == floor
    tale.at(eleven + 44 * 60, Scene(busy=1, cold_start_s=300))
    assert tale.said[-1].floor == 1
    tale.at(eleven + 46 * 60, Scene(busy=1, cold_start_s=300))
    assert tale.said[-1].floor == 5  # the cold start counts on top of the lead


def test_the_days_are_local_days() -> None:
    params = PredictiveParams(timezone="Asia/Shanghai")
    day, slot = place(params, EPOCH + 16 * HOUR)  # midnight in Shanghai
    assert slot == 0
    assert place(params, EPOCH + 16 * HOUR - 1) == (day - 1, 47)


def test_history_is_bounded_and_a_changed_slot_length_begins_anew() -> None:
    params = PredictiveParams(history_days=10, backtest_days=3)
    state = live(params, noon_peak, days=20, step_s=290.0)
    assert len(state.days) <= 11
    other = PredictiveParams(slot=900.0)
    after = learn(other, state, EPOCH + 20 * DAY + 300, 1)
    assert [len(day.loads) for day in after.days] == [96]


def test_time_that_was_not_seen_is_no_load() -> None:
    params = PredictiveParams()
    state = learn(params, PredictiveState(), EPOCH, 5)
    state = learn(params, state, EPOCH + 1700, 5)  # a gap of 28 minutes
    assert set(state.days[-1].loads) == {None}


def test_no_data_without_a_queue(make: Callable[..., Any]) -> None:
    answer, _ = make("predictive").recommend(observe(Scene(queue=None)), None)
    assert isinstance(answer, NoData)


@pytest.mark.parametrize(
    "bad", [{"slot": 1000}, {"backtest_days": 9, "history_days": 8}, {"timezone": "Mars"}]
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PredictiveParams.model_validate(bad)
