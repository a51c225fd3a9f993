"""CLV: what a schedule costs that knows every arrival and every service time beforehand.

It is feasible, so no policy is asked for the impossible, and simple enough to check by hand; the
certified bound (``bound``) says how close to the optimum it is.

Requests are taken in order of arrival ``a``; each worker is known by when it is next free. A worker
that becomes free within ``[a, a + target_wait]`` costs nothing more; else the idle worker with the
smallest gap is kept (``min(gap, cold start)``: a longer gap is bridged by a new start); else a new
one starts (one cold start). A share of the requests may start late where that saves most.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass

from autoscaler.simulator.lab.trace import Request

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
"""Marginal costs, in cold starts, above which a request is rather sent late; the best counts."""

LATE_SEARCH_LIMIT = 50_000
"""Longest trace, in requests, whose published reference sends some late: see :func:`reference`."""

LATENESS_LIMIT_S = 600.0
"""A late request starts within this time all the same: nobody is put off for ever to save money."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A clairvoyant schedule's cost. ``cost_over_work`` is at least 1."""

    work_s: float
    gaps_s: float
    late: int

    @property
    def cost_over_work(self) -> float:
        """Worker-seconds paid for each second of service."""
        return (self.work_s + self.gaps_s) / self.work_s if self.work_s else 1.0


def clairvoyant(
    requests: Iterable[Request],
    cold_start_s: float,
    *,
    target_wait_s: float = 10.0,
    late_share: float = 0.05,
) -> Schedule:
    """Return the cheapest schedule over all thresholds.

    Args:
        requests: in order of arrival.
        cold_start_s: seconds from order to readiness, billed (≥ 0).
        target_wait_s: longest wait that is not late, seconds.
        late_share: share of the requests (0..1) that may wait longer.
    """
    known = requests if isinstance(requests, tuple) else tuple(requests)
    allowed = int(late_share * len(known))
    thresholds = THRESHOLDS if allowed else (1.0,)
    schedules = (
        schedule(known, cold_start_s, threshold * cold_start_s, target_wait_s, allowed)
        for threshold in thresholds
    )
    return min(schedules, key=lambda found: found.gaps_s)


def reference(
    requests: Iterable[Request],
    cold_start_s: float,
    *,
    target_wait_s: float = 10.0,
    late_share: float = 0.05,
) -> Schedule:
    """Return the schedule that published costs are divided by; arguments as :func:`clairvoyant`.

    The published table was made without late requests for traces of more than
    ``LATE_SEARCH_LIMIT`` requests, and figures can only be compared with one reference. It makes
    the reference of such a trace dearer: by 0.3 to 1.5 % on the one that is in the table.
    """
    known = requests if isinstance(requests, tuple) else tuple(requests)
    share = late_share if len(known) <= LATE_SEARCH_LIMIT else 0.0
    return clairvoyant(known, cold_start_s, target_wait_s=target_wait_s, late_share=share)


def schedule(
    requests: Iterable[Request],
    cold_start_s: float,
    dear_s: float,
    target_wait_s: float,
    allowed_late: int,
) -> Schedule:
    """Return one schedule, in which a request that would cost more than ``dear_s`` goes late."""
    free_at: list[float] = []
    work = gaps = 0.0
    late = 0
    for arrival, service in requests:
        work += service
        place = bisect_left(free_at, arrival)
        in_time = place < len(free_at) and free_at[place] <= arrival + target_wait_s
        if in_time:
            start = free_at.pop(place)
        else:
            price = min(arrival - free_at[place - 1], cold_start_s) if place else cold_start_s
            may_wait = (
                late < allowed_late
                and place < len(free_at)
                and free_at[place] <= arrival + LATENESS_LIMIT_S
            )
            if may_wait and price > dear_s:
                start = free_at.pop(place)
                late += 1
            else:
                gaps += price
                start = arrival
                if place:
                    free_at.pop(place - 1)
        insort(free_at, start + service)
    return Schedule(work, gaps, late)
