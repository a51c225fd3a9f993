"""``predictive``: a floor from the app's own rhythm of days and weeks.

The day is divided into slots. For each slot the policy keeps the mean load (busy + queue) of every
day it saw. Two profiles forecast a slot: *day*, a quantile of the same slot over the last 7 days,
and *week*, the same over the last 4 equal weekdays. When a day ends, both are tested on the days
just past, each forecast from what was known before that day: the error is the weighted absolute
error of the median, ``sum |forecast - load| / sum load`` over ``backtest_days``. The better one is
used if its error is at most ``max_error``; until then, and whenever it is not, the policy abstains
and says why.

The floor is the larger of the forecasts for now and for one lead time ahead (the cold start on
top), in the way of the slow predictive loop of NVIDIA's Dynamo planner, whose result is a lower
bound for the fast loop: it can only make workers come earlier, never hold back or remove one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated, Any, Self, cast

from pydantic import Field, model_validator

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import load_of, workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams, PositiveDuration
from autoscaler.policies.schedule import TimeZone, zone_of

_DAY_S = 86400.0
_GAP_S = 300.0
"""Looks further apart than this tell nothing of the time between them."""
_DAILY, _WEEKLY, _WEEK = 7, 4, 7
_LEAST = {"day": 3, "week": 2}
"""Values that a forecast needs at least, per profile."""


class PredictiveParams(PolicyParams):
    """Parameters of ``predictive``."""

    target: Annotated[
        float, Field(gt=0, le=1000, allow_inf_nan=False, description="requests per worker")
    ] = 1.0
    quantile: Annotated[
        float, Field(ge=0.5, le=1, description="quantile of past days that is forecast, 0.5 to 1")
    ] = 0.9
    slot: Annotated[PositiveDuration, Field(ge=300.0, le=14400.0)] = Field(
        default=1800.0, description="length of a slot, a whole part of a day, seconds"
    )
    lead: Duration = Field(
        default=600.0, description="how far ahead workers are made ready, seconds"
    )
    timezone: TimeZone = Field(
        default="UTC", description="IANA time zone whose days and weeks the load follows"
    )
    history_days: Annotated[
        int, Field(ge=7, le=56, description="days of history to keep, days")
    ] = 35
    backtest_days: Annotated[
        int, Field(ge=2, le=28, description="past days on which forecasts are tested, days")
    ] = 7
    max_error: Annotated[
        float, Field(gt=0, le=1, description="largest error of the test that is good enough, ratio")
    ] = 0.3

    @model_validator(mode="after")
    def _check(self) -> Self:
        if _DAY_S % self.slot:
            raise ValueError(f"slot {self.slot:g}s must divide a day without a rest")
        if self.backtest_days >= self.history_days:
            raise ValueError("backtest_days must be less than history_days")
        return self


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. ``loads``: mean load per slot (requests), ``None`` where it was not seen."""

    ordinal: int
    loads: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PredictiveState:
    """The history, the slot that is being averaged, and the latest test.

    Attributes:
        days: complete days and the current one, oldest first.
        slot: index of the current slot. weighted, seen_s: its load * seconds, and the seconds.
        at, load: the last look: our clock (epoch seconds), and requests.
        errors: error of each profile in the latest test; without an entry it could not be tested.
    """

    days: tuple[Day, ...] = ()
    slot: int = -1
    weighted: float = 0.0
    seen_s: float = 0.0
    at: float | None = None
    load: int = 0
    errors: dict[str, float] | None = None


