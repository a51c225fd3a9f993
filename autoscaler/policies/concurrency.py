"""``concurrency``: the pod autoscaler of Knative (KPA), with its stable and its panic window.

Formula (knative/serving, ``pkg/autoscaler/scaling/autoscaler.go``), with ``R = max(1, ready)`` and
``target = concurrency * utilization``:

- stable and panic wish: ``ceil(average over the window / target)``, each kept within ``floor(R /
  max_scale_down_rate)`` and ``ceil(R * max_scale_up_rate)``;
- a panic wish, before those bounds, of ``panic_threshold * R`` or more starts the panic or prolongs
  it; it ends when a whole stable window has passed without;
- in panic the answer is the largest wish since it began: never down;
- otherwise the stable wish, or the largest of the last ``scale_down_delay``;
- after a restart with more than one worker there it begins in panic, so that lost history cannot
  shrink an app; no data changes nothing.

The concurrency of this platform is the number of busy workers (each serves one request) plus the
queue. KPA looks every 2 s; with a longer interval the panic window holds the last look only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import load_of, workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams, PositiveDuration
from autoscaler.policies.window import Samples, add_sample, average

_Positive = Field(gt=0, le=1_000_000, allow_inf_nan=False)
_Rate = Field(gt=1, le=1_000_000, allow_inf_nan=False)


class ConcurrencyParams(PolicyParams):
    """Parameters of ``concurrency``; names and defaults of Knative where it has one."""

    concurrency: Annotated[
        float, _Positive, Field(description="requests that a worker serves at a time")
    ] = 1.0
    utilization: Annotated[
        float, Field(gt=0, le=1, description="wanted part of it, 0 to 1; Knative's 70 percent")
    ] = 0.7
    stable_window: PositiveDuration = Field(default=60.0, description="long average, seconds")
    panic_window: PositiveDuration = Field(default=6.0, description="short average, seconds")
    panic_threshold: Annotated[
        float,
        _Positive,
        Field(description="wish per ready worker from which on it is panic, ratio"),
    ] = 2.0
    max_scale_up_rate: Annotated[
        float, _Rate, Field(description="largest factor upwards in one look, ratio")
    ] = 1000.0
    max_scale_down_rate: Annotated[
        float, _Rate, Field(description="largest factor downwards in one look, ratio")
    ] = 2.0
    activation_scale: Annotated[
        int, Field(ge=1, le=100_000, description="fewest workers while there is load, workers")
    ] = 1
    scale_down_delay: Duration = Field(
        default=0.0, description="the largest wish of this time holds, seconds"
    )

    @property
    def target(self) -> float:
        """Wanted requests per worker."""
        return self.concurrency * self.utilization


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish of the past that still holds down the answer. ``at``: epoch seconds."""

    at: float
    workers: int


@dataclass(frozen=True, slots=True)
class ConcurrencyState:
    """Samples of the stable window, the panic, and wishes that the delay still keeps.

    ``panic_since``: when the panic began or was last prolonged; ``None`` outside of one.
    """

    samples: Samples = ()
    panic_since: float | None = None
    panic_workers: int = 0
    wishes: tuple[Wish, ...] = ()


class ConcurrencyPolicy(Policy):
    """Average concurrency over the target, with a fast window for bursts."""

    kind = "concurrency"
    Params = ConcurrencyParams
    state_type = ConcurrencyState
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return KPA's number; NoData, and the old state, where the queue is not known."""
        load = load_of(given)
        if isinstance(load, NoData):
            return load, state
        params = cast("ConcurrencyParams", self.params)
        before = state if state is not None else begin(given)
        samples = add_sample(before.samples, load, given.now, params.stable_window)
        stable = average(samples, given.now, params.stable_window) or 0.0
        panic = average(samples, given.now, params.panic_window) or 0.0
        workers, after = scale(
            params, replace(before, samples=samples), stable, panic, given.census.ready, given.now
        )
        mode = "stable" if after.panic_since is None else "panic"
        why = (
            f"{mode}: concurrency {stable:.3g} over {params.stable_window:g} s and {panic:.3g} "
            f"over {params.panic_window:g} s at {params.target:.3g} per worker need {workers}"
        )
        inputs: dict[str, float | str] = {
            "mode": mode,
            "stable_concurrency": stable,
            "panic_concurrency": panic,
            "target": params.target,
            "ready": given.census.ready,
        }
        return Recommendation(workers, why, inputs), after


def begin(given: PolicyInput) -> ConcurrencyState:
    """Return the state of a first look: in panic at what is there, if that is more than one."""
    there = given.census.capacity
    if there <= 1:
        return ConcurrencyState()
    return ConcurrencyState(panic_since=given.now, panic_workers=there)


def scale(
    params: ConcurrencyParams,
    state: ConcurrencyState,
    stable: float,
    panic: float,
    ready: int,
    now: float,
) -> tuple[int, ConcurrencyState]:
    """One look of KPA: both averages go in (requests), the number and the state come out."""
    base = max(1, ready)
    low = floor(base / params.max_scale_down_rate)
    high = workers_up(base * params.max_scale_up_rate)
    panic_wish = workers_up(panic / params.target)
    wish = _at_least(params, min(max(workers_up(stable / params.target), low), high))
    urgent = _at_least(params, min(max(panic_wish, low), high))
    state = _panic(params, state, panic_wish / base, now)
    if state.panic_since is not None:
        wish = max(wish, urgent, state.panic_workers)
        state = replace(state, panic_workers=wish)
    return _delayed(params, state, wish, now)


def _at_least(params: ConcurrencyParams, wish: int) -> int:
    return max(wish, params.activation_scale) if wish > 0 else wish


def _panic(
    params: ConcurrencyParams, state: ConcurrencyState, over: float, now: float
) -> ConcurrencyState:
    """Begin, prolong or end the panic."""
    if over >= params.panic_threshold:
        return replace(state, panic_since=now)
    since = state.panic_since
    if since is not None and (now - since > params.stable_window or now < since):
        return replace(state, panic_since=None, panic_workers=0)
    return state


def _delayed(
    params: ConcurrencyParams, state: ConcurrencyState, wish: int, now: float
) -> tuple[int, ConcurrencyState]:
    """Return the largest wish of the delay; kept are only those that can still be the largest."""
    if params.scale_down_delay <= 0:
        return wish, state
    young = (w for w in state.wishes if now - params.scale_down_delay < w.at <= now)
    wishes = (*(w for w in young if w.workers > wish), Wish(now, wish))
    return wishes[0].workers, replace(state, wishes=wishes)
