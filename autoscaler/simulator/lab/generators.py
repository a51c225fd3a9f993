"""Made-up load of known kinds, from a seed: the same seed gives the same requests everywhere.

Arrivals are a Poisson process whose rate changes with time (thinning, Lewis and Shedler 1979);
the kinds differ in how the rate moves. Service times are lognormal, given by mean and coefficient
of variation, since measured inference times are skewed to the right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, exp, inf, log, pi, sqrt
from random import Random  # noqa: TID251 - seeded, and only here

from autoscaler.simulator.lab.trace import Request, TraceError

_DAY_S = 86_400.0
_WORKING_DAYS = 5

Rate = Callable[[float], float]
"""Requests per second at a time in seconds."""


@dataclass(frozen=True, slots=True)
class Service:
    """Service times: lognormal with this mean (s, > 0) and coefficient of variation (≥ 0)."""

    mean_s: float = 5.0
    cv: float = 0.8

    def sampler(self, rng: Random) -> Callable[[], float]:
        """Return a function that draws one service time in seconds."""
        if self.cv == 0:
            return lambda: self.mean_s
        sigma2 = log(1 + self.cv**2)
        mu, sigma = log(self.mean_s) - sigma2 / 2, sqrt(sigma2)
        return lambda: rng.lognormvariate(mu, sigma)


def _seeded(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - a simulation


@dataclass(frozen=True, slots=True)
class GeneratedTrace:
    """Requests of a rate that changes with time.

    Attributes:
        name: for tables. duration_s: arrivals stop here. seed: of every random draw.
        make_rate: gives the rate function and its upper bound (1/s) from a seeded generator.
        service: how long requests take.
    """

    name: str
    duration_s: float
    seed: int
    make_rate: Callable[[Random], tuple[Rate, float]]
    service: Service = Service()

    def __iter__(self) -> Iterator[Request]:
        rate, bound = self.make_rate(_seeded(f"{self.seed}-rate"))
        arrivals, draw = _seeded(f"{self.seed}-arrivals"), _seeded(f"{self.seed}-service")
        sample = self.service.sampler(draw)
        now = 0.0
        while bound > 0:
            now += arrivals.expovariate(bound)
            if now >= self.duration_s:
                return
            if arrivals.random() * bound <= rate(now):
                yield now, sample()


def poisson(
    rate: float, duration_s: float, *, seed: int = 0, service: Service = Service()
) -> GeneratedTrace:
    """Return arrivals at a constant ``rate`` (1/s)."""
    _need(rate=rate, duration_s=duration_s)
    return GeneratedTrace("poisson", duration_s, seed, lambda _: (lambda _: rate, rate), service)


def mmpp(
    rates: tuple[float, ...],
    sojourn_s: tuple[float, ...],
    duration_s: float,
    *,
    seed: int = 0,
    service: Service = Service(),
) -> GeneratedTrace:
    """Return a Markov-modulated Poisson process.

    It is in one of several states, each with its rate (1/s) and its mean sojourn (s), and jumps to
    any other state with equal chance.
    """
    _need(duration_s=duration_s, rate=max(rates), sojourn_s=min(sojourn_s))
    if len(rates) != len(sojourn_s):
        raise TraceError(f"mmpp: {len(rates)} rates but {len(sojourn_s)} sojourn times")

    def make_rate(rng: Random) -> tuple[Rate, float]:
        times, states = [0.0], [0]
        while times[-1] < duration_s and len(rates) > 1:
            times.append(times[-1] + rng.expovariate(1 / sojourn_s[states[-1]]))
            states.append(rng.choice([s for s in range(len(rates)) if s != states[-1]]))
        return (lambda t: rates[states[bisect_right(times, t) - 1]]), max(rates)

    return GeneratedTrace("mmpp", duration_s, seed, make_rate, service)


def diurnal(
    low: float,
    high: float,
    duration_s: float,
    *,
    period_s: float = 86_400.0,
    seed: int = 0,
    service: Service = Service(),
) -> GeneratedTrace:
    """Return a rate that swings from ``low`` to ``high`` (1/s) and back once a period (cosine)."""
    _need(rate=high, duration_s=duration_s, period_s=period_s)

    def rate(t: float) -> float:
        return low + (high - low) * (1 - cos(2 * pi * t / period_s)) / 2

    return GeneratedTrace("diurnal", duration_s, seed, lambda _: (rate, max(low, high)), service)


def weekly(
    low: float,
    high: float,
    duration_s: float,
    *,
    weekend: float = 0.4,
    opens_s: float = 28_800.0,
    closes_s: float = 68_400.0,
    edge_s: float = 1_800.0,
    seed: int = 0,
    service: Service = Service(),
) -> GeneratedTrace:
    """Return office hours: ``low`` (1/s) at night, up to ``high`` by day, less at weekends.

    The rate climbs within ``edge_s`` from ``opens_s`` on and falls so until ``closes_s`` (seconds
    of the day). The first five days of a week are working days; on the other two the height is
    ``weekend`` times the usual (0..1). Every day has its own height, too, within 15 %.
    """
    _need(rate=high, duration_s=duration_s, edge_s=edge_s)

    def make_rate(rng: Random) -> tuple[Rate, float]:
        days = int(duration_s // _DAY_S) + 1
        height = [
            rng.uniform(0.85, 1.15) * (weekend if day % 7 >= _WORKING_DAYS else 1.0)
            for day in range(days)
        ]

        def rate(t: float) -> float:
            day, moment = divmod(t, _DAY_S)
            open_share = min((moment - opens_s) / edge_s, (closes_s - moment) / edge_s, 1.0)
            return low + (high - low) * height[int(day)] * max(0.0, open_share)

        return rate, max(low, low + (high - low) * max(height))

    return GeneratedTrace("weekly", duration_s, seed, make_rate, service)


def flash_crowd(
    base: float,
    peak: float,
    duration_s: float,
    *,
    at_s: float,
    rise_s: float = 30.0,
    decay_s: float = 600.0,
    seed: int = 0,
    service: Service = Service(),
) -> GeneratedTrace:
    """Return ``base`` (1/s) with a crowd at ``at_s``.

    The rate rises to ``peak`` (1/s) in a straight line over ``rise_s`` and then decays to
    ``base`` exponentially with the time constant ``decay_s``.
    """
    _need(rate=peak, duration_s=duration_s, rise_s=rise_s, decay_s=decay_s)

    def rate(t: float) -> float:
        since = t - at_s
        if since < 0:
            return base
        share = since / rise_s if since < rise_s else exp(-(since - rise_s) / decay_s)
        return base + (peak - base) * share

    return GeneratedTrace("flash", duration_s, seed, lambda _: (rate, max(base, peak)), service)


def ramp(
    start: float, end: float, duration_s: float, *, seed: int = 0, service: Service = Service()
) -> GeneratedTrace:
    """Return a rate that goes from ``start`` to ``end`` (1/s) in a straight line."""
    _need(rate=max(start, end), duration_s=duration_s)

    def rate(t: float) -> float:
        return start + (end - start) * t / duration_s

    return GeneratedTrace("ramp", duration_s, seed, lambda _: (rate, max(start, end)), service)


def _need(**positive: float) -> None:
    for name, value in positive.items():
        if not 0 < value < inf:
            raise TraceError(f"{name} must be above 0 and finite, got {value:g}")
