"""The three loads of a portrait. Nothing is drawn at random: the same load every time.

A load is given in *offered requests*: how many would be served at once if nobody had to wait
(arrival rate * service time). Before the picture begins it is steady for :data:`WARMUP_S`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from autoscaler.simulator.lab.trace import Request

SERVICE_S = 30.0
"""Seconds that each request keeps a worker."""
WARMUP_S = 1800.0
"""Seconds before the picture begins, so that windows and measurements are filled."""
SPAN_S = 3600.0
"""Seconds that the picture shows."""
CALM = 2.0
"""Offered requests while nothing happens."""
_TICK_S = 1.0
_BEGIN_S, _TURN_S = 600.0, 1800.0


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that come over time.

    Attributes:
        name: title of its panel.
        offered: offered requests at a time in seconds of the picture (below 0: before it).
        burst_at_s, burst: so many requests more, all at that moment.
    """

    name: str
    offered: Callable[[float], float]
    burst_at_s: float = 0.0
    burst: int = 0

    def requests(self) -> Iterator[Request]:
        """Yield arrivals (seconds since the warm-up began) and service times, evenly spaced."""
        due = 0.0
        end_s = WARMUP_S + SPAN_S
        burst_s = WARMUP_S + self.burst_at_s if self.burst else end_s
        for tick in range(int(end_s / _TICK_S)):
            at_s = tick * _TICK_S
            if at_s == burst_s:
                yield from ((at_s, SERVICE_S) for _ in range(self.burst))
            due += self.offered(at_s - WARMUP_S) * _TICK_S / SERVICE_S
            if due >= 1.0:
                due -= 1.0
                yield at_s, SERVICE_S

    def mean(self, from_s: float, until_s: float) -> float:
        """Return the mean offered requests between two seconds of the picture, bursts included."""
        steps = int((until_s - from_s) / _TICK_S)
        steady = sum(self.offered(from_s + step * _TICK_S) for step in range(steps)) / steps
        holds_burst = self.burst and from_s <= self.burst_at_s < until_s
        return steady + (self.burst * SERVICE_S / (until_s - from_s) if holds_burst else 0.0)


def _step(at_s: float) -> float:
    return _between(at_s, ((_BEGIN_S, CALM), (_BEGIN_S, 8.0), (_TURN_S, 8.0), (_TURN_S, CALM)))


def _ramp(at_s: float) -> float:
    return _between(at_s, ((_BEGIN_S, CALM), (_TURN_S, 10.0), (_TURN_S + 600.0, CALM)))


def _between(at_s: float, corners: tuple[tuple[float, float], ...]) -> float:
    """Return the value at a moment of a line through (seconds, value), level at both ends."""
    if at_s < corners[0][0]:
        return corners[0][1]
    for (left_s, left), (right_s, right) in pairwise(corners):
        if left_s <= at_s < right_s:
            return left + (right - left) * (at_s - left_s) / (right_s - left_s)
    return corners[-1][1]


def _calm(_: float) -> float:
    return CALM


LOADS = (
    Load("Step: 2 to 8 and back", _step),
    Load("Ramp: 2 to 10 and back", _ramp),
    Load("Burst: 24 at once", _calm, burst_at_s=_BEGIN_S, burst=24),
)
