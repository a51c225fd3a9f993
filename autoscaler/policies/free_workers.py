"""``free-workers``: keep a buffer of FREE workers.

Formula: ``load + max(buffer, ceil(load * buffer_percent / 100))`` with ``load = busy + queue``. The
absolute buffer is what Modal calls buffer containers; fal.ai has both (``concurrency_buffer``,
``concurrency_buffer_perc``) and takes the larger. Waiting requests are load, since each will take a
FREE worker.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import load_of, workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams


class FreeWorkersParams(PolicyParams):
    """Parameters of ``free-workers``."""

    buffer: Annotated[
        int, Field(ge=0, le=10_000, description="FREE workers to keep beyond the load, workers")
    ] = 1
    buffer_percent: Annotated[
        float,
        Field(
            ge=0,
            le=1000,
            allow_inf_nan=False,
            description="the same as a part of the load, percent; the larger of the two holds",
        ),
    ] = 0.0


class FreeWorkersPolicy(Policy):
    """The load, and a buffer of FREE workers beyond it."""

    kind = "free-workers"
    Params = FreeWorkersParams
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return ``load + buffer``; NoData where the queue is not known."""
        load = load_of(given)
        if isinstance(load, NoData):
            return load, state
        params = cast("FreeWorkersParams", self.params)
        buffer = max(params.buffer, workers_up(load * params.buffer_percent / 100))
        busy = given.census.busy
        workers = load + buffer
        why = f"{busy} busy + {load - busy} queued + a buffer of {buffer} free need {workers}"
        inputs = {"busy": busy, "queue_size": load - busy, "buffer": buffer}
        return Recommendation(workers, why, inputs), state
