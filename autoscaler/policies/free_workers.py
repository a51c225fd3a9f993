"""``free-workers``: keep a buffer of FREE workers.

Formula: ``busy + queue + buffer``; the buffer is what Modal calls buffer containers and fal.ai
``concurrency_buffer``. Waiting requests come on top, since each will take a FREE worker.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams


class FreeWorkersParams(PolicyParams):
    """Parameters of ``free-workers``."""

    buffer: Annotated[
        int, Field(ge=0, le=10_000, description="FREE workers to keep beyond the load, workers")
    ] = 1


class FreeWorkersPolicy(Policy):
    """The load, and ``buffer`` FREE workers beyond it."""

    kind = "free-workers"
    Params = FreeWorkersParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return ``busy + queue + buffer``; NoData where the queue is not known."""
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, state
        buffer = cast("FreeWorkersParams", self.params).buffer
        busy = given.census.busy
        workers = busy + queue + buffer
        why = f"{busy} busy + {queue} queued + a buffer of {buffer} free need {workers}"
        return Recommendation(
            workers, why, {"busy": busy, "queue_size": queue, "buffer": buffer}
        ), state
