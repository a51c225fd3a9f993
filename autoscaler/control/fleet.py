"""The ceiling over all apps: how many workers the whole fleet may have, by our action."""

from __future__ import annotations

from autoscaler.model import AppKey, Census

FIRST_LOOK_S = 60.0
"""An app that nobody has looked at yet may have as many workers as its own maximum; after so many
seconds without a look it counts for nothing, or one broken app would stop all others."""


class Fleet:
    """Counts what every app has and grants what is left. First come, first served."""

    def __init__(self, max_workers: int | None) -> None:
        """Take the ceiling; ``None`` for none."""
        self.max_workers = max_workers
        self._used: dict[AppKey, int] = {}
        self._awaited: dict[AppKey, tuple[int, float]] = {}

    def expect(self, app: AppKey, max_workers: int, now: float) -> None:
        """Reserve an app's own maximum until it is looked at, or for ``FIRST_LOOK_S``."""
        self._awaited[app] = (max_workers, now + FIRST_LOOK_S)

    def remembered(self, app: AppKey, workers: int) -> None:
        """Take in what an app had, by the memory of the last run."""
        self._used.setdefault(app, workers)

    def observed(self, app: AppKey, census: Census) -> None:
        """Take in what an app has and has on order."""
        self._awaited.pop(app, None)
        self._used[app] = census.present + census.on_order

    def forget(self, app: AppKey) -> None:
        """Drop an app."""
        self._awaited.pop(app, None)
        self._used.pop(app, None)

    def grant(self, app: AppKey, count: int, now: float) -> int:
        """Return how many of ``count`` more workers the app may order, and book them."""
        if self.max_workers is None:
            return count
        left = max(0, self.max_workers - sum(self._used.values()) - self._reserved(now))
        granted = min(count, left)
        self._used[app] = self._used.get(app, 0) + granted
        return granted

    def _reserved(self, now: float) -> int:
        """Return the places kept for apps without a look yet, beyond what is remembered of them."""
        return sum(
            max(0, max_workers - self._used.get(app, 0))
            for app, (max_workers, until) in self._awaited.items()
            if now < until
        )
