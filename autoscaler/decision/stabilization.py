"""Stabilization windows over recommendations, as in HPA v2.

Formula (HPA v2, ``stabilizeRecommendationWithBehaviors``): with *up* the smallest recommendation of
the up window and *down* the largest of the down window, the result is the current number, raised to
*up* if below it and lowered to *down* if above it.

Kept are only recommendations that can still decide: a monotonic queue per direction.
"""

from __future__ import annotations

from autoscaler.decision.change import changed
from autoscaler.decision.memory import AppMemory, Recommended
from autoscaler.model import Limit, Reason


def remember(
    memory: AppMemory, workers: int, now: float, *, up_window_s: float, down_window_s: float
) -> AppMemory:
    """Add a recommendation and drop those too old, or dominated by this one."""
    high, low = windows(memory, workers, now, up_window_s=up_window_s, down_window_s=down_window_s)
    return changed(memory, high=high, low=low)


def windows(
    memory: AppMemory, workers: int, now: float, *, up_window_s: float, down_window_s: float
) -> tuple[tuple[Recommended, ...], tuple[Recommended, ...]]:
    """Return the ``high`` and ``low`` of :func:`remember`, for one who changes more besides."""
    new = Recommended(now, workers)
    above = [r for r in memory.high if r.at > now - down_window_s and r.workers > workers]
    below = [r for r in memory.low if r.at > now - up_window_s and r.workers < workers]
    return (*above, new), (*below, new)


def stabilize(
    memory: AppMemory, wanted: int, current: int, *, min_workers: int, max_workers: int
) -> tuple[int, Limit | None]:
    """Return the number that the windows allow, and the limit if they changed it.

    Old recommendations are read within the bounds in force now, so that a lowered maximum, or a
    raised minimum, takes effect at once. Call :func:`remember` with ``wanted`` first.
    """
    highest = min(max(memory.high[0].workers, min_workers), max_workers)
    lowest = min(max(memory.low[0].workers, min_workers), max_workers)
    result = min(max(current, lowest), highest)
    if result == wanted:
        return result, None
    word = "down" if wanted < current else "up"
    bound = memory.high[0] if word == "down" else memory.low[0]
    why = f"scale-{word} window still holds a recommendation of {bound.workers}"
    return result, Limit(Reason.STABILIZING, wanted, result, why)
