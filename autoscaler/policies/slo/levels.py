"""How often each number of workers was needed lately: the whole staffing where load is sparse.

Worker ``k`` is worth keeping while the share of time in which a ``k``-th one was needed exceeds the
risk taken: a hold time per level that is long where a level is used often and short after a single
burst, and that grows with the cold start.
"""

from __future__ import annotations

from bisect import bisect_right
from math import ceil, exp, sqrt
from operator import neg

from autoscaler.policies.slo.state import Demand, Forecast

_MEMORY_S = 300.0
"""Memory of a level at a horizon of 30 s; it grows with the root of the horizon."""
_BASE_HORIZON_S = 30.0
HABIT_LENGTH = 16.0
"""Memory of a habit, as a multiple of a level's."""
HABIT_FACTOR = 20.0
_BURST = 0.8
"""Share of an interval's arrivals taken to come at once."""
_DEVIATIONS = 1.5
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
    )


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
    levels: tuple[float, ...], need: int, step_s: float, memory_s: float, looks: int
) -> tuple[float, ...]:
    """Return the shares of time after an interval in which ``need`` workers were needed."""
    weight = max(1 - exp(-step_s / memory_s), 1 / (looks + 4))
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


def kept(levels: tuple[float, ...], habits: tuple[float, ...], tail: float) -> int:
    """Return how many workers were needed in more than ``tail`` of the time.

    Rarely, but again and again, is enough where the risk has become so small that memory is short:
    a level is kept, too, if over the long run it was needed ``HABIT_FACTOR`` times as often.
    """
    return max(_above(levels, tail), _above(habits, tail * HABIT_FACTOR))


def _above(levels: tuple[float, ...], share: float) -> int:
    # A level is never needed more often than the one below it.
    return bisect_right(levels, -share, key=neg)
