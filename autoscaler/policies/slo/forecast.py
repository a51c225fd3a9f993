"""Where the load goes within a cold start and an interval, and how sure that is.

Arrival rates are smoothed at several time scales at once; each is judged by how well it foretold
the load one horizon later, and they are mixed by that (weights fall with the fourth power of the
squared error). What the pool must bear is the rate smoothed over the service time plus the target
wait: shorter bursts are carried by requests in service and by waits that are still good. The spread
is that of the *highest* load within the horizon over the forecast, since no order arrives before
its end.
"""

from __future__ import annotations

from math import exp, sqrt

from autoscaler.policies.slo.state import Demand, Forecast, Record

SCALES_S = (30.0, 60.0, 120.0, 240.0, 480.0)
"""Time scales of the smoothed rates, seconds."""
_SHARPNESS = 4
_MEMORY = 0.03
"""Weight of the newest judgement once enough were made."""


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
    judged = _judge(before, load, now, horizon_s, service_s)
    rates = tuple(
        [
            old + (rate - old) * max(1 - exp(-step_s / scale), 1 / looks)
            for old, scale in zip(before.rates or (0.0,) * len(SCALES_S), SCALES_S, strict=True)
        ]
    )
    errors = judged.errors or (0.0,) * len(SCALES_S)
    best = min(range(len(rates)), key=errors.__getitem__) if judged.judged else 0
    return Forecast(
        looks=looks,
        rates=rates,
        errors=errors,
        judged=judged.judged,
        records=(*judged.records, Record(now, rates, load)),
        load=load,
        load_weight=weight,
        concurrency=concurrency,
        peak_mean=judged.peak_mean,
        peak_var=judged.peak_var,
        best=best,
        rate=_mixed(rates, errors, best) if judged.judged else rates[0],
    )


def _mixed(rates: tuple[float, ...], errors: tuple[float, ...], best: int) -> float:
    least = errors[best] + 1e-12
    weights = [(least / (error + 1e-12)) ** _SHARPNESS for error in errors]
    return sum([w * r for w, r in zip(weights, rates, strict=True)]) / sum(weights)


def _judge(
    before: Forecast, load: float, now: float, horizon_s: float, service_s: float
) -> Forecast:
    """Compare the forecasts made one horizon ago with what came."""
    records = before.records
    errors = before.errors or (0.0,) * len(SCALES_S)
    judged, mean, var = before.judged, before.peak_mean, before.peak_var
    due = 0
    while due < len(records) and records[due].at <= now - horizon_s + 1e-6:
        record = records[due]
        due += 1
        judged += 1
        weight = max(_MEMORY, 2 / (judged + 2))
        errors = tuple(
            [e + ((load - r) ** 2 - e) * weight for e, r in zip(errors, record.rates, strict=True)]
        )
        peak = max([load, *[later.load for later in records[due:]]])
        excess = (peak - record.rates[before.best]) * service_s
        mean += (excess - mean) * weight
        var += ((excess - mean) ** 2 - var) * weight
    return Forecast(
        errors=errors, judged=judged, records=records[due:], peak_mean=mean, peak_var=var
    )


def spread(forecast: Forecast, demand: Demand, target_wait_s: float) -> float:
    """Return the standard deviation of the peak load in workers, at least the Poisson noise."""
    busy = forecast.rate * demand.service_s
    noise = busy * demand.service_s / (demand.service_s + target_wait_s) / 2
    return sqrt(max(noise, forecast.peak_var if forecast.judged else 2 * noise))
