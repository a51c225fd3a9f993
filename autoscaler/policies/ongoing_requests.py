"""``ongoing-requests``: the autoscaling policy of Ray Serve.

Formula (Ray Serve, ``serve/autoscaling_policy.py``): with ``total`` = average over ``look_back`` of
the requests being served and waiting, ``desired = total / target_ongoing_requests`` and

    scaled = ceil(current + factor * (desired - current))

with a smoothing factor per direction; if that is stuck above a lower desired number, one less. From
zero the first workers come at once: ``max(ceil(upscaling_factor), ceil(desired))``. A change has to
be wanted for ``upscale_delay`` or ``downscale_delay`` without a break; a change of direction begins
anew; the last worker goes by way of one, after ``downscale_to_zero_delay``.

Ray counts the delays in ticks of its loop; here they are time, so that a slower look is not a
longer delay. Its default target of 2 is 1 here: a worker of this platform serves one request at a
time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import load_of, workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams, PositiveDuration
from autoscaler.policies.window import Samples, add_sample, average

_Factor = Field(gt=0, le=100, allow_inf_nan=False)


class OngoingRequestsParams(PolicyParams):
    """Parameters of ``ongoing-requests``; names of Ray Serve."""

    target_ongoing_requests: Annotated[
        float,
        Field(gt=0, le=1000, allow_inf_nan=False, description="wanted requests per worker"),
    ] = 1.0
    look_back: PositiveDuration = Field(default=30.0, description="average of the load, seconds")
    upscaling_factor: Annotated[
        float, _Factor, Field(description="part of the missing workers to ask for, ratio")
    ] = 1.0
    downscaling_factor: Annotated[
        float, _Factor, Field(description="part of the surplus workers to give up, ratio")
    ] = 1.0
    upscale_delay: Duration = Field(
        default=30.0, description="how long more must be wanted without a break, seconds"
    )
    downscale_delay: Duration = Field(
        default=600.0, description="how long fewer must be wanted without a break, seconds"
    )
    downscale_to_zero_delay: Duration | None = Field(
        default=None,
        description="the same for the last worker, seconds; not given: downscale_delay",
    )


@dataclass(frozen=True, slots=True)
class OngoingRequestsState:
    """Samples of the load; which way it points (1, -1 or 0), and since when (epoch seconds)."""

    samples: Samples = ()
    direction: int = 0
    since: float = 0.0


class OngoingRequestsPolicy(Policy):
    """Average load over the target, smoothed and delayed per direction."""

    kind = "ongoing-requests"
    Params = OngoingRequestsParams
    state_type = OngoingRequestsState
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return Ray Serve's number; NoData, and the old state, where the queue is not known."""
        load = load_of(given)
        if isinstance(load, NoData):
            return load, state
        params = cast("OngoingRequestsParams", self.params)
        before = state or OngoingRequestsState()
        samples = add_sample(before.samples, load, given.now, params.look_back)
        total = average(samples, given.now, params.look_back) or 0.0
        current = given.census.capacity
        total = max(total, load) if current == 0 else total
        wanted = scaled(params, total, current)
        workers, after, wait_s = _delayed(params, before, wanted, current, given.now)
        later = f"; {wanted} after {wait_s:.0f} s more" if workers != wanted else ""
        why = (
            f"{total:.3g} requests on average at {params.target_ongoing_requests:g} per worker "
            f"and {current} there need {workers}{later}"
        )
        inputs: dict[str, float | str] = {
            "average_load": total,
            "current": current,
            "wanted": wanted,
            "wait_s": wait_s,
        }
        return Recommendation(workers, why, inputs), replace(after, samples=samples)


def scaled(params: OngoingRequestsParams, total: float, current: int) -> int:
    """Return the smoothed number for a load (requests), before any delay."""
    desired = total / params.target_ongoing_requests
    if current == 0:
        if total <= 0:
            return 0
        return max(workers_up(params.upscaling_factor), workers_up(desired))
    rising = desired > current
    factor = params.upscaling_factor if rising else params.downscaling_factor
    smooth = workers_up(current + factor * (desired - current))
    if workers_up(desired) < current and smooth >= current:
        return current - 1
    return smooth


def _delayed(
    params: OngoingRequestsParams,
    state: OngoingRequestsState,
    wanted: int,
    current: int,
    now: float,
) -> tuple[int, OngoingRequestsState, float]:
    """Return what the delays allow, the state, and the seconds that are left to wait."""
    direction = (wanted > current) - (wanted < current)
    broken = direction != state.direction or now < state.since
    state = replace(state, direction=direction, since=now if broken else state.since)
    if direction == 0 or (current == 0 and direction > 0):
        return wanted, state, 0.0
    step = max(wanted, 1) if current > 1 else wanted
    left_s = state.since + _delay_s(params, direction, step) - now
    return (current, state, left_s) if left_s > 0 else (step, state, 0.0)


def _delay_s(params: OngoingRequestsParams, direction: int, step: int) -> float:
    if direction > 0:
        return params.upscale_delay
    if step == 0 and params.downscale_to_zero_delay is not None:
        return params.downscale_to_zero_delay
    return params.downscale_delay
