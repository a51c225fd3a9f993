"""The other way round: the platform asks, our engine answers.

The platform can run a *container* autoscaler: an HTTP server that gets
``POST /-everai-/autoscaler`` with what it knows of one app (``Factors``) and answers what to do
(``DecideResult``). The bridge puts the same pipeline behind that call. What it cannot have there: a
second list right before a removal, and ids of the workers that an order brought; orders are
followed by count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.expectations import (
    down_order_ended,
    open_down_order,
    open_up_order,
    up_order_ended,
)
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import acted
from autoscaler.model import (
    Decision,
    NoData,
    Observation,
    ScaleDown,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.ports import Clock, Recorder
from autoscaler.web.problems import problem
from autoscaler.web.responses import json_response

PATH = "/-everai-/autoscaler"
BODY_MAX = 16 * 1024 * 1024
_COUNT_MAX = 10**9
_HELPED_BY_WORKERS = ("NotDispatch", "QueueDueBusy")
"""Queue reasons that more workers help; a request that waits for its session's worker is none."""
_STATES = {
    "Inflight": WorkerState.IN_FLIGHT,
    "Free": WorkerState.FREE,
    "Busy": WorkerState.BUSY,
}


class FactorsWorker(msgspec.Struct):
    """One worker as the platform describes it to a container autoscaler. Times: epoch seconds."""

    worker_id: str
    status: str
    started_at: float | None = None
    last_service_time: float | None = None
    number_of_successes: int | None = None
    number_of_failures: int | None = None
    number_of_sessions: int | None = None
    gpu_type: str | None = None


class Factors(msgspec.Struct):
    """What the platform knows of the app; fields that the pipeline does not use are not read.

    ``worker``: how many there are by status; it tells a list that is empty from one left out.
    """

    workers: list[FactorsWorker] | None = []
    queue: dict[str, int] | None = None
    worker: dict[str, int] | None = None


class Bridge:
    """Answers for one app and remembers, between calls, what the pipeline remembers."""

    def __init__(self, spec: AppSpec, clock: Clock, recorder: Recorder) -> None:
        self._spec = spec
        self._clock = clock
        self._recorder = recorder
        self._memory = AppMemory()

    def answer(self, body: bytes) -> dict[str, Any]:
        """Return the ``DecideResult`` for a body with ``Factors``, as JSON types.

        Raises:
            msgspec.DecodeError: the body is not what the platform promises.
        """
        factors = msgspec.json.decode(body, type=Factors)
        now = self._clock.now()
        observation = _observation(self._spec, factors, now)
        decision, memory = decide(self._spec, observation, self._memory, now)
        self._recorder.observed(observation)
        self._recorder.decided(decision)
        self._memory = self._after(decision, observation, memory, now)
        return {
            "max_workers": decision.max_workers,
            "actions": [dict(action) for action in _actions(decision)],
        }

    def _after(
        self, decision: Decision, observation: Observation, memory: AppMemory, now: float
    ) -> AppMemory:
        """Remember the answer as carried out: the platform does so itself, at once."""
        deadline_s = self._spec.order_deadline_s
        match decision.action:
            case ScaleUp(count):
                opened = open_up_order(memory, count, now, deadline_s)
                ended = up_order_ended(opened, OrderOutcome.ACCEPTED, (), now)
                return acted(ended, count, now)
            case ScaleDown(candidates):
                ids = {candidate.worker_id for candidate in candidates}
                going = tuple(w for w in observation.workers if w.id in ids)
                opened = open_down_order(memory, going, now, deadline_s)
                ended = down_order_ended(opened, OrderOutcome.ACCEPTED)
                return acted(ended, -len(going), now)
        return memory


def _observation(spec: AppSpec, factors: Factors, now: float) -> Observation:
    return Observation(
        app=spec.key,
        workers=tuple(_worker(worker) for worker in factors.workers or ()),
        queue_size=_queue_size(factors.queue),
        requested_at=now,
        received_at=now,
        platform_now=now,
        max_workers=spec.max_workers,
        problems=_problems(factors),
    )


def _problems(factors: Factors) -> tuple[str, ...]:
    if factors.workers is None and (factors.worker is None or any(factors.worker.values())):
        return ("the platform told no workers",)
    ids = [worker.worker_id for worker in factors.workers or ()]
    twice = (
        sorted({each for each in ids if ids.count(each) > 1}) if len(set(ids)) < len(ids) else []
    )
    return tuple(f"worker {each} is listed twice" for each in twice)


def _worker(given: FactorsWorker) -> Worker:
    return Worker(
        id=given.worker_id,
        state=_STATES.get(given.status, WorkerState.UNKNOWN),
        created_at=given.started_at,
        last_serve_at=given.last_service_time or given.started_at,
        success_count=given.number_of_successes or 0,
        failed_count=given.number_of_failures or 0,
        session_number=given.number_of_sessions or 0,
        gpu_model=given.gpu_type or "",
    )


def _queue_size(queue: Mapping[str, int] | None) -> int | NoData:
    """Return the requests that more workers help; a missing queue is unknown, an empty one is 0."""
    if queue is None:
        return NoData("the platform told no queue")
    size = sum(queue.get(reason, 0) for reason in _HELPED_BY_WORKERS)
    if not 0 <= size <= _COUNT_MAX:
        return NoData(f"the platform told a queue of {size}")
    return size


Act = dict[Literal["action", "count", "worker_id"], str | int]


def _actions(decision: Decision) -> list[Act]:
    match decision.action:
        case ScaleUp(count):
            return [{"action": "ScaleUp", "count": count}]
        case ScaleDown(candidates):
            return [{"action": "ScaleDown", "worker_id": c.worker_id} for c in candidates]
    return []


def build_bridge(bridge: Bridge) -> Starlette:
    """Return the ASGI application that serves ``POST /-everai-/autoscaler``."""

    async def decide_now(request: Request) -> Response:
        body = await request.body()
        if len(body) > BODY_MAX:
            return problem(413, f"the body is larger than {BODY_MAX} bytes", PATH)
        try:
            return json_response(bridge.answer(body))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            structlog.get_logger().warning("the platform sent no Factors", error=str(error))
            return problem(400, f"the body is not the JSON of Factors: {error}", PATH)

    return Starlette(routes=[Route(PATH, decide_now, methods=["POST"])])
