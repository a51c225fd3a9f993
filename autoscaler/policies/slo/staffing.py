"""How many workers: for the forecast, for the levels seen, and for the backlog."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt
from statistics import NormalDist

from autoscaler.model import Census
from autoscaler.model.frozen import maker
from autoscaler.policies.slo import forecast as forecasting
from autoscaler.policies.slo.state import Demand, Forecast

_NORMAL = NormalDist()
_SMALL_LOAD = 1.0
"""Below this many busy workers only the levels speak: a normal law makes no sense there."""
_TAIL_FACTOR, _TAIL_MAX = 3.0, 0.8
"""A peak within the horizon makes only its own part late, so its tail may be larger."""
_LARGEST_SPARE = 0.35
"""Most spare for the forecast's error, as a part of the load; beyond it the levels speak."""
_DEAD_BAND = 0.65
"""Half width, in standard deviations, within which the staffing stays as it is."""
_FLOOR_WEIGHT = 0.5
_GRACE_S = 600.0


@dataclass(frozen=True, slots=True)
class Staffing:
    """The parts of the number.

    Attributes:
        expected_busy: workers the forecast keeps busy. forecast: staffed for it, spare included.
        levels: kept for levels seen lately. backlog: more, to clear the queue.
        total: the number wanted.
    """

    expected_busy: float
    forecast: int
    levels: int
    backlog: int
    total: int


_staffing = maker(Staffing)


def staff(
    demand: Demand,
    forecast: Forecast,
    for_levels: int,
    *,
    tail: float,
    staffed: int,
    census: Census,
    cold_start_s: float,
    target_wait_s: float,
    allowed: float,
    age_s: float,
) -> Staffing:
    """Return the staffing.

    ``for_levels``: workers kept for the levels seen; ``tail``: the risk taken; ``staffed``: for the
    forecast until now.
    """
    busy = forecast.rate * demand.service_s
    for_forecast = 0
    if busy >= _SMALL_LOAD:
        for_forecast = _for_forecast(busy, demand, forecast, tail, staffed, target_wait_s, allowed)
    base = max(for_forecast, for_levels)
    if census.capacity == 0 and demand.busy + demand.queue:
        base = max(base, 1)
    backlog = _for_backlog(demand, forecast, census, base, tail, cold_start_s, target_wait_s, age_s)
    return _staffing(busy, for_forecast, for_levels, backlog, base + backlog)


def _for_forecast(
    busy: float,
    demand: Demand,
    forecast: Forecast,
    tail: float,
    staffed: int,
    target_wait_s: float,
    allowed: float,
) -> int:
    """Return ``staffed`` moved as little as possible into the band around load and spare.

    Moving only to the nearer edge is lazy capacity provisioning (Lin, Wierman et al. 2011).
    """
    sigma = forecasting.spread(forecast, demand, target_wait_s)
    floor = erlang_margin(busy, demand.service_s, target_wait_s, allowed)
    z = _NORMAL.inv_cdf(1 - min(_TAIL_MAX, tail * _TAIL_FACTOR))
    mean = forecast.peak_mean if forecast.judged else 0.0
    spare = min(max(mean + z * sigma, floor), max(floor, _LARGEST_SPARE * busy))
    low = busy + max(spare - _DEAD_BAND * sigma, floor)
    high = busy + max(spare + _DEAD_BAND * sigma, floor)
    return max(1, ceil(min(max(staffed, low), high) - 1e-9))


def erlang_margin(busy: float, service_s: float, target_wait_s: float, allowed: float) -> float:
    """Return the workers beyond the load with which a steady load meets the target.

    ``P(wait > t) = C exp(-(c - load) t / service)`` (M/M/c), with Halfin and Whitt's
    ``C = 1 / (1 + b Phi(b) / phi(b))``, ``b = (c - load) / sqrt(load)``, solved by two steps.
    Faded in between a load of 3 and 8, below which single workers are coarser than the formula.
    """
    scale_s = service_s / target_wait_s
    root = sqrt(max(busy, 0.5))
    margin = 2.0 * scale_s
    for _ in range(2):
        b = margin / root
        delayed = 1 / (1 + b * _NORMAL.cdf(b) / max(_NORMAL.pdf(b), 1e-12))
        margin = max(0.2, scale_s * log(max(delayed / allowed, 1.2)))
    return margin * _FLOOR_WEIGHT * min(1.0, max(0.0, (busy - 3.0) / 5.0))


def _for_backlog(
    demand: Demand,
    forecast: Forecast,
    census: Census,
    base: int,
    tail: float,
    cold_start_s: float,
    target_wait_s: float,
    age_s: float,
) -> int:
    """Return the workers to order for what the pool leaves of the queue within a cold start.

    Clearing it in ``t`` takes ``left * service / t`` workers at a cold start each, and makes the
    requests of ``t`` late, at ``service / tail`` worker-seconds each: the cheapest ``t`` is a root.
    Nothing is ordered before a generation of requests told the service time.
    """
    if not demand.queue or demand.ever_finished < max(1, demand.busy):
        return 0
    service_s, rate = demand.service_s, forecast.rate
    coming = census.in_flight + census.on_order
    drained = census.ready * (cold_start_s + target_wait_s) + coming * cold_start_s / 2
    left = demand.queue + rate * cold_start_s - drained / service_s
    if left <= 0:
        return 0
    clear_s = sqrt(left * cold_start_s * tail / max(rate, 1e-9))
    clear_s = max(clear_s, _GRACE_S - age_s - cold_start_s, target_wait_s)
    surplus = max(0.0, max(census.capacity, base) - rate * service_s)
    return max(0, ceil(left * service_s / clear_s - surplus))
