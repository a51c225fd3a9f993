"""A recorded past as a load that can be replayed.

The platform tells no single request. What is stored are minutes: how many requests came, and how
long workers served. So the requests of a minute are spread over it at random, and each takes a
service time drawn from an exponential law around the mean of the hour; seeded, so that every policy
sees the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random  # noqa: TID251 - seeded

from autoscaler.ports import Sample
from autoscaler.simulator.lab.trace import MemoryTrace, Request, TraceError

MEAN_OVER_S = 3600.0
"""The mean service time is taken over so long before a minute's end, seconds."""


def recorded_trace(name: str, samples: Sequence[Sample], seed: int) -> MemoryTrace:
    """Return a trace from samples in order of time; it starts at the first one's start.

    Raises:
        TraceError: no request is recorded.
    """
    rng = Random(f"{seed}-recorded")  # noqa: S311 - a simulation
    requests = tuple(_requests(samples, rng))
    if not requests:
        raise TraceError(f"{name}: no request is recorded in this range; choose a longer one")
    return MemoryTrace(name, requests)


def _requests(samples: Sequence[Sample], rng: Random) -> Iterator[Request]:
    owed = 0.0
    for sample, mean_s in zip(samples, _service_times_s(samples), strict=True):
        owed += sample.arrivals
        count, start = int(owed), sample.at - samples[0].at
        owed -= count
        for offset_s in sorted(rng.uniform(0, sample.span_s) for _ in range(count)):
            yield start + offset_s, max(1e-3, rng.expovariate(1 / mean_s))


def _service_times_s(samples: Sequence[Sample]) -> list[float]:
    """Return the mean service time around each sample, seconds."""
    served = sum(sample.served for sample in samples)
    overall = sum(sample.busy_s for sample in samples) / served if served else 1.0
    found, oldest, busy_s, count = [], 0, 0.0, 0
    for sample in samples:
        busy_s += sample.busy_s
        count += sample.served
        while samples[oldest].at < sample.at - MEAN_OVER_S:
            busy_s -= samples[oldest].busy_s
            count -= samples[oldest].served
            oldest += 1
        found.append(max(1e-3, busy_s / count if count else overall))
    return found
