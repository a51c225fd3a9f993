"""The platform, as control sees it."""

from __future__ import annotations

from typing import Protocol

from autoscaler.model import AppInfo, AppKey, Observation, QueuedRequest


class Platform(Protocol):
    """The calls of the EverAI API that this program uses.

    Every method raises a :class:`~autoscaler.model.errors.PlatformError` where it does not succeed,
    and nothing else. Reads are retried inside; scale calls never are.
    """

    async def list_workers(
        self, app: AppKey, *, show_all: bool = False, recent_days: int | None = None
    ) -> Observation:
        """Return the app's workers and queue size, complete."""

    async def scale_up(self, app: AppKey, count: int) -> tuple[str, ...]:
        """Order ``count`` (≥ 1) more workers; return the ids that the reply named."""

    async def scale_down(self, app: AppKey, worker_ids: tuple[str, ...]) -> None:
        """Remove these workers (at least one)."""

    async def request_queue(self, app: AppKey) -> tuple[QueuedRequest, ...]:
        """Return the waiting requests."""

    async def get_app(self, app: AppKey) -> AppInfo:
        """Return the app's manifest facts and status."""

    async def list_apps(self, namespace: str | None = None) -> tuple[AppInfo, ...]:
        """Return the apps of a namespace, or of all."""