class PredictivePolicy(Policy):
    """Raise the number in time for what the same hour brought on past days."""

    kind = "predictive"
    Params = PredictiveParams
    state_type = PredictiveState
    monotone_in_load = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return a floor, or an abstention that says why; NoData without a queue."""
        load = load_of(given)
        if isinstance(load, NoData):
            return load, state
        params = cast("PredictiveParams", self.params)
        after = learn(params, state or PredictiveState(), given.now, load)
        profile, doubt = trusted(params, after)
        if profile is None:
            return _abstain(doubt, after), after
        ahead_s = params.lead + (given.cold_start_s or 0.0)
        found = [forecast(params, after.days, profile, given.now + s) for s in (0.0, ahead_s)]
        known = [value for value in found if value is not None]
        if not known:
            return _abstain(f"no history for this time of the {profile}", after), after
        floor = workers_up(max(known) / params.target)
        why = (
            f"the {profile} profile expects {max(known):.3g} requests within {ahead_s:.0f} s: "
            f"at least {floor}"
        )
        errors = after.errors or {}
        inputs: dict[str, float | str] = {
            "profile": profile,
            "forecast": max(known),
            "ahead_s": ahead_s,
            "backtest_error": errors[profile],
        }
        return Recommendation(floor, why, inputs, floor=floor, abstains=True), after


def _abstain(why: str, state: PredictiveState) -> Recommendation:
    inputs: dict[str, float | str] = {"days": len(state.days)}
    inputs |= {f"{name}_error": error for name, error in (state.errors or {}).items()}
    return Recommendation(0, f"no forecast: {why}", inputs, abstains=True)


def place(params: PredictiveParams, at: float) -> tuple[int, int]:
    """Return the local day (ordinal) and slot of a moment (epoch seconds)."""
    wall = datetime.fromtimestamp(at, UTC).astimezone(zone_of(params.timezone))
    seconds = timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second).total_seconds()
    return wall.toordinal(), int(seconds // params.slot)


def learn(
    params: PredictiveParams, state: PredictiveState, now: float, load: int
) -> PredictiveState:
    """Take in one look: the load since the last one belongs to the slot of this one."""
    day, slot = place(params, now)
    slots = int(_DAY_S // params.slot)
    kept = tuple(
        d
        for d in state.days
        if len(d.loads) == slots and day - params.history_days <= d.ordinal <= day
    )
    state = replace(state, days=kept)
    ended = not kept or kept[-1].ordinal != day
    if ended:
        # A day begins: nobody will change the past ones any more, so this is the time to test.
        empty: tuple[float | None, ...] = (None,) * slots
        state = replace(
            state, days=(*kept, Day(day, empty)), errors=backtest(params, kept), slot=-1
        )
    if state.slot != slot:
        state = replace(state, slot=slot, weighted=0.0, seen_s=0.0)
    dt = now - state.at if state.at is not None else 0.0
    if 0 < dt <= _GAP_S:
        state = replace(
            state,
            weighted=state.weighted + (state.load + load) / 2 * dt,
            seen_s=state.seen_s + dt,
        )
    if state.seen_s >= params.slot / 2:
        today = state.days[-1]
        loads = (*today.loads[:slot], state.weighted / state.seen_s, *today.loads[slot + 1 :])
        state = replace(state, days=(*state.days[:-1], Day(day, loads)))
    return replace(state, at=now, load=load)


def trusted(params: PredictiveParams, state: PredictiveState) -> tuple[str | None, str]:
    """Return the profile whose test was good enough, or ``None`` and why there is none."""
    errors = state.errors or {}
    if not errors:
        return None, f"{len(state.days) - 1} days seen, too few to test a forecast on"
    best = min(errors, key=lambda name: (errors[name], name))
    if errors[best] > params.max_error:
        return None, (
            f"the test on past days was off by {errors[best]:.0%} ({best} profile), "
            f"{params.max_error:.0%} is allowed"
        )
    return best, ""


def forecast(
    params: PredictiveParams, days: tuple[Day, ...], profile: str, at: float
) -> float | None:
    """Return the load expected at a moment (epoch seconds); ``None`` without enough history."""
    day, slot = place(params, at)
    past = _same_slot(days, profile, day, slot)
    return quantile(past, params.quantile) if len(past) >= _LEAST[profile] else None


def backtest(params: PredictiveParams, days: tuple[Day, ...]) -> dict[str, float]:
    """Return each profile's error on the latest complete days; without enough, no entry."""
    errors = {}
    for profile in _LEAST:
        off = total = 0.0
        tested = 0
        for day in days[-params.backtest_days :]:
            pairs = list(_pairs(days, profile, day))
            tested += bool(pairs)
            off += sum(abs(expected - load) for expected, load in pairs)
            total += sum(load for _, load in pairs)
        if tested >= params.backtest_days and total > 0:
            errors[profile] = off / total
    return errors


def _pairs(days: tuple[Day, ...], profile: str, day: Day) -> Iterable[tuple[float, float]]:
    """Yield forecast (median) and load of each slot of a past day that could be forecast."""
    for slot, load in enumerate(day.loads):
        past = _same_slot(days, profile, day.ordinal, slot)
        if load is not None and len(past) >= _LEAST[profile]:
            yield quantile(past, 0.5), load


def _same_slot(days: tuple[Day, ...], profile: str, day: int, slot: int) -> list[float]:
    """Return the loads of a slot on the days that a profile looks at, before ``day``."""
    if profile == "day":
        wanted = set(range(day - _DAILY, day))
    else:
        wanted = {day - _WEEK * back for back in range(1, _WEEKLY + 1)}
    found = (d.loads[slot] for d in days if d.ordinal in wanted)
    return [load for load in found if load is not None]


def quantile(values: list[float], part: float) -> float:
    """Return the smallest value that at least ``part`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(part * len(ordered) - 1e-9) - 1)]
