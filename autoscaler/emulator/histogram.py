"""Quantiles of waits in bounded memory: buckets that grow by 1 % each, as DDSketch has them."""

from __future__ import annotations

import math

_GROWTH = 1.01
_LOG_GROWTH = math.log(_GROWTH)
_SMALLEST_S = 0.001


class Histogram:
    """Durations ≥ 0; quantiles are right to 1 %, minimum resolution 1 ms, maximum exact."""

    __slots__ = ("_buckets", "count", "max_s", "total_s", "zeros")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.zeros = 0
        self.count = 0
        self.total_s = 0.0
        self.max_s = 0.0

    def add(self, value_s: float) -> None:
        """Count one duration."""
        self.count += 1
        if value_s < _SMALLEST_S:
            self.zeros += 1
            return
        self.total_s += value_s
        self.max_s = max(self.max_s, value_s)
        bucket = math.ceil(math.log(value_s) / _LOG_GROWTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def quantile(self, share: float) -> float:
        """Return the value, seconds, that ``share`` (0 to 1) of the durations do not exceed."""
        rank = math.ceil(share * self.count)
        seen = self.zeros
        if rank <= seen:
            return 0.0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return min(self.max_s, math.exp(bucket * _LOG_GROWTH))
        return self.max_s

    def share_above(self, limit_s: float) -> float:
        """Return which share (0 to 1) was longer than ``limit_s``; 0 where nothing was counted."""
        if not self.count:
            return 0.0
        edge = math.ceil(math.log(max(limit_s, _SMALLEST_S)) / _LOG_GROWTH)
        return sum(n for bucket, n in self._buckets.items() if bucket > edge) / self.count
