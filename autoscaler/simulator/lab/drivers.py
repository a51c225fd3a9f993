"""What turns observations into actions: the daemon's pipeline, or a bare policy for research."""

from __future__ import annotations

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.expectations import (
    down_order_ended,
    open_down_order,
    open_up_order,
    up_order_ended,
)
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import acted
from autoscaler.decision.spec import Direction
from autoscaler.model import (
    Action,
    Candidate,
    Census,
    Decision,
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
from autoscaler.simulator.lab.platform import APP

NO_MAXIMUM = 100_000
"""Stands for *no maximum* where a number is needed."""

_QUEUE_SIGNAL = "request_queue"


def lab_spec(policy: Policy, *, interval_s: float = 15.0, down_window_s: float = 0.0) -> AppSpec:
    """Return the owner's wishes for a policy in the laboratory: no bounds, no limits of its own.

    Args:
        policy: the one that is judged.
        interval_s: seconds between looks.
        down_window_s: stabilization window downwards, for policies that do not hold by themselves.
    """
    return AppSpec(
        key=APP,
        max_workers=NO_MAXIMUM,
        policies=(policy,),
        min_workers=0,
        interval_s=interval_s,
        down=Direction(stabilization_window_s=down_window_s),
    )


class PipelineDriver:
    """The daemon's ``decide`` and its bookkeeping of orders, in virtual time."""

    def __init__(self, spec: AppSpec) -> None:
        self.spec = spec
        self.last_decision: Decision | None = None
        self.wants_queue = any(_QUEUE_SIGNAL in policy.needs for policy in spec.asked)
        self._memory = AppMemory()
        self._observation: Observation | None = None

    def decide(self, observation: Observation) -> Action:
        """Return the pipeline's action; the whole decision is ``last_decision``."""
        now = observation.received_at
        self._observation = observation
        decision, self._memory = decide(self.spec, observation, self._memory, now)
        self.last_decision = decision
        return decision.action

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Remember the order as the daemon's actuator does after the platform said yes."""
        if self._observation is None or not worker_ids:
            return
        now, deadline_s = self._observation.received_at, self.spec.order_deadline_s
        if isinstance(action, ScaleUp):
            memory = open_up_order(self._memory, len(worker_ids), now, deadline_s)
            memory = up_order_ended(memory, OrderOutcome.ACCEPTED, worker_ids, now)
            self._memory = acted(memory, len(worker_ids), now)
            return
        gone = frozenset(worker_ids)
        workers = tuple(w for w in self._observation.workers if w.id in gone)
        memory = open_down_order(self._memory, workers, now, deadline_s)
        memory = down_order_ended(memory, OrderOutcome.ACCEPTED)
        self._memory = acted(memory, -len(worker_ids), now)


class PolicyDriver:
    """A bare policy: its number is carried out at once, without windows, limits or bounds.

    Missing workers are ordered; surplus FREE ones go, the longest idle first.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.wants_queue = _QUEUE_SIGNAL in policy.needs
        self._state: object = None
        self._on_order: frozenset[str] = frozenset()

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
            return ScaleUp(answer.workers - census.capacity)
        surplus = min(census.capacity - answer.workers, census.ready - answer.workers, census.free)
        return _removal(observation, surplus) if surplus > 0 else Hold()

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Count ordered workers until the list shows them."""
        if isinstance(action, ScaleUp):
            self._on_order |= frozenset(worker_ids)

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
        if self._on_order:
            self._on_order -= {worker.id for worker in observation.workers}
        return Census(
            free=free,
            busy=busy,
            in_flight=in_flight,
            on_order=len(self._on_order),
            present=free + busy + in_flight,
        )


def _removal(observation: Observation, surplus: int) -> ScaleDown:
    free = [worker for worker in observation.workers if worker.state is WorkerState.FREE]
    free.sort(key=_last_use)
    now = observation.platform_now
    return ScaleDown(
        tuple(Candidate(worker.id, now - _last_use(worker)) for worker in free[:surplus])
    )


def _last_use(worker: Worker) -> float:
    return worker.last_serve_at or worker.created_at or 0.0
