"""``everai-class``: a class on the platform's public autoscaler interface, run as a policy.

The interface is ``everai_autoscaler.model`` of the PyPI package ``everai-autoscaler``: a class with
``decide(Factors) -> DecideResult``. The observation goes in as ``Factors``; of the result the
number of workers is used (what is there, plus the counts of ScaleUp, minus the ScaleDown ids).
Which workers go is decided here, by the safe drain order.

This is the one policy that is exempt from the purity rule, by name: nobody can promise what foreign
code does. What it prints is dropped, what it raises makes it NoData.
"""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from io import StringIO
from math import inf
from types import ModuleType
from typing import Annotated, Any, cast

from pydantic import Field, field_validator

from autoscaler.model import (
    NoData,
    PolicyInput,
    QueuedRequest,
    Recommendation,
    Worker,
    WorkerState,
)
from autoscaler.policies.arithmetic import WORKERS_MAX
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams

INTERFACE = "everai_autoscaler.model"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_HISTORY = 10
_HISTORY_S = 3600.0
_STATUS = {
    WorkerState.FREE: "Free",
    WorkerState.BUSY: "Busy",
    WorkerState.IN_FLIGHT: "Inflight",
    WorkerState.ROLLIN: "Inflight",
}
_REASONS = {
    "NotDispatch": "NotDispatch",
    "SessionWorkerBusy": "QueueDueSession",
    "WorkerBusy": "QueueDueBusy",
}
"""End of the API's reason, to the interface's; the longer end stands before the shorter."""


def load_class(path: str) -> type[Any]:
    """Import ``package.module:Class``.

    Raises:
        ValueError: it cannot be imported, or has no ``decide``.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} must be package.module:Class")
    module_name, _, class_name = path.partition(":")
    interface()
    try:
        found = getattr(import_module(module_name), class_name)
    except ImportError as error:
        raise ValueError(
            f"{path!r} cannot be imported ({error}); install its package beside the autoscaler"
        ) from None
    except AttributeError:
        raise ValueError(f"module {module_name} has no class {class_name}") from None
    if not (isinstance(found, type) and callable(getattr(found, "decide", None))):
        raise ValueError(f"{path!r} is no class with decide(factors)")  # noqa: TRY004 - pydantic's
    return found


def interface() -> ModuleType:
    """Import the platform's public interface.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return import_module(INTERFACE)
    except ImportError:
        raise ValueError(
            "the package everai-autoscaler is not installed; everai-class needs it: "
            "pip install --no-deps everai-autoscaler"
        ) from None


class EverAIClassParams(PolicyParams):
    """Parameters of ``everai-class``."""

    path: Annotated[str, Field(max_length=500)] = Field(
        description="the class to run, package.module:Class"
    )
    arguments: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="what it is constructed with, by name"
    )

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        load_class(path)
        return path


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts of the past. ``at``: epoch seconds; queue by reason and workers by status."""

    at: float
    queue: dict[str, int]
    workers: dict[str, int]


@dataclass(frozen=True, slots=True)
class EverAIClassState:
    """The latest looks, newest last, for the interface's histories."""

    samples: tuple[Sample, ...] = ()


class EverAIClassPolicy(Policy):
    """A third-party class on the platform's interface."""

    kind = "everai-class"
    Params = EverAIClassParams
    state_type = EverAIClassState
    needs = frozenset({"request_queue"})
    pure = False

    def __init__(self, params: PolicyParams, name: str = "") -> None:
        super().__init__(params, name)
        chosen = cast("EverAIClassParams", params)
        self._theirs = load_class(chosen.path)(**chosen.arguments)

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the number that the class decides on; NoData where the queue was not listed."""
        queue = given.observation.queue
        if queue is None or isinstance(queue, NoData):
            return queue or NoData("the request queue was not asked for"), state
        sample = _sample(given, queue)
        before = state or EverAIClassState()
        factors = _factors(given, sample, before.samples)
        with redirect_stdout(StringIO()):
            result = self._theirs.decide(interface().Factors.model_validate(factors))
        samples = tuple(s for s in before.samples if given.now - _HISTORY_S < s.at < given.now)
        after = replace(before, samples=(*samples, sample)[-_HISTORY:])
        return self._read(result, given), after

    def _read(self, result: Any, given: PolicyInput) -> Recommendation:
        there = given.census.capacity
        more = sum(a.count for a in result.actions if a.action == "ScaleUp")
        named = {a.worker_id for a in result.actions if a.action == "ScaleDown"}
        fewer = len(named & {worker.id for worker in given.observation.workers})
        limit = result.max_workers if result.max_workers >= 0 else inf
        workers = int(max(0, min(there + max(0, more) - fewer, max(limit, there), WORKERS_MAX)))
        path = cast("EverAIClassParams", self.params).path
        why = f"{path} asks for {more} more and {fewer} fewer than {there}"
        return Recommendation(workers, why, {"more": more, "fewer": fewer, "there": there})


def _sample(given: PolicyInput, queue: tuple[QueuedRequest, ...]) -> Sample:
    reasons = dict.fromkeys(_REASONS.values(), 0)
    for request in queue:
        known = (theirs for ours, theirs in _REASONS.items() if request.reason.endswith(ours))
        reason = next(known, "NotDispatch")
        reasons[reason] += 1
    statuses = dict.fromkeys(("Inflight", "Free", "Busy"), 0)
    for worker in given.observation.workers:
        if worker.state in _STATUS:
            statuses[_STATUS[worker.state]] += 1
    statuses["Inflight"] += given.census.on_order
    return Sample(given.now, reasons, statuses)


def _factors(given: PolicyInput, sample: Sample, past: tuple[Sample, ...]) -> dict[str, Any]:
    ages = {max(1, round(given.now - old.at)): old for old in past if old.at < given.now}
    on_order = [_ordered(given, index) for index in range(given.census.on_order)]
    listed = [w for w in given.observation.workers if w.state in _STATUS]
    return {
        "queue": sample.queue,
        "queue_histories": {age: old.queue for age, old in ages.items()},
        "worker": sample.workers,
        "worker_histories": {age: old.workers for age, old in ages.items()},
        "workers": [_worker(given, worker) for worker in listed] + on_order,
    }


def _worker(given: PolicyInput, worker: Worker) -> dict[str, Any]:
    # Foreign classes compare with their own clock, so the platform's times become ours.
    shift_s = given.observation.received_at - given.observation.platform_now
    started = (worker.created_at or given.observation.platform_now) + shift_s
    served = worker.last_serve_at
    return {
        "worker_id": worker.id,
        "gpu_type": worker.gpu_model or None,
        "region": "",
        "started_at": int(started),
        "last_service_time": int(started if served is None else served + shift_s),
        "number_of_successes": worker.success_count,
        "number_of_failures": worker.failed_count,
        "number_of_sessions": worker.session_number,
        "average_response_time": 0.0,
        "current_request": int(worker.state is WorkerState.BUSY),
        "status": _STATUS[worker.state],
    }


def _ordered(given: PolicyInput, index: int) -> dict[str, Any]:
    """Return a worker that is ordered and not listed yet."""
    worker = Worker(f"ordered-{index}", WorkerState.IN_FLIGHT, given.observation.platform_now)
    return _worker(given, worker)
