"""Who sends requests when: phases put one after the other, or a recorded trace.

Arrivals of a phase form a Poisson process with the phase's rate (Lewis and Shedler's thinning where
the rate varies); bursts have an exact number of requests. Everything is drawn from a seeded stream.
"""

from __future__ import annotations

import csv
import gzip
import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TextIO

from pydantic import Field, model_validator

from autoscaler.emulator.distributions import Distribution, Strict, constant
from autoscaler.emulator.rng import Random
from autoscaler.model.errors import ConfigurationError
from autoscaler.policies.params import PositiveDuration

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Requests per second."""


class Arrival(NamedTuple):
    """One request: seconds from the start of the load, and how long a worker is busy with it."""

    arrival_s: float
    service_s: float


class _Phase(Strict, ABC):
    """A stretch of load; without ``for_s`` it never ends (only the last phase may do that)."""

    for_s: PositiveDuration | None = None

    @property
    @abstractmethod
    def peak_per_s(self) -> float:
        """An upper bound of :meth:`rate_per_s`."""

    @abstractmethod
    def rate_per_s(self, elapsed_s: float) -> float:
        """Return the rate ``elapsed_s`` after the phase began."""

    @property
    def length_s(self) -> float:
        """Seconds that the phase lasts."""
        return math.inf if self.for_s is None else self.for_s

    @property
    def sends(self) -> bool:
        """Whether any request can come of it."""
        return self.peak_per_s > 0

    def arrivals(self, rng: Random) -> Iterator[float]:
        """Yield arrival times in seconds from the phase's begin, ascending."""
        peak = self.peak_per_s
        elapsed_s = 0.0
        while peak > 0:
            elapsed_s += rng.expovariate(peak)
            if elapsed_s >= self.length_s:
                return
            if rng.random() * peak <= self.rate_per_s(elapsed_s):
                yield elapsed_s


class Plateau(_Phase):
    """A steady rate."""

    phase: Literal["plateau"]
    per_s: Rate

    @property
    def peak_per_s(self) -> float:
        """The rate itself."""
        return self.per_s

    def rate_per_s(self, elapsed_s: float) -> float:  # noqa: ARG002 - steady
        """Return the rate itself."""
        return self.per_s


class Silence(_Phase):
    """No requests at all."""

    phase: Literal["silence"]

    @property
    def peak_per_s(self) -> float:
        """Nothing arrives."""
        return 0.0

    def rate_per_s(self, elapsed_s: float) -> float:  # noqa: ARG002 - steady
        """Return 0."""
        return 0.0


class Ramp(_Phase):
    """The rate changes in a straight line."""

    phase: Literal["ramp"]
    for_s: PositiveDuration
    from_per_s: Rate
    to_per_s: Rate

    @property
    def peak_per_s(self) -> float:
        """The higher end."""
        return max(self.from_per_s, self.to_per_s)

    def rate_per_s(self, elapsed_s: float) -> float:
        """Return the rate on the line."""
        return self.from_per_s + (self.to_per_s - self.from_per_s) * elapsed_s / self.for_s


class Steps(_Phase):
    """One rate after the other, ``each_s`` seconds long, over and over until the phase ends."""

    phase: Literal["steps"]
    per_s: tuple[Rate, ...] = Field(min_length=1)
    each_s: PositiveDuration

    @property
    def peak_per_s(self) -> float:
        """The highest step."""
        return max(self.per_s)

    def rate_per_s(self, elapsed_s: float) -> float:
        """Return the rate of the step in force."""
        return self.per_s[int(elapsed_s / self.each_s) % len(self.per_s)]


class Sine(_Phase):
    """A day's wave: from ``mean - amplitude`` up to ``mean + amplitude`` and back, each period."""

    phase: Literal["sine"]
    mean_per_s: Rate
    amplitude_per_s: Rate
    period_s: PositiveDuration = 86400.0

    @property
    def peak_per_s(self) -> float:
        """The crest."""
        return self.mean_per_s + self.amplitude_per_s

    def rate_per_s(self, elapsed_s: float) -> float:
        """Return the rate; the wave starts at its lowest point, and is never below 0."""
        wave = -math.cos(2 * math.pi * elapsed_s / self.period_s)
        return max(0.0, self.mean_per_s + self.amplitude_per_s * wave)


