"""``everai-simple`` and ``everai-free-worker``: the platform's own two policies.

Parameters and results are those of the PyPI package ``everai-builtin-autoscaler`` 0.1.52, in its
words: below ``min_workers`` up to it; else, if the condition for growth holds, ``scale_up_step``
more within ``max_workers``; else the FREE workers without sessions that have been idle for
``max_idle_time`` go, ``min_workers`` running ones kept. Growth means for ``everai-simple`` more
than ``max_queue_size`` requests queued because workers are busy, for ``everai-free-worker`` fewer
than ``min_free_workers`` FREE workers.

Three faults of the original are mended, each with a switch that brings it back:

- ``count_starting``: the original does not grow while one worker is in flight, so a burst gets one
  step per cold start. Here each starting worker counts for the one request, or the one FREE worker,
  that it will be.
- ``keep_min``: with fewer running workers than ``min_workers`` (some still starting) the original
  removes idle ones all the same, since it takes a negative count as *all but so many*.
- ``keep_free`` (``everai-free-worker``): the original removes the FREE workers of its own reserve
  once they have been idle for long, and orders new ones at the next look, without end.

Like the original, ``everai-simple`` starts nothing from zero workers: requests then wait as not
dispatched, which counts for neither. ``min_workers`` should be 1 or more.

Which workers go is not the policy's affair: the drain order decides, the original takes the newest.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import Census, NoData, PolicyInput, Recommendation, WorkerState
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams
from autoscaler.policies.queue_age import helped_by_workers

_BUSY = "WorkerBusy"
"""End of the reason of a request that waits because every worker is busy."""
_Workers = Annotated[int, Field(ge=0, le=100_000)]


class EverAIParams(PolicyParams):
    """What both policies share."""

    min_workers: _Workers | None = Field(
        default=None, description="never fewer, workers; not given: the app's own min_workers"
    )
    max_workers: _Workers | None = Field(
        default=None, description="never more, workers; not given: the maximum in force"
    )
    max_idle_time: Duration = Field(
        default=120.0, description="idle time after which a FREE worker may go, seconds"
    )
    scale_up_step: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1, description="workers added at a time, workers"
    )
    count_starting: bool = Field(
        default=True,
        description="whether starting workers count as the capacity they will be; false, as in the "
        "original: one worker in flight stops all growth",
    )
    keep_min: bool = Field(
        default=True,
        description="whether min_workers running ones are kept for certain; false, as in the "
        "original: while some are starting, idle ones may go below it",
    )


class EverAISimpleParams(EverAIParams):
    """Parameters of ``everai-simple``."""

    max_queue_size: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=1, description="requests queued for busy workers beyond which it grows, requests"
    )


class EverAIFreeWorkerParams(EverAIParams):
    """Parameters of ``everai-free-worker``."""

    min_free_workers: _Workers = Field(
        default=1, description="FREE workers below which it grows, workers"
    )
    keep_free: bool = Field(
        default=True,
        description="whether min_free_workers FREE ones are kept however long they are idle; "
        "false, as in the original: they go, and are ordered again",
    )


class EverAISimplePolicy(Policy):
    """Grow by a step while too many requests are queued."""

    kind = "everai-simple"
    rests = True
    Params = EverAISimpleParams
    needs = frozenset({"request_queue"})

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the original's number; NoData where the queue was not listed."""
        queue = given.observation.queue
        if queue is None or isinstance(queue, NoData):
            return queue or NoData("the request queue was not asked for"), state
        params = cast("EverAISimpleParams", self.params)
        waiting = sum(r.reason.endswith(_BUSY) and helped_by_workers(r) for r in queue)
        unserved = waiting - (_starting(given.census) if params.count_starting else 0)
        text = f"{waiting} queued for busy workers, {params.max_queue_size} allowed"
        grow = unserved > params.max_queue_size
        return _recommend(params, given, text, grow=grow, reserve=0), state


class EverAIFreeWorkerPolicy(Policy):
    """Grow by a step while too few workers are FREE."""

    kind = "everai-free-worker"
    rests = True
    Params = EverAIFreeWorkerParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the original's number."""
        params = cast("EverAIFreeWorkerParams", self.params)
        free = given.census.free
        coming = free + (_starting(given.census) if params.count_starting else 0)
        text = f"{free} free, {params.min_free_workers} wanted"
        grow = coming < params.min_free_workers
        reserve = params.min_free_workers if params.keep_free else 0
        return _recommend(params, given, text, grow=grow, reserve=reserve), state


def _recommend(
    params: EverAIParams, given: PolicyInput, text: str, *, grow: bool, reserve: int
) -> Recommendation:
    census = given.census
    low = given.min_workers if params.min_workers is None else params.min_workers
    high = given.max_workers if params.max_workers is None else params.max_workers
    frozen = not params.count_starting and _starting(census) > 0
    there = census.capacity
    step = min(high - there, params.scale_up_step) if grow and not frozen else 0
    inputs: dict[str, float | str] = {"free": census.free, "busy": census.busy, "there": there}
    if there < low:
        return Recommendation(low, f"{there} workers are fewer than min_workers {low}", inputs)
    if step > 0:
        why = f"{text}: {step} more than {there}"
        return Recommendation(there + step, why, inputs)
    idle = min(_idle(given, params.max_idle_time), max(0, census.free - reserve))
    going = _going(params, idle, census.ready - low)
    why = f"{text}; {idle} idle for {params.max_idle_time:g} s, {going} of them may go"
    return Recommendation(there - going, why, inputs)


def _going(params: EverAIParams, idle: int, spare: int) -> int:
    """Return how many idle workers go; ``spare``: running ones beyond the minimum."""
    if spare >= 0:
        return min(idle, spare)
    return 0 if params.keep_min else max(0, idle + spare)


def _idle(given: PolicyInput, idle_s: float) -> int:
    observation = given.observation
    return sum(
        worker.state is WorkerState.FREE
        and worker.session_number == 0
        and observation.age(worker.last_serve_at or worker.created_at) >= idle_s
        for worker in observation.workers
    )


def _starting(census: Census) -> int:
    return census.in_flight + census.rollin + census.on_order
