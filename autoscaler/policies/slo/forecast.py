"""Where the load goes within a cold start and an interval, and how sure that is.

Arrival rates are smoothed at several time scales at once, and one forecast more draws the line
through two of them on to the horizon (level and trend, as in Holt 1957). Each is judged by how well
it foretold the load one horizon later, and they are mixed by that (weights fall with the eighth
power of the squared error). What the pool must bear is the rate smoothed over the service time plus
the target wait: shorter bursts are carried by requests in service and by waits that are still good.
Learned, too, is by how much the *highest* load within the horizon exceeds the forecast, since no
order arrives before its end. Days and weeks (``season``) raise it where they have proven that they
can.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp, sqrt

from autoscaler.model.frozen import maker
from autoscaler.policies.slo import season
from autoscaler.policies.slo.state import Demand, Forecast, Record

SCALES_S = (30.0, 60.0, 120.0, 240.0, 480.0)
"""Time scales of the smoothed rates, seconds."""
_TREND = (0, 2)
"""The fast and the slow scale that tell a trend."""
_TREND_MAX = 1.5
"""A trend foretells no more than so many times the highest of the rates."""
_TREND_AFTER = 3.0
"""Slow scales after which a trend is believed to be one, and not the start."""
_SHARPNESS = 8
_MEMORY = 0.03
"""Weight of the newest judgement once enough were made."""
_forecast, _record = maker(Forecast), maker(Record)


def update(before: Forecast, demand: Demand, horizon_s: float, target_wait_s: float) -> Forecast:
    """Return the forecast after one more list."""
    looks = before.looks + 1
    step_s, rate, service_s = demand.step_s, demand.rate, demand.service_s
    now = demand.at or 0.0
    kept = exp(-step_s / (service_s + target_wait_s))
    load_sum = before.load * (1 - before.load_weight) * kept + rate * (1 - kept)
    weight = before.load_weight * kept
    load = load_sum / (1 - weight)
    in_service = exp(-step_s / service_s)
    concurrency = before.concurrency * in_service + rate * service_s * (1 - in_service)
    judged = _judge(_comparable(before), load, demand, horizon_s)
    rates = tuple(
        [
            old + (rate - old) * max(1 - exp(-step_s / scale), 1 / looks)
            for old, scale in zip(before.rates or (0.0,) * len(SCALES_S), SCALES_S, strict=True)
        ]
    )
    told_by_each = (*rates, _trend(rates, horizon_s) if _has_trend(looks * step_s) else rates[0])
    errors = judged.errors or (0.0,) * len(told_by_each)
    mixed = _mixed(told_by_each, errors) if judged.judged else rates[0]
    seasons = season.update(judged.season, demand)
    told = season.foretold(seasons, now + horizon_s)
    return _forecast(
        looks=looks,
        rates=rates,
        errors=errors,
        judged=judged.judged,
        records=(*judged.records, _record(now, told_by_each, load, mixed, told)),
        load=load,
        load_weight=weight,
        concurrency=concurrency,
        peak_mean=judged.peak_mean,
        rate=season.raised(seasons, mixed, told),
        season=seasons,
    )


def _comparable(before: Forecast) -> Forecast:
    """Forget what was judged, where a stored state is of a version that mixed other forecasts."""
    if len(before.errors) in (0, len(SCALES_S) + 1):
        return before
    return replace(before, errors=(), judged=0, records=())


def _has_trend(age_s: float) -> bool:
    return age_s > _TREND_AFTER * SCALES_S[_TREND[1]]


def _trend(rates: tuple[float, ...], horizon_s: float) -> float:
    """Return the rate (1/s) at the horizon on the line through two smoothed ones.

    A rate smoothed over ``scale`` seconds is, on a line, that of ``scale`` seconds ago.
    """
    fast, slow = _TREND
    slope = (rates[fast] - rates[slow]) / (SCALES_S[slow] - SCALES_S[fast])
    foretold = rates[fast] + slope * (horizon_s + SCALES_S[fast])
    return min(_TREND_MAX * max(rates), max(0.0, foretold))


def _mixed(rates: tuple[float, ...], errors: tuple[float, ...]) -> float:
    least = min(errors) + 1e-12
    weights = [(least / (error + 1e-12)) ** _SHARPNESS for error in errors]
    return sum([w * r for w, r in zip(weights, rates, strict=True)]) / sum(weights)


def _judge(before: Forecast, load: float, demand: Demand, horizon_s: float) -> Forecast:
    """Compare the forecasts made one horizon ago with what came."""
    records, seasons = before.records, before.season
    errors = before.errors or (0.0,) * (len(SCALES_S) + 1)
    judged, mean = before.judged, before.peak_mean
    due = 0
    due_at = (demand.at or 0.0) - horizon_s + 1e-6
    while due < len(records) and records[due].at <= due_at:
        record = records[due]
        due += 1
        judged += 1
        weight = max(_MEMORY, 2 / (judged + 2))
        errors = tuple(
            [e + ((load - r) ** 2 - e) * weight for e, r in zip(errors, record.rates, strict=True)]
        )
        peak = max([load, *[later.load for later in records[due:]]])
        mean += ((peak - record.mixed) * demand.service_s - mean) * weight
        seasons = season.judge(seasons, load, record.mixed, record.told, demand.step_s)
    return _forecast(
        errors=errors, judged=judged, records=records[due:], peak_mean=mean, season=seasons
    )


def spread(forecast: Forecast, demand: Demand, target_wait_s: float) -> float:
    """Return the standard deviation of the load in workers: the Poisson noise."""
    busy = forecast.rate * demand.service_s
    return sqrt(busy * demand.service_s / (demand.service_s + target_wait_s))
