"""Count the workers of a list: what serves, what will, and what only occupies a place."""

from __future__ import annotations

from collections import Counter

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.rollout import Rollout
from autoscaler.model import PRESENT, Census, Observation, WorkerState


def count_workers(observation: Observation, memory: AppMemory, rollout: Rollout) -> Census:
    """Return the census; ``memory`` must have seen this list already."""
    counts: Counter[WorkerState] = Counter()
    overdue = leaving = paired = present = 0
    leaving_ids = memory.leaving
    for worker in observation.workers:
        state = worker.state
        present += state in PRESENT
        if worker.id in leaving_ids and state is not WorkerState.REMOVING and state in PRESENT:
            leaving += 1
        elif worker.id in rollout.newcomers:
            paired += 1
        elif state is WorkerState.IN_FLIGHT and _is_overdue(memory, worker.id):
            overdue += 1
        else:
            counts[state] += 1
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


def _is_overdue(memory: AppMemory, worker_id: str) -> bool:
    start = memory.starting.get(worker_id)
    return start is not None and start.overdue
