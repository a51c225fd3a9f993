"""How often each number of workers was needed lately: the whole staffing where load is sparse.

Worker ``k`` is worth keeping while the share of time in which a ``k``-th one was needed exceeds the
risk taken: a hold time per level that is long where a level is used often and short after a single
burst, and that grows with the cold start.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil, exp, sqrt
from operator import neg

from autoscaler.policies.slo.forecast import SCALES_S
from autoscaler.policies.slo.state import Demand, Forecast

_MEMORY_S = 300.0
"""Memory of a level at a horizon of 30 s; it grows with the root of the horizon."""
_BASE_HORIZON_S = 30.0
_BURST = 0.8
"""Share of an interval's arrivals taken to come at once."""
_DEVIATIONS = 1.5
_LASTING = 1
"""Which of the forecast's time scales tells what lasts: a minute."""
_SURE = 1.5
"""Standard deviations by which a rate must exceed chance."""
_RESIDUAL = 0.5
"""Completions of the next ``target_wait`` that come too late for the first in the queue."""
_FORGOTTEN = 1e-5


def memory_s(horizon_s: float) -> float:
    """Return how long a level is remembered, seconds."""
    return _MEMORY_S * sqrt(horizon_s / _BASE_HORIZON_S)


def needed(demand: Demand, forecast: Forecast, target_wait_s: float) -> int:
    """Return the workers with which nobody at this moment would wait too long.

    Requests in service and in the queue count as far as the arrivals explain them: what a backlog
    piled up is not a level of load.
    """
    expected = forecast.concurrency
    explained = expected + _DEVIATIONS * sqrt(expected) + 1
    present = min(float(demand.busy + demand.queue), explained)
    service_s = demand.service_s
    return max(
        workers_for(present, service_s, target_wait_s),
        workers_for(demand.arrived * _BURST, service_s, target_wait_s),
        _sustained(forecast.rates[_LASTING], SCALES_S[_LASTING], service_s),
    )


def _sustained(rate: float, scale_s: float, service_s: float) -> int:
    """Return the workers that a load which lasts keeps busy, less what may be chance.

    A burst longer than the target wait is not survived by waiting: each of its requests needs a
    worker of its own. The variance of a smoothed Poisson rate is ``rate / (2 scale)``.
    """
    certain = rate - _SURE * sqrt(rate / (2 * scale_s))
    return max(0, ceil(certain * service_s - 1e-9))


def workers_for(requests: float, service_s: float, target_wait_s: float) -> int:
    """Return the fewest workers that start this many simultaneous requests in time.

    ``c`` workers serve ``c`` at once and finish about ``c * target_wait / service`` more in time.
    """
    if requests <= 0:
        return 0
    turns = target_wait_s / service_s
    fewest = ceil((requests + _RESIDUAL) / (1 + turns) - 1e-9)
    return min(ceil(requests), max(1, fewest))


def update(
    levels: tuple[float, ...], need: int, step_s: float, memory_s: float
) -> tuple[float, ...]:
    """Return the shares of time after an interval in which ``need`` workers were needed.

    The first interval weighs no more than any other: a start from nothing piles up requests, and
    what they needed at once is no sign of what is to come.
    """
    weight = 1 - exp(-step_s / memory_s)
    kept = 1 - weight
    known = len(levels)
    fresh = [share * kept + weight for share in levels[:need]]
    if need > known:
        fresh += [weight] * (need - known)
    else:
        fresh += [share * kept for share in levels[need:]]
    while fresh and fresh[-1] < _FORGOTTEN:
        fresh.pop()
    return tuple(fresh)


def kept(levels: tuple[float, ...], tail: float) -> int:
    """Return how many workers were needed in more than ``tail`` of the time."""
    # A level is never needed more often than the one below it.
    return bisect_right(levels, -tail, key=neg)
