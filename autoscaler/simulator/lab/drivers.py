"""What turns observations into actions in the laboratory."""

from __future__ import annotations

from autoscaler.model import (
    Action,
    Candidate,
    Census,
    Hold,
    NoData,
    Observation,
    PolicyInput,
    ScaleDown,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.policies import Policy

NO_MAXIMUM = 100_000
"""Stands for *no maximum* where a number is needed."""


class PolicyDriver:
    """A bare policy: its number is carried out at once, without windows, limits or bounds.

    Missing workers are ordered; surplus FREE ones go, the longest idle first.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._state: object = None
        self._ordered = 0
        self._max_seen = 0

    def decide(self, observation: Observation) -> Action:
        """Ask the policy and carry its number out."""
        census = self._census(observation)
        given = PolicyInput(
            observation=observation,
            census=census,
            now=observation.received_at,
            min_workers=0,
            max_workers=observation.max_workers or NO_MAXIMUM,
        )
        answer, self._state = self.policy.recommend(given, self._state)
        if isinstance(answer, NoData):
            return Hold()
        if answer.workers > census.capacity:
            self._ordered += answer.workers - census.capacity
            return ScaleUp(answer.workers - census.capacity)
        surplus = min(census.capacity - answer.workers, census.ready - answer.workers, census.free)
        return _removal(observation, surplus) if surplus > 0 else Hold()

    def _census(self, observation: Observation) -> Census:
        free = busy = in_flight = 0
        for worker in observation.workers:
            state = worker.state
            if state is WorkerState.FREE:
                free += 1
            elif state is WorkerState.BUSY:
                busy += 1
            else:
                in_flight += 1
        # Numbers are given in the order of ordering, so the highest one says what has been listed.
        if observation.workers:
            self._max_seen = max(self._max_seen, int(observation.workers[-1].id[1:]) + 1)
        on_order = max(0, self._ordered - self._max_seen)
        return Census(
            free=free,
            busy=busy,
            in_flight=in_flight,
            on_order=on_order,
            present=free + busy + in_flight,
        )


def _removal(observation: Observation, surplus: int) -> ScaleDown:
    free = [worker for worker in observation.workers if worker.state is WorkerState.FREE]
    free.sort(key=_last_use)
    now = observation.platform_now
    return ScaleDown(
        tuple(
            Candidate(worker.id, now - _last_use(worker), "idle longest")
            for worker in free[:surplus]
        )
    )


def _last_use(worker: Worker) -> float:
    return worker.last_serve_at or worker.created_at or 0.0
