"""Orders by hand, as whoever takes them from people sees them."""

from __future__ import annotations

from typing import Protocol

from autoscaler.model import AppKey, Intervention, InterventionKind


class Interventions(Protocol):
    """Takes people's orders for apps; they survive a restart, and are reported to the recorder."""

    def knows(self, app: AppKey) -> bool:
        """Whether the app is configured here."""

    def in_force(self, app: AppKey) -> tuple[Intervention, ...]:
        """Return what holds for an app now, at most one of each kind."""

    async def intervene(self, app: AppKey, intervention: Intervention) -> None:
        """Put an order in force, instead of an earlier one of its kind, and look at once.

        Raises:
            KeyError: the app is not configured here.
            NotLeader: another replica leads; nothing was done.
            StateError: it could not be written down; it holds all the same until a restart.
        """

    async def end(
        self, app: AppKey, kinds: frozenset[InterventionKind], who: str, why: str
    ) -> tuple[Intervention, ...]:
        """End the orders of these kinds; return those that were in force. Errors as above."""
