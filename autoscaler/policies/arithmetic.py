"""What several policies share: rounding that floating point cannot upset, and the load."""

from __future__ import annotations

from math import ceil, floor, isfinite

from autoscaler.model import NoData, PolicyInput

WORKERS_MAX = 1_000_000
"""Largest number any policy recommends: more is a fault of the signal, not a wish."""
_EPSILON = 1e-9


def workers_up(wanted: float) -> int:
    """Round a wanted number up to whole workers, 0 to ``WORKERS_MAX``.

    A part of 1e-9 of the number is taken for a rounding error, so that 3.0000000004 is 3.
    """
    if not isfinite(wanted):
        return WORKERS_MAX if wanted > 0 else 0
    return min(max(0, ceil(wanted - _EPSILON * max(1.0, abs(wanted)))), WORKERS_MAX)


def workers_down(wanted: float) -> int:
    """Round down to whole workers, with the same care."""
    if not isfinite(wanted):
        return WORKERS_MAX if wanted > 0 else 0
    return min(max(0, floor(wanted + _EPSILON * max(1.0, abs(wanted)))), WORKERS_MAX)


def load_of(given: PolicyInput) -> int | NoData:
    """Requests being served (one per busy worker) and waiting; NoData where the queue is unknown.

    A worker that is leaving may still be busy, but is counted in neither.
    """
    queue = given.observation.queue_size
    return queue if isinstance(queue, NoData) else given.census.busy + queue
