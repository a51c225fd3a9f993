"""Stories in time: what is seen at which moment, and what must be decided then.

story = Story(spec(max_workers=8))
story.at(0).sees(free=2, busy=1, queue=3).expects(scale_up=3)
story.sends("lost")
story.at(15).sees(free=2, busy=1, queue=3).expects(hold=Reason.OUTCOME_UNKNOWN)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.expectations import (
    after_restart,
    down_order_ended,
    open_down_order,
    open_up_order,
    up_order_ended,
)
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import acted
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    NoData,
    Observation,
    PolicyInput,
    Reason,
    Recommendation,
    ScaleDown,
    ScaleUp,
    Unobserved,
    Worker,
    WorkerState,
)
from autoscaler.policies import Policy, PolicyParams
from autoscaler.policies.base import Answer
from tests.fakes.clock import T0

KEY = AppKey("default", "sd15")
Sending = Literal["accepted", "lost", "refused", "killed"]
_ORDER = (WorkerState.BUSY, *(s for s in WorkerState if s is not WorkerState.BUSY))
_OUTCOMES: dict[Sending, OrderOutcome | None] = {
    "accepted": OrderOutcome.ACCEPTED,
    "lost": OrderOutcome.UNKNOWN,
    "refused": None,
    "killed": OrderOutcome.INTENDED,
}


class Wish(Policy):
    """A policy that answers what the test wishes."""

    kind = "wish"
    Params = PolicyParams

    def __init__(self, answer: Any = 0, name: str = "wish") -> None:
        super().__init__(PolicyParams(), name)
        self.answer = answer

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, int):
            return Recommendation(self.answer, f"{self.answer} wished"), state
        return self.answer, state


def wish(answer: int | NoData | Exception = 0, name: str = "wish") -> Wish:
    return Wish(answer, name)


def spec(**fields: Any) -> AppSpec:
    """Return a spec: maximum 10, minimum 0, nothing that limits, unless said otherwise."""
    from autoscaler.decision.spec import Direction  # noqa: PLC0415 - only a default

    given: dict[str, Any] = {
        "key": KEY,
        "max_workers": 10,
        "min_workers": 0,
        "policies": (wish(),),
        "down": Direction(),
    }
    return AppSpec(**(given | fields))


def worker(
    worker_id: str = "a", state: WorkerState | str = WorkerState.FREE, **fields: Any
) -> Worker:
    """Return a worker made an hour before the story; ``at``: story seconds of its making."""
    at = fields.pop("at", None)
    if "created_at" not in fields:
        fields["created_at"] = T0 - 3600.0 if at is None else T0 + at
    return Worker(worker_id, WorkerState(state), **fields)


def workers(**by_state: int) -> tuple[Worker, ...]:
    """Return workers by counts: ``workers(free=2, busy=1)`` are w0 busy, w1 free, w2 free.

    Names go by place, BUSY ones first, so that the same workers turn free when the load falls.
    """
    states = [s.value for s in _ORDER for _ in range(by_state.pop(s.value, 0))]
    assert not by_state, f"no such states: {by_state}"
    return tuple(worker(f"w{index}", state) for index, state in enumerate(states))


def look(*listed: Worker, at: float = 0.0, **fields: Any) -> Observation:
    """Return a list asked for, received and dated at story second ``at``."""
    now = T0 + at
    given: dict[str, Any] = {
        "app": KEY,
        "workers": listed,
        "queue_size": 0,
        "requested_at": now,
        "received_at": now,
        "platform_now": now,
        "max_workers": 100,
    }
    return Observation(**(given | fields))


def parse(text: str) -> Worker:
    """Return the worker of ``"name state"``, e.g. ``"a free"``."""
    name, state = text.split()
    return worker(name, state)


class Story:
    """One app's life, told look by look, with the memory carried from one to the next."""

    def __init__(self, told: AppSpec | None = None, memory: AppMemory | None = None) -> None:
        self.spec = told if told is not None else spec()
        self.memory = memory if memory is not None else AppMemory()
        self.t = 0.0
        self.decision = Decision(self.spec.key, T0, Hold(), Reason.NO_DATA, "nothing was seen yet")
        self.observation = look()
        self.platform_up: float | None = None
        self.platform_down: float | None = None

    @property
    def now(self) -> float:
        return T0 + self.t

    @property
    def wish(self) -> Wish:
        policy = self.spec.policies[0]
        assert isinstance(policy, Wish)
        return policy

    def at(self, seconds: float) -> Story:
        """Let it be so many seconds after the beginning."""
        self.t = seconds
        return self

    def wants(self, answer: int | NoData | Exception) -> Story:
        """Let the first policy answer this from now on."""
        self.wish.answer = answer
        return self

    def scaled_at(self, *, up: float | None = None, down: float | None = None) -> Story:
        """Let the platform's scale times be these story seconds from now on."""
        self.platform_up = self.platform_up if up is None else T0 + up
        self.platform_down = self.platform_down if down is None else T0 + down
        return self

    def sees(
        self,
        *listed: str | Worker,
        queue: int | NoData = 0,
        fields: dict[str, Any] | None = None,
        **by_state: int,
    ) -> Story:
        """Decide on a list of these workers."""
        rows = [parse(one) if isinstance(one, str) else one for one in listed]
        given: dict[str, Any] = {
            "queue_size": queue,
            "last_scale_up_at": self.platform_up,
            "last_scale_down_at": self.platform_down,
        }
        observation = look(*rows, *workers(**by_state), at=self.t, **(given | (fields or {})))
        return self.decides_on(observation)

    def sees_nothing(self, reason: Reason = Reason.PLATFORM_UNREACHABLE) -> Story:
        """Decide on a look that failed."""
        return self.decides_on(Unobserved(self.spec.key, reason, self.now, "told to fail"))

    def decides_on(self, seen: Observation | Unobserved) -> Story:
        if isinstance(seen, Observation):
            self.observation = seen
        self.decision, self.memory = decide(self.spec, seen, self.memory, self.now)
        return self

    def expects(
        self,
        *,
        scale_up: int | None = None,
        scale_down: Iterable[str] | None = None,
        hold: Reason | None = None,
        reason: Reason | None = None,
        **facts: Any,
    ) -> Story:
        """Check the last decision: its action, its reason, and fields of decision or census."""
        decision, action = self.decision, self.decision.action
        told = f"at {self.t:g} s: {action} {decision.reason}: {decision.message}"
        if scale_up is not None:
            assert action == ScaleUp(scale_up), told
        if scale_down is not None:
            assert isinstance(action, ScaleDown), told
            assert action.worker_ids == tuple(scale_down), told
        if hold is not None:
            assert isinstance(action, Hold), told
            assert decision.reason is hold, told
        if reason is not None:
            assert decision.reason is reason, told
        for name, value in facts.items():
            source = decision if hasattr(decision, name) else decision.census
            assert getattr(source, name) == value, f"{name}: {told}"
        return self

    def sends(self, how: Sending = "accepted", *, ids: tuple[str, ...] = ()) -> Story:
        """Carry the last decision out, as the actuator does; ``killed``: the process dies then."""
        action, now, outcome = self.decision.action, self.now, _OUTCOMES[how]
        if isinstance(action, ScaleUp):
            opened = open_up_order(self.memory, action.count, now, self.spec.order_deadline_s)
            ended = opened if how == "killed" else up_order_ended(opened, outcome, ids, now)
            delta = action.count
        else:
            assert isinstance(action, ScaleDown), "nothing was decided that could be sent"
            by_id = {w.id: w for w in self.observation.workers}
            chosen = tuple(by_id[worker_id] for worker_id in action.worker_ids)
            opened = open_down_order(self.memory, chosen, now, self.spec.order_deadline_s)
            ended = opened if how == "killed" else down_order_ended(opened, outcome)
            delta = -len(chosen)
        self.memory = ended if how in ("killed", "refused") else acted(ended, delta, now)
        return self

    def restarts(self, at: float) -> Story:
        """Start a new process, whose clock shows story second ``at``."""
        self.t = at
        self.memory = after_restart(self.memory, self.now)
        return self

    def limits(self) -> list[Reason]:
        """Return what limited the last decision."""
        return [limit.reason for limit in self.decision.limits]
