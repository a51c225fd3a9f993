"""The platform's books of one app: what was served, lost and paid, and which rules were broken.

They are kept by the platform's side, from what really happened in the fleet, so that they judge an
autoscaler without trusting a word of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from autoscaler.emulator.histogram import Histogram

MAX_BREACHES = 1000
"""So many broken rules are kept in words; all are counted."""
MAX_CALLS = 1000
"""So many of the latest scale calls are kept one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule. ``at``: epoch seconds of the fleet's clock. ``app``: namespace/name."""

    rule: str
    at: float
    app: str
    detail: str


@dataclass(frozen=True, slots=True)
class ScaleCall:
    """A scale call as it arrived. ``at``: epoch seconds. ``caller``: its ``User-Agent``."""

    at: float
    caller: str
    operation: str


@dataclass(slots=True)
class Breaches:
    """Broken rules: all counted, the first ``MAX_BREACHES`` kept."""

    count: int = 0
    kept: list[Breach] = field(default_factory=list)

    def add(self, breach: Breach) -> None:
        """Book one."""
        self.count += 1
        if len(self.kept) < MAX_BREACHES:
            self.kept.append(breach)


@dataclass(slots=True)
class Books:
    """Running totals of one app.

    Attributes:
        arrived, served, failed: requests (``failed`` ended badly and are no part of ``served``).
        lost_to_scale_down: killed with their worker by a scale-down. lost_raced: the same where the
            worker was FREE in the list that the caller had just been given.
        lost_to_crash: killed by a crash or an outage. lost_to_pause: killed or turned away by one.
        work_s: seconds of service of all finished requests.
        worker_seconds: of workers that are gone; see :meth:`report` for the whole.
        started, stopped: workers ordered by anyone, and removed, crashed or failed.
        start_failures, crashes, outages: what went wrong by itself.
        scale_ups, scale_downs: calls carried out. asked, granted: workers of the scale-ups.
        refused: scale calls that the platform refused.
        calls: the latest scale calls, in the order in which they arrived.
        broken: broken rules. raced: what would be broken had the worker not changed just then.
    """

    arrived: int = 0
    served: int = 0
    failed: int = 0
    lost_to_scale_down: int = 0
    lost_raced: int = 0
    lost_to_crash: int = 0
    lost_to_pause: int = 0
    work_s: float = 0.0
    worker_seconds: float = 0.0
    started: int = 0
    stopped: int = 0
    start_failures: int = 0
    crashes: int = 0
    outages: int = 0
    scale_ups: int = 0
    scale_downs: int = 0
    asked: int = 0
    granted: int = 0
    refused: int = 0
    waits: Histogram = field(default_factory=Histogram)
    calls: deque[ScaleCall] = field(default_factory=lambda: deque(maxlen=MAX_CALLS))
    broken: Breaches = field(default_factory=Breaches)
    raced: Breaches = field(default_factory=Breaches)

    def report(self, *, waiting: int, busy: int, open_worker_seconds: float) -> dict[str, Any]:
        """Return everything as JSON types; times in seconds."""
        return {
            "requests": {
                "arrived": self.arrived,
                "served": self.served,
                "failed": self.failed,
                "in_service": busy,
                "waiting": waiting,
                "lost_to_scale_down": self.lost_to_scale_down,
                "lost_raced": self.lost_raced,
                "lost_to_crash": self.lost_to_crash,
                "lost_to_pause": self.lost_to_pause,
            },
            "waits": self._waits(),
            "work_s": self.work_s,
            "worker_seconds": self.worker_seconds + open_worker_seconds,
            "workers": {
                "started": self.started,
                "stopped": self.stopped,
                "start_failures": self.start_failures,
                "crashes": self.crashes,
                "outages": self.outages,
            },
            "scale_calls": {
                "up": self.scale_ups,
                "down": self.scale_downs,
                "refused": self.refused,
                "workers_asked": self.asked,
                "workers_granted": self.granted,
            },
            "scale_log": [asdict(call) for call in self.calls],
            "broken_count": self.broken.count,
            "broken": [asdict(breach) for breach in self.broken.kept],
            "raced_count": self.raced.count,
            "raced": [asdict(breach) for breach in self.raced.kept],
        }

    def _waits(self) -> dict[str, float]:
        waits = self.waits
        return {
            "count": waits.count,
            "mean_s": waits.total_s / waits.count if waits.count else 0.0,
            "p50_s": waits.quantile(0.5),
            "p95_s": waits.quantile(0.95),
            "p99_s": waits.quantile(0.99),
            "max_s": waits.max_s,
            "share_over_10s": waits.share_above(10.0),
        }
