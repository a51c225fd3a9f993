"""A histogram that costs a bisect to feed.

The one of prometheus-client takes a lock per bucket and writes ``_created`` series that nobody
asked for; this one is fed from the event loop only and needs neither.
"""

from __future__ import annotations

from bisect import bisect_left

from prometheus_client.core import HistogramMetricFamily

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds for durations, from a local reply to a stuck request; seconds."""


class Histogram:
    """Counts of observed seconds per bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum_s")

    def __init__(self, bounds_s: tuple[float, ...] = SECONDS) -> None:
        """Take the upper bounds in seconds, rising; ``+Inf`` is added."""
        self._bounds = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value; a negative one counts as 0, since a clock step may make one."""
        seconds = max(0.0, seconds)
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum_s += seconds

    def add_to(self, family: HistogramMetricFamily, labels: tuple[str, ...] = ()) -> None:
        """Add the samples, cumulative as the format wants them, to a metric family."""
        buckets: list[tuple[str, float]] = []
        total = 0
        names = [*map(str, self._bounds), "+Inf"]
        for name, count in zip(names, tuple(self._counts), strict=True):
            total += count
            buckets.append((name, total))
        family.add_metric(labels, buckets, self._sum_s)
