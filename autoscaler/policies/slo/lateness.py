"""Who waited too long: waits are not told, but two lists and FIFO order tell nearly all.

Requests that arrived between two lists form a cohort. Starts between two lists are arrivals less
the growth of the queue; they go to the oldest cohorts. Arrivals are spread evenly over their
interval and starts over theirs. A wait shorter than the interval may be missed altogether, so one
that is seen counts for those that are not (Horvitz and Thompson: weight = interval / wait).
"""

from __future__ import annotations

from autoscaler.model.frozen import maker
from autoscaler.policies.slo.state import Cohort, Demand, Lateness

_POINTS = 8
"""Requests of a cohort looked at, one for many."""
_MEMORY_REQUESTS = 60_000.0
_NOTHING = 1e-9
_lateness, _cohort = maker(Lateness), maker(Cohort)


def update(
    before: Lateness, demand: Demand, target_wait_s: float, count_from: float
) -> tuple[Lateness, float]:
    """Return the account after this list, and how many requests turned out late in it.

    Requests that arrived before ``count_from`` (epoch seconds) are not counted.
    """
    now = demand.at or 0.0
    began = now - demand.step_s
    started = max(0, demand.queue_before + demand.arrived - demand.queue)
    old = min(demand.queue_before, started)
    cohorts = list(before.cohorts)
    late = 0.0
    if old:
        late = _serve_old(cohorts, demand, old, started, target_wait_s, count_from)
        late += _served_at_once(demand, old, started, target_wait_s) * (began >= count_from)
    if demand.arrived and demand.queue:
        left = min(demand.arrived, demand.queue)
        cohorts.append(_cohort(began, now, left, demand.arrived))
    _trim(cohorts, demand.queue)
    counted = began >= count_from
    kept = 1 - demand.arrived / _MEMORY_REQUESTS if counted else 1.0
    kept = max(0.0, kept)
    return (
        _lateness(
            tuple(cohorts),
            before.late * kept + late,
            before.requests * kept + (demand.arrived if counted else 0),
        ),
        late,
    )


def _serve_old(
    cohorts: list[Cohort],
    demand: Demand,
    old: int,
    started: int,
    target_wait_s: float,
    count_from: float,
) -> float:
    """Take ``old`` requests from the head of the queue; return how many of them were late."""
    step_s, now = demand.step_s, demand.at or 0.0
    if demand.ready_before == 0:
        first, span = now, 0.0  # nobody could start before a new worker was ready
    elif demand.queue:
        first, span = now - step_s, step_s * old / started
    else:
        first = now - step_s
        span = min(step_s, old * demand.service_s / demand.ready_before)
    late = served = 0.0
    while served < old and cohorts:
        head = cohorts[0]
        count = min(head.left, old - served)
        points = max(1, min(_POINTS, int(count)))
        per_s = (head.until - head.since) / head.arrived
        gone = head.arrived - head.left
        for i in range(points):
            offset = (i + 0.5) / points * count
            start = first + (served + offset) / old * span
            wait = start - (head.since + (gone + offset) * per_s)
            if wait > target_wait_s and head.since >= count_from:
                late += count / points * max(1.0, step_s / wait)
        served += count
        if head.left - count <= 0:
            cohorts.pop(0)
        else:
            cohorts[0] = _cohort(head.since, head.until, head.left - count, head.arrived)
    return late


def _served_at_once(demand: Demand, old: int, started: int, target_wait_s: float) -> float:
    """Return how many arrived and started late between the same two lists."""
    fresh = started - old
    if not (fresh and demand.queue and demand.arrived and demand.ready_before):
        return 0.0
    late = 0.0
    points = min(6, fresh)
    for i in range(points):
        offset = (i + 0.5) / points * fresh
        wait = demand.step_s * ((old + offset) / started - offset / demand.arrived)
        if wait > target_wait_s:
            late += fresh / points * max(1.0, demand.step_s / wait)
    return late


def _trim(cohorts: list[Cohort], queue: int) -> None:
    """Forget waiting requests that the queue does not hold (cancelled, or miscounted)."""
    surplus = sum([cohort.left for cohort in cohorts]) - queue
    while surplus > _NOTHING and cohorts:
        head = cohorts[0]
        gone = min(head.left, surplus)
        surplus -= gone
        if head.left - gone <= 0:
            cohorts.pop(0)
        else:
            cohorts[0] = _cohort(head.since, head.until, head.left - gone, head.arrived)
