"""Count the workers of a list: what serves, what will, and what only occupies a place."""

from __future__ import annotations

from collections import Counter

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.rollout import Rollout
from autoscaler.model import PRESENT, Census, Observation, WorkerState

_STILL_HERE = PRESENT - {WorkerState.REMOVING}


def count_workers(observation: Observation, memory: AppMemory, rollout: Rollout) -> Census:
    """Return the census; ``memory`` must have seen this list already."""
    workers = observation.workers
    overdue_ids = {i for i, start in memory.starting.items() if start.overdue}
    leaving_ids = memory.leaving
    counts = Counter([w.state for w in workers])
    present = len(workers) - counts[WorkerState.ERROR] - counts[WorkerState.GONE]
    overdue = leaving = paired = 0
    if leaving_ids or overdue_ids or rollout.newcomers:
        for worker in workers:
            state = worker.state
            if worker.id in leaving_ids and state in _STILL_HERE:
                leaving += 1
            elif worker.id in rollout.newcomers:
                paired += 1
            elif state is WorkerState.IN_FLIGHT and worker.id in overdue_ids:
                overdue += 1
            else:
                continue
            counts[state] -= 1
    return Census(
        free=counts[WorkerState.FREE],
        busy=counts[WorkerState.BUSY],
        in_flight=counts[WorkerState.IN_FLIGHT],
        rollin=counts[WorkerState.ROLLIN],
        removing=counts[WorkerState.REMOVING],
        error=counts[WorkerState.ERROR],
        unavailable=counts[WorkerState.UNAVAILABLE],
        unknown=counts[WorkerState.UNKNOWN],
        overdue=overdue,
        leaving=leaving,
        paired=paired,
        on_order=memory.on_order,
        present=present - paired,
    )
