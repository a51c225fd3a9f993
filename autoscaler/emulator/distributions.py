"""Distributions of durations, as a scenario writes them and the fleet draws from them.

A plain number (or text such as ``90s``) is a constant; all else is a mapping with a ``type``.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from autoscaler.emulator.rng import Random
from autoscaler.policies.params import Duration, PositiveDuration, parse_duration


class Strict(BaseModel):
    """Base of everything a scenario holds: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Constant(Strict):
    """Always ``value_s``."""

    type: Literal["constant"] = "constant"
    value_s: Duration

    def draw(self, rng: Random) -> float:  # noqa: ARG002 - one interface for all
        """Return the value, seconds."""
        return self.value_s


class Uniform(Strict):
    """Evenly spread between ``low_s`` and ``high_s``."""

    type: Literal["uniform"]
    low_s: Duration
    high_s: Duration

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if self.low_s > self.high_s:
            raise ValueError(f"low_s {self.low_s} is above high_s {self.high_s}")
        return self

    def draw(self, rng: Random) -> float:
        """Return a duration in seconds."""
        return rng.uniform(self.low_s, self.high_s)


class Exponential(Strict):
    """Memoryless with mean ``mean_s``."""

    type: Literal["exponential"]
    mean_s: PositiveDuration

    def draw(self, rng: Random) -> float:
        """Return a duration in seconds."""
        return rng.expovariate(1.0 / self.mean_s)


class LogNormal(Strict):
    """Lognormal: half lie below ``median_s``; ``sigma`` is the spread of the logarithm."""

    type: Literal["lognormal"]
    median_s: PositiveDuration
    sigma: float = Field(gt=0, le=5, allow_inf_nan=False)
    max_s: PositiveDuration | None = None

    def draw(self, rng: Random) -> float:
        """Return a duration in seconds, at most ``max_s``."""
        value = self.median_s * math.exp(rng.gauss(0.0, self.sigma))
        return value if self.max_s is None else min(value, self.max_s)


class Quantiles(Strict):
    """Evenly spaced quantiles from minimum to maximum, straight lines between them."""

    type: Literal["quantiles"]
    values_s: tuple[Duration, ...] = Field(min_length=2)

    @field_validator("values_s")
    @classmethod
    def _ascending(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if list(values) != sorted(values):
            raise ValueError("quantiles go up from the smallest to the largest")
        return values

    def draw(self, rng: Random) -> float:
        """Return a duration in seconds by inverting the distribution function."""
        place = rng.random() * (len(self.values_s) - 1)
        index = int(place)
        low, high = self.values_s[index], self.values_s[index + 1]
        return low + (high - low) * (place - index)


def _plain_number_is_constant(value: Any) -> Any:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return {"type": "constant", "value_s": parse_duration(value)}
    return value


Distribution = Annotated[
    Annotated[
        Constant | Uniform | Exponential | LogNormal | Quantiles, Field(discriminator="type")
    ],
    BeforeValidator(_plain_number_is_constant),
]
"""A duration that is drawn anew each time."""


def constant(value_s: float) -> Constant:
    """Return the distribution that always gives ``value_s`` seconds."""
    return Constant(value_s=value_s)
