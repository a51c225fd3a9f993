"""What a run is measured by, online: memory does not grow with the number of requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, log

_STEPS = 100
"""Buckets per factor e: a quantile is exact to 1 %."""


class WaitHistogram:
    """Waits above zero in logarithmic buckets; the others are only counted.

    Quantiles are exact to 1 %; the longest wait and the number above a target are exact.
    """

    def __init__(self, target_wait_s: float) -> None:
        """Count waits beyond ``target_wait_s`` (seconds, ≥ 0) as late."""
        self.target_wait_s = target_wait_s
        self.late = 0
        self.max_s = 0.0
        self.waited = 0
        self._buckets: dict[int, int] = {}

    def add_all(self, waits_s: list[float]) -> None:
        """Take many waits above zero, in seconds; less than half the work of one at a time."""
        if not waits_s:
            return
        buckets = self._buckets
        for bucket, count in Counter([int(log(w + 1e-9) * _STEPS) for w in waits_s]).items():
            buckets[bucket] = buckets.get(bucket, 0) + count
        self.waited += len(waits_s)
        longest = max(waits_s)
        if longest > self.target_wait_s:
            self.late += len([w for w in waits_s if w > self.target_wait_s])
        self.max_s = max(self.max_s, longest)

    def quantile(self, share: float, total: int) -> float:
        """Return the wait in seconds that ``share`` (0..1) of ``total`` requests do not exceed."""
        rank = share * total - (total - self.waited)
        if rank <= 0:
            return 0.0
        for bucket in sorted(self._buckets):
            rank -= self._buckets[bucket]
            if rank <= 0:
                return min(exp((bucket + 0.5) / _STEPS), self.max_s)
        return self.max_s


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of one simulation.

    Attributes:
        requests: that arrived. counted: of them after the warm-up; shares and waits are of these.
        work_s: service seconds of all requests. cost_worker_s: worker-seconds, order to removal.
        late: counted requests that waited longer than the target.
        wait_p50_s, wait_p95_s, wait_p99_s, wait_max_s: waits, seconds.
        scale_ups, scale_downs: actions carried out (not workers).
        ordered, removed: workers.
        under_provisioned_share, over_provisioned_share: shares of the time (0..1) in which a
            request waited, and in which a ready worker idled (the timeshares of Herbst et al.).
        unserved: requests still waiting when the run ended.
        span_s: virtual seconds simulated. events: arrivals, completions, starts and polls.
        polls: looks at the list. interrupted: ended by the user; the figures are of the part.
    """

    requests: int
    counted: int
    work_s: float
    cost_worker_s: float
    late: int
    wait_p50_s: float
    wait_p95_s: float
    wait_p99_s: float
    wait_max_s: float
    scale_ups: int
    scale_downs: int
    ordered: int
    removed: int
    under_provisioned_share: float
    over_provisioned_share: float
    unserved: int
    span_s: float
    events: int
    polls: int
    interrupted: bool = False

    @property
    def share_over_target(self) -> float:
        """Share (0..1) of the counted requests that waited longer than the target."""
        return self.late / self.counted if self.counted else 0.0

    @property
    def cost_over_work(self) -> float:
        """Worker-seconds paid for each second of service; the floor is 1."""
        return self.cost_worker_s / self.work_s if self.work_s else 0.0
