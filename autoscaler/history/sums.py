"""Minutes put together: into longer stretches for plots, into sums for money. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from autoscaler.history.minutes import MINUTE_S, Minute
from autoscaler.ports.history import Sample


class Sums(NamedTuple):
    """What adds up over minutes; money per hour of one worker is ``per_worker`` over ``seen_s``.

    ``always_max``: money that the maximum at all times would have taken. ``per_worker``: money that
    one worker at all times would have.
    """

    seen_s: float = 0.0
    worker_s: float = 0.0
    busy_s: float = 0.0
    cost: float = 0.0
    always_max: float = 0.0
    per_worker: float = 0.0
    workers_max: int = 0


def sums_of(minutes: Iterable[Minute]) -> Sums:
    """Return the sums of minutes."""
    seen_s = worker_s = busy_s = cost = always_max = per_worker = 0.0
    workers_max = 0
    for minute in minutes:
        one = minute.seen_s * minute.price / 3600
        seen_s += minute.seen_s
        worker_s += minute.worker_s
        busy_s += minute.busy_s
        cost += minute.cost
        always_max += one * minute.max_workers
        per_worker += one
        workers_max = max(workers_max, minute.workers_max)
    return Sums(seen_s, worker_s, busy_s, cost, always_max, per_worker, workers_max)


def add(a: Sums, b: Sums) -> Sums:
    """Return both together, one after the other or side by side."""
    return Sums(
        seen_s=a.seen_s + b.seen_s,
        worker_s=a.worker_s + b.worker_s,
        busy_s=a.busy_s + b.busy_s,
        cost=a.cost + b.cost,
        always_max=a.always_max + b.always_max,
        per_worker=a.per_worker + b.per_worker,
        workers_max=max(a.workers_max, b.workers_max),
    )


def merge_minutes(first: Minute, second: Minute) -> Minute:
    """Return two parts of one stretch as one; of what holds, the second part's is kept."""
    return Minute(
        at=first.at,
        seen_s=first.seen_s + second.seen_s,
        looks=first.looks + second.looks,
        free_s=first.free_s + second.free_s,
        busy_s=first.busy_s + second.busy_s,
        in_flight_s=first.in_flight_s + second.in_flight_s,
        other_s=first.other_s + second.other_s,
        workers_max=max(first.workers_max, second.workers_max),
        queue_s=first.queue_s + second.queue_s,
        queue_seen_s=first.queue_seen_s + second.queue_seen_s,
        queue_max=_larger(first.queue_max, second.queue_max),
        desired=second.desired,
        max_workers=second.max_workers,
        arrivals=first.arrivals + second.arrivals,
        served=first.served + second.served,
        cost=first.cost + second.cost,
        price=second.price,
        proposals=second.proposals,
    )


def _larger(a: int | None, b: int | None) -> int | None:
    return max((x for x in (a, b) if x is not None), default=None)


def samples_of(minutes: Sequence[Minute], points: int) -> tuple[Sample, ...]:
    """Return minutes (in order of time) as at most ``points`` samples of equal length."""
    if not minutes:
        return ()
    reach = minutes[-1].at - minutes[0].at + 1
    step = -(-reach // points)
    first = minutes[0].at if step == 1 else minutes[0].at // step * step
    while (minutes[-1].at - first) // step + 1 > points:
        # a stretch was cut by the grid: the next coarser one has room
        step += 1
        first = minutes[0].at // step * step
    groups: dict[int, Minute] = {}
    for minute in minutes:
        group = first + (minute.at - first) // step * step
        known = groups.get(group)
        groups[group] = minute if known is None else merge_minutes(known, minute)
    return tuple(_sample(at, step, minute) for at, minute in groups.items())


def _sample(at: int, step: int, minute: Minute) -> Sample:
    seen_s = minute.seen_s or 1.0
    queue = minute.queue_s / minute.queue_seen_s if minute.queue_seen_s else None
    return Sample(
        at=at * MINUTE_S,
        span_s=step * MINUTE_S,
        seen_s=minute.seen_s,
        looks=minute.looks,
        free=minute.free_s / seen_s,
        busy=minute.busy_s / seen_s,
        in_flight=minute.in_flight_s / seen_s,
        other=minute.other_s / seen_s,
        workers_max=minute.workers_max,
        queue=queue,
        queue_max=minute.queue_max,
        desired=minute.desired,
        max_workers=minute.max_workers,
        proposals=minute.proposals,
        arrivals=minute.arrivals,
        served=minute.served,
        busy_s=minute.busy_s,
        # Little's law: mean wait = mean number waiting / arrival rate
        wait_s=minute.queue_s / minute.arrivals if minute.arrivals and queue is not None else None,
        worker_s=minute.worker_s,
        cost=minute.cost,
    )
