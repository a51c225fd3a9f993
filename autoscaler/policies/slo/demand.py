"""Read off two worker lists what happened in between.

Arrivals = completions + growth of the number in service + growth of the queue: exact, however long
requests wait. The service time is the busy time over the completions (Little's law applied to the
workers); it forgets by the number of completions, so that it follows a changing load mix.
"""

from __future__ import annotations

from itertools import repeat
from operator import le, sub

from autoscaler.model import PolicyInput, Worker, WorkerState
from autoscaler.model.frozen import maker
from autoscaler.policies.slo.state import PRIOR_SERVICE_S, Demand

_MEMORY_REQUESTS = 500.0
"""Completions after which an observation of the service time counts half."""
_MEMORY_PASSES = 0.9995
"""What each pass keeps of it, so that an idle app forgets as well."""
_COLD_START_WEIGHT = 0.2
_CLOCK_SLACK_S = 0.5
_demand = maker(Demand)
_BUSY, _FREE, _IN_FLIGHT = WorkerState.BUSY, WorkerState.FREE, WorkerState.IN_FLIGHT


def observe(given: PolicyInput, queue: int, before: Demand) -> Demand:
    """Return what is known of the demand after this list."""
    observation, census = given.observation, given.census
    counts, completed, familiar = _count(observation.workers, before.counts)
    busy = census.busy
    cold_start_s, starting = _cold_start(given, before, counts, familiar=familiar)
    if before.at is None:
        step_s, arrived = before.step_s, busy + queue
        busy_s = finished = 0.0
        completed = 0
    else:
        step_s = max(1e-3, observation.received_at - before.at)
        arrived = max(0, completed + busy - before.busy + queue - before.queue)
        kept = 0.5 ** (min(completed, 300) / _MEMORY_REQUESTS) * _MEMORY_PASSES
        busy_s = before.busy_s * kept + (busy + before.busy) / 2 * step_s
        finished = before.finished * kept + completed
    ever = before.ever_finished + completed
    return _demand(
        at=observation.received_at,
        step_s=step_s,
        busy=busy,
        ready=census.ready,
        queue=queue,
        queue_before=before.queue,
        ready_before=before.ready,
        arrived=arrived,
        completed=completed,
        counts=counts,
        busy_s=busy_s,
        finished=finished,
        ever_finished=ever,
        service_s=_service_s(busy_s, finished, ever, busy),
        cold_start_s=cold_start_s,
        starting=starting,
    )


def _count(workers: tuple[Worker, ...], before: dict[str, int]) -> tuple[dict[str, int], int, bool]:
    """Return the requests finished by worker id, how many since ``before``, and if all are known.

    The same workers in the same order, as at most looks, are compared column by column.
    """
    ids, totals = [w.id for w in workers], [w.success_count + w.failed_count for w in workers]
    familiar = ids == [*before]
    counted = before.values() if familiar else [*map(before.get, ids, repeat(0))]
    # Counters only grow; one that does not belongs to a worker that began anew.
    if all(map(le, counted, totals)):
        completed = sum(totals) - sum(counted)
        if familiar and not completed:
            return before, 0, True
    else:
        completed = sum([n for n in map(sub, totals, counted) if n > 0])
    return dict(zip(ids, totals, strict=True)), completed, familiar


def _service_s(busy_s: float, finished: float, ever_finished: int, busy: int) -> float:
    """Return the mean service time; the prior fades as the first generation of requests ends.

    Before that the long ones are still being served, so the plain quotient would be far too high.
    """
    if finished < 1:
        return PRIOR_SERVICE_S
    trust = ever_finished / (ever_finished + busy)
    return max(1e-3, trust * busy_s / finished + (1 - trust) * PRIOR_SERVICE_S)


def _cold_start(
    given: PolicyInput, before: Demand, counts: dict[str, int], *, familiar: bool
) -> tuple[float | None, tuple[str, ...]]:
    """Learn from creation to the first list that shows a worker FREE or BUSY."""
    learned = before.cold_start_s
    known = before.counts
    listed_before = familiar or counts.keys() <= known.keys()
    if listed_before and not before.starting:
        return given.cold_start_s if given.cold_start_s is not None else learned, ()
    starting: list[str] = []
    was_starting = set(before.starting)
    now = given.observation.platform_now
    newer_than = now if before.at is None else now - (given.observation.received_at - before.at)
    new = was_starting if listed_before else was_starting | (counts.keys() - known.keys())
    for worker in [w for w in given.observation.workers if w.id in new]:
        if worker.state is _IN_FLIGHT:
            starting.append(worker.id)
            continue
        fresh = worker.created_at is not None and worker.created_at >= newer_than - _CLOCK_SLACK_S
        if (fresh or worker.id in was_starting) and worker.state in (_BUSY, _FREE):
            took = _start_s(worker, now)
            learned = took if learned is None else learned + (took - learned) * _COLD_START_WEIGHT
    return given.cold_start_s if given.cold_start_s is not None else learned, tuple(starting)


def _start_s(worker: Worker, now: float) -> float:
    created = worker.created_at or now
    ready = worker.last_serve_at if not worker.served and worker.last_serve_at else now
    return max(0.0, min(ready, now) - created)