class Burst(_Phase):
    """Exactly ``requests`` requests, at random moments of the phase."""

    phase: Literal["burst"]
    for_s: PositiveDuration = 1.0
    requests: int = Field(ge=0, le=1_000_000)

    @property
    def peak_per_s(self) -> float:
        """The mean rate: a burst has no other."""
        return self.requests / self.for_s

    def rate_per_s(self, elapsed_s: float) -> float:  # noqa: ARG002 - its moments are drawn at once
        """Return the mean rate."""
        return self.peak_per_s

    def arrivals(self, rng: Random) -> Iterator[float]:
        """Yield the moments, ascending."""
        yield from sorted(rng.random() * self.for_s for _ in range(self.requests))


Phase = Annotated[
    Plateau | Silence | Ramp | Steps | Sine | Burst,
    Field(discriminator="phase"),
]


class Load(Strict):
    """What arrives at one app: phases or a trace.

    Attributes:
        phases: one after the other. repeat: whether they start again after the last.
        service: how long a request keeps a worker busy, for phases.
        trace: CSV or CSV.GZ file with ``arrival_s,service_s``, instead of phases; a relative path
            starts at the scenario file's folder.
    """

    phases: tuple[Phase, ...] = ()
    repeat: bool = False
    service: Distribution = constant(1.0)
    trace: Path | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Load:
        if self.trace is not None and (self.phases or self.repeat):
            raise ValueError("give either phases or a trace, not both")
        if any(math.isinf(phase.length_s) for phase in self.phases[:-1]):
            raise ValueError("only the last phase may leave out for_s")
        if self.repeat and not any(phase.sends for phase in self.phases):
            raise ValueError("repeat needs at least one phase that sends requests")
        return self

    def arrivals(self, rng: Random) -> Iterator[Arrival]:
        """Return the requests, ascending in time; endless where the load is.

        Raises:
            ConfigurationError: the trace cannot be read; nothing has been yielded yet.
        """
        if self.trace is not None:
            return read_trace(self.trace)
        return self._from_phases(rng)

    def _from_phases(self, rng: Random) -> Iterator[Arrival]:
        begin_s = 0.0
        for phase in cycle(self.phases) if self.repeat else self.phases:
            for elapsed_s in phase.arrivals(rng):
                yield Arrival(begin_s + elapsed_s, self.service.draw(rng))
            begin_s += phase.length_s
            if math.isinf(begin_s):
                return


def read_trace(path: Path) -> Iterator[Arrival]:
    """Read a whole trace (16 bytes a request in memory) and return its requests in order.

    Raises:
        ConfigurationError: naming the line and the value that is not a number, is negative, or
            goes back in time; or that the file cannot be read.
    """
    arrivals, services = array("d"), array("d")
    try:
        with _open(path) as lines:
            for arrival in _parse(path, lines):
                arrivals.append(arrival.arrival_s)
                services.append(arrival.service_s)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"trace {path} cannot be read: {error}") from error
    if not arrivals:
        raise ConfigurationError(f"trace {path} holds no requests; it needs at least one line")
    return map(Arrival, arrivals, services)


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _parse(path: Path, lines: TextIO) -> Iterator[Arrival]:
    before_s = 0.0
    for number, row in enumerate(csv.reader(lines), start=1):
        if number == 1 and row == ["arrival_s", "service_s"]:
            continue
        arrival = _parse_row(path, number, row)
        if arrival.arrival_s < before_s:
            raise ConfigurationError(
                f"trace {path}, line {number}: arrival_s {arrival.arrival_s:g} is earlier than the "
                f"{before_s:g} before it; sort the trace by arrival"
            )
        before_s = arrival.arrival_s
        yield arrival


def _parse_row(path: Path, number: int, row: list[str]) -> Arrival:
    try:
        arrival_s, service_s = (float(cell) for cell in row)
    except ValueError:
        raise ConfigurationError(
            f"trace {path}, line {number}: {','.join(row)!r} is not two numbers arrival_s,service_s"
        ) from None
    if not (0 <= arrival_s < math.inf and 0 <= service_s < math.inf):
        raise ConfigurationError(
            f"trace {path}, line {number}: {','.join(row)!r} must hold finite numbers of at least 0"
        )
    return Arrival(arrival_s, service_s)
