"""``queue``: as many workers as busy and waiting requests need, or as drain the backlog in time.

*Requests per worker* (no ``drain_within``): ``ceil((busy + queue) / target)``, the ratio form of a
target-tracking autoscaler on an average value (HPA v2 ``AverageValue``; RunPod's request count),
with the requests that are being served counted too, because a worker serves one at a time and the
queue holds only those that wait.

*Backlog drain time* (``drain_within`` = T): ``max(busy, ceil((rate + queue / T) * s - 1/4))`` with
the arrival rate and the service time ``s`` (seconds a request keeps a worker). ``rate * s`` workers
keep up with what comes, ``queue * s / T`` more work off what waits within T. This is the backlog
per instance of AWS (acceptable backlog = longest wait / processing time) plus the workers that the
arrivals take meanwhile. A quarter of a worker is left to the queue, which asks for it if it is
really missing: else the noise of the measurement would cost a worker more. Any load gets one
worker. ``s`` is measured (see ``service_time``) unless given; until it is, requests per worker
decides.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams, PositiveDuration
from autoscaler.policies.service_time import Meter, measure

_LEFT_TO_QUEUE = 0.25


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
    drain_within: PositiveDuration | None = Field(
        default=None,
        description="time within which the waiting requests should be worked off, seconds; not "
        "given: requests per worker decides",
    )
    service_time: PositiveDuration | None = Field(
        default=None,
        description="time a request keeps a worker, seconds; not given: measured. Only used with "
        "drain_within",
    )
    rate_window: PositiveDuration = Field(
        default=120.0,
        description="memory of the measured arrival rate, seconds. Only used with drain_within",
    )
    completions: Annotated[
        int, Field(ge=1, le=10_000, description="requests to see before a measured time counts")
    ] = 10


class QueuePolicy(Policy):
    """Workers for the load at ``target`` requests a worker, or for a backlog worked off in time."""

    kind = "queue"
    Params = QueueParams
    state_type = Meter
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the workers for the load; NoData where the queue is not known."""
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, state
        params = cast("QueueParams", self.params)
        if params.drain_within is None:
            return _per_worker(params, given.census.busy, queue, ""), None
        meter = measure(state or Meter(), given, queue, params.rate_window)
        service_s = params.service_time or meter.service_s(params.completions)
        if service_s is None:
            why = "; the service time is not measured yet"
            return _per_worker(params, given.census.busy, queue, why), meter
        return _drain(params.drain_within, service_s, meter, given.census.busy, queue), meter


def _per_worker(params: QueueParams, busy: int, queue: int, note: str) -> Recommendation:
    workers = workers_up((busy + queue) / params.target)
    why = f"{busy} busy + {queue} queued at {params.target:g} per worker need {workers}{note}"
    return Recommendation(
        workers, why, {"busy": busy, "queue_size": queue, "target": params.target}
    )


def _drain(
    drain_within_s: float, service_s: float, meter: Meter, busy: int, queue: int
) -> Recommendation:
    rate = meter.arrivals_per_s
    need = (rate + queue / drain_within_s) * service_s
    workers = max(busy, workers_up(need - _LEFT_TO_QUEUE), int(busy + queue > 0))
    why = (
        f"{rate:.3g} requests/s of {service_s:.3g} s each, and {queue} queued to work off within "
        f"{drain_within_s:g} s, need {workers}"
    )
    inputs: dict[str, float | str] = {
        "busy": busy,
        "queue_size": queue,
        "arrivals_per_s": rate,
        "service_time_s": service_s,
        "drain_within_s": drain_within_s,
    }
    return Recommendation(workers, why, inputs)
