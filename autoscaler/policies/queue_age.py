"""``queue-age``: nobody should wait longer than ``max_age``.

The queue-delay idea of RunPod (add workers while any request waits longer than 4 s), with the
number said: ``max(busy + late, min(capacity, busy + waiting))``. Every late request gets a worker
of its own, and workers on order count, so a slow start does not multiply the order; workers that
the waiting ones will need are not given up. A request that waits for one particular worker
(``SessionWorkerBusy``) counts nowhere: more workers do not help it.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, QueuedRequest, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams, PositiveDuration

_SESSION = "SessionWorkerBusy"
"""End of the reason of a request that only one particular worker can serve."""


class QueueAgeParams(PolicyParams):
    """Parameters of ``queue-age``."""

    max_age: PositiveDuration = Field(
        default=4.0, description="wait beyond which a request gets a worker of its own, seconds"
    )


class QueueAgePolicy(Policy):
    """A worker for every request that has waited longer than ``max_age``."""

    kind = "queue-age"
    Params = QueueAgeParams
    needs = frozenset({"request_queue"})
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the workers for late requests; NoData where the queue was not listed."""
        queue = given.observation.queue
        if queue is None:
            return NoData("the request queue was not asked for"), state
        if isinstance(queue, NoData):
            return queue, state
        max_age_s = cast("QueueAgeParams", self.params).max_age
        ages_s = [given.observation.age(r.created_at) for r in queue if helped_by_workers(r)]
        late = sum(age_s > max_age_s for age_s in ages_s)
        busy, capacity = given.census.busy, given.census.capacity
        workers = max(busy + late, min(capacity, busy + len(ages_s)))
        oldest_s = max(ages_s, default=0.0)
        why = (
            f"{late} of {len(ages_s)} requests wait longer than {max_age_s:g} s (the oldest "
            f"{oldest_s:.0f} s); with {busy} busy that needs {workers}"
        )
        inputs: dict[str, float | str] = {
            "busy": busy,
            "waiting": len(ages_s),
            "late": late,
            "oldest_s": oldest_s,
            "max_age_s": max_age_s,
        }
        return Recommendation(workers, why, inputs), state


def helped_by_workers(request: QueuedRequest) -> bool:
    """Whether another worker could serve a waiting request."""
    return not request.reason.endswith(_SESSION)
