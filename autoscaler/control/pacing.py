"""Which app is due: one heap for all, so that ten thousand apps cost one timer.

The pace of an app is its interval, from due time to due time, so that it does not drift. Apps start
spread over their interval, or the platform would see them all at once for ever.
"""

from __future__ import annotations

import heapq
from itertools import count
from random import Random  # noqa: TID251 - the type of an injected source, never the module's own

from autoscaler.model import AppKey

SPREAD_PER_APP_S = 0.02
JITTER = 0.02
BACKOFF_CEILING = 8.0
"""In intervals."""


class Pacer:
    """A heap of due times. One entry per app; an app being handled has none."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._heap: list[tuple[float, int, AppKey]] = []
        self._order = count()
        self._current: dict[AppKey, int] = {}
        self._stopped = False

    def start(self, app: AppKey, now: float, interval_s: float, apps: int) -> None:
        """Schedule an app's first look, spread over its interval by the number of apps."""
        spread_s = min(interval_s, apps * SPREAD_PER_APP_S)
        self.at(app, now + self._rng.uniform(0, spread_s))

    def at(self, app: AppKey, due_at: float) -> None:
        """Schedule an app, replacing what was scheduled for it; nothing once stopped."""
        if self._stopped:
            return
        ticket = next(self._order)
        self._current[app] = ticket
        heapq.heappush(self._heap, (due_at, ticket, app))

    def again(
        self, app: AppKey, was_due_at: float, now: float, interval_s: float, wait_s: float
    ) -> None:
        """Schedule the look after this one; ``wait_s``: at least so long from now."""
        jitter = 1 + self._rng.uniform(-JITTER, JITTER)
        due_at = was_due_at + interval_s * jitter
        # A pass that took longer than the interval is not caught up with by passes in a row.
        self.at(app, max(due_at, now + wait_s, now + interval_s / 10))

    def drop(self, app: AppKey) -> None:
        """Unschedule an app."""
        self._current.pop(app, None)

    def stop(self) -> None:
        """Schedule nothing any more."""
        self._stopped = True
        self._heap.clear()
        self._current.clear()

    def due(self, now: float) -> list[tuple[AppKey, float]]:
        """Take out and return the apps that are due, with when they were."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            due_at, ticket, app = heapq.heappop(self._heap)
            if self._current.get(app) == ticket:
                del self._current[app]
                found.append((app, due_at))
        return found

    def next_due_at(self) -> float | None:
        """When the next app is due; ``None`` if none is scheduled."""
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None


def backoff_s(interval_s: float, failures: int, retry_after_s: float) -> float:
    """Seconds to wait after ``failures`` failed looks in a row.

    The interval, doubled by each failure after the first, up to eight intervals; never less than
    the platform asked for.
    """
    if failures == 0:
        return retry_after_s
    factor = min(2.0 ** min(failures - 1, 10), BACKOFF_CEILING)
    return max(interval_s * factor, retry_after_s)
