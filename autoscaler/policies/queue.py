"""``queue``: as many workers as busy and waiting requests need.

Formula: ``ceil((busy + queue) / target)``, the ratio form of a target-tracking autoscaler on an
average value (HPA v2 ``AverageValue``; RunPod's request count), with the requests that are being
served counted too, because a worker serves one at a time and the queue holds only those that wait.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams


class QueueParams(PolicyParams):
    """Parameters of ``queue``."""

    target: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            allow_inf_nan=False,
            description="requests (being served or waiting) per worker",
        ),
    ] = 1.0


class QueuePolicy(Policy):
    """Workers for the busy and the waiting requests, at ``target`` requests a worker."""

    kind = "queue"
    Params = QueueParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return ``ceil((busy + queue) / target)``; NoData where the queue is not known."""
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, state
        target = cast("QueueParams", self.params).target
        busy = given.census.busy
        workers = ceil((busy + queue) / target)
        why = f"{busy} busy + {queue} queued at {target:g} per worker need {workers}"
        return Recommendation(
            workers, why, {"busy": busy, "queue_size": queue, "target": target}
        ), state
