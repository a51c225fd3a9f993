"""The ceiling over all apps: how many workers the whole fleet may have, by our action."""

from __future__ import annotations

from autoscaler.model import AppKey, Census


class Fleet:
    """Counts what every app has and grants what is left. First come, first served."""

    def __init__(self, max_workers: int | None) -> None:
        """Take the ceiling; ``None`` for none."""
        self.max_workers = max_workers
        self._used: dict[AppKey, int] = {}

    def observed(self, app: AppKey, census: Census) -> None:
        """Take in what an app has and has on order."""
        self._used[app] = census.present + census.on_order

    def forget(self, app: AppKey) -> None:
        """Drop an app."""
        self._used.pop(app, None)

    def grant(self, app: AppKey, count: int) -> int:
        """Return how many of ``count`` more workers the app may order, and book them."""
        if self.max_workers is None:
            return count
        left = max(0, self.max_workers - sum(self._used.values()))
        granted = min(count, left)
        self._used[app] = self._used.get(app, 0) + granted
        return granted
