"""``step``: thresholds with adjustments, as AWS step scaling and Cloud Foundry have them.

A step says *above* or *below* which value of the metric the number changes, and by how much:
``+2``, ``-1``, ``+50%``, ``-20%``. A step is taken when ``breaches`` of the last ``samples`` looks,
the newest among them, crossed a threshold of that direction (Cloud Foundry's breach duration, as k
of n, so that one jitter does not reset it); of several steps crossed now, the outermost counts.
Then the number holds for ``hold``, in which workers start and the metric settles (AWS's warm-up).

Percentages are rounded as AWS documents for ``PercentChangeInCapacity``: beyond 1 worker towards
zero (6.67 is 6, -6.67 is -6), less than 1 worker to a whole one (0.67 is 1, -0.58 is -1).

Between the thresholds it wants what is there. A step down that was not carried out yet (a
stabilization window holds it) goes on being wanted while its threshold is crossed: if the policy
wanted the present number again meanwhile, a window longer than ``hold`` would never let it through.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from autoscaler.model import Census, NoData, PolicyInput, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import Duration, PolicyParams

_CHANGE = re.compile(r"([+-])\s*(\d{1,5})\s*(%?)")
_Threshold = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class StepEntry(BaseModel):
    """One step: a threshold and an adjustment."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    above: _Threshold | None = Field(
        default=None, description="taken while the metric is above this, in its own unit"
    )
    below: _Threshold | None = Field(
        default=None, description="taken while the metric is below this, in its own unit"
    )
    change: str = Field(description="adjustment: +2 or -1 workers, +50% or -20% of the workers")

    @field_validator("change", mode="before", json_schema_input_type=int | str)
    @classmethod
    def _take_number(cls, given: object) -> object:
        """YAML reads an unquoted +2 as the number 2."""
        return f"{given:+d}" if isinstance(given, int) and not isinstance(given, bool) else given

    @field_validator("change")
    @classmethod
    def _check_change(cls, text: str) -> str:
        found = _CHANGE.fullmatch(text)
        if found is None or int(found[2]) == 0:
            raise ValueError(f"change {text!r} must be +N, -N, +N% or -N% with N above 0")
        if found[1] == "-" and found[3] and int(found[2]) > 100:  # noqa: PLR2004 - percent
            raise ValueError(f"change {text!r}: no more than 100% can go")
        return text

    @model_validator(mode="after")
    def _check_direction(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a step has either above or below")
        return self

    @property
    def sign(self) -> int:
        """1 where the step adds workers, -1 where it removes some."""
        return 1 if self.change.startswith("+") else -1

    def apply(self, current: int) -> int:
        """Return the number of workers after the adjustment of ``current``, ≥ 0."""
        sign, digits, percent = _CHANGE.fullmatch(self.change).groups()  # type: ignore[union-attr] # validated
        size = int(digits)
        if percent:
            part = current * size / 100
            size = int(part) if part > 1 else 1
        return max(0, current + size if sign == "+" else current - size)


class StepParams(PolicyParams):
    """Parameters of ``step``."""

    metric: Literal["queue", "busy", "free", "utilization", "backlog_per_worker"] = Field(
        default="queue",
        description="what is compared: queue, busy, free (requests or workers), utilization "
        "(busy / ready, 0 to 1), backlog_per_worker (queue per worker there or on order)",
    )
    steps: Annotated[tuple[StepEntry, ...], Field(min_length=1, max_length=50)] = Field(
        description="thresholds and adjustments, e.g. {above: 5, change: +2}"
    )
    breaches: Annotated[
        int, Field(ge=1, le=1000, description="looks that must cross a threshold, count")
    ] = 3
    samples: Annotated[
        int, Field(ge=1, le=1000, description="latest looks they are counted among, count")
    ] = 5
    hold: Duration = Field(default=60.0, description="time after a step before the next, seconds")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.breaches > self.samples:
            raise ValueError(f"breaches ({self.breaches}) must not exceed samples ({self.samples})")
        lowest_above = min((s.above for s in self.steps if s.above is not None), default=inf)
        highest_below = max((s.below for s in self.steps if s.below is not None), default=0.0)
        for step in self.steps:
            adds = (step.above is not None) is (self.metric != "free")
            if adds is not (step.sign > 0):
                word = "add" if adds else "remove"
                raise ValueError(f"a step {_condition(step)} of {self.metric} must {word} workers")
        if highest_below > lowest_above:
            raise ValueError(
                f"steps overlap: below {highest_below:g} and above {lowest_above:g} hold at once"
            )
        return self


@dataclass(frozen=True, slots=True)
class StepState:
    """Which way each of the latest looks pointed (1, -1, 0), and the step that still holds."""

    breaches: tuple[int, ...] = ()
    held: int = 0
    until: float = 0.0


class StepPolicy(Policy):
    """Thresholds, k of n breaches, and adjustments by number or percent."""

    kind = "step"
    Params = StepParams
    state_type = StepState

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the current number, or the adjusted one; NoData where the metric is not known."""
        params = cast("StepParams", self.params)
        before: StepState = state or StepState()
        value = measured(params.metric, given)
        if isinstance(value, NoData):
            return value, state
        inputs: dict[str, float | str] = {"metric": params.metric, "value": value}
        if given.now < before.until <= given.now + params.hold:
            left_s = before.until - given.now
            why = f"a step to {before.held} holds for {left_s:.0f} s more"
            return Recommendation(before.held, why, inputs), before
        step = crossed(params, value)
        sign = 0 if step is None else step.sign
        breaches = (*before.breaches, sign)[-params.samples :]
        current = given.census.capacity
        if step is not None and sign < 0 and before.until and before.held < current:
            workers = max(before.held, step.apply(current))
            why = f"{params.metric} is {value:.3g}: a step to {workers} is still to come"
            return Recommendation(workers, why, inputs), before
        count = breaches.count(sign)
        if step is None or count < params.breaches:
            why = (
                f"{params.metric} is {value:.3g}: {_standing(step, count, params)}, {current} stay"
            )
            return Recommendation(current, why, inputs), StepState(breaches)
        workers = step.apply(current)
        why = f"{params.metric} is {value:.3g}: {_condition(step)} takes {current} to {workers}"
        return Recommendation(workers, why, inputs), StepState((), workers, given.now + params.hold)


def crossed(params: StepParams, value: float) -> StepEntry | None:
    """Return the outermost step that a value crosses."""
    above = [s for s in params.steps if s.above is not None and value > s.above]
    below = [s for s in params.steps if s.below is not None and value < s.below]
    if above:
        return max(above, key=lambda step: cast("float", step.above))
    return min(below, key=lambda step: cast("float", step.below)) if below else None


def _per(part: float, whole: int) -> float:
    return part / max(1, whole)


_OF_CENSUS: dict[str, Callable[[Census], float]] = {
    "busy": lambda census: float(census.busy),
    "free": lambda census: float(census.free),
    "utilization": lambda census: _per(census.busy, census.ready),
}


def measured(metric: str, given: PolicyInput) -> float | NoData:
    """Return the metric's value."""
    if metric in _OF_CENSUS:
        return _OF_CENSUS[metric](given.census)
    queue = given.observation.queue_size
    if isinstance(queue, NoData):
        return queue
    return float(queue) if metric == "queue" else _per(queue, given.census.capacity)


def _condition(step: StepEntry) -> str:
    if step.above is not None:
        return f"above {step.above:g} ({step.change})"
    return f"below {step.below:g} ({step.change})"


def _standing(step: StepEntry | None, count: int, params: StepParams) -> str:
    if step is None:
        return "no threshold is crossed"
    return f"{_condition(step)} in {count} of {params.breaches} looks needed"
