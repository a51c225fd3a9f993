"""Durable memory: what must survive a crash so that no order is repeated."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey


class Trust(StrEnum):
    """How far the store's memory of the last run can be relied upon."""

    WHOLE = "whole"
    """Every intent of the last run is in it."""
    NEW = "new"
    """There was no store: nothing is known of a last run, if there was one."""
    LOST = "lost"
    """Something of the last run is missing: it was corrupt, or an intent could not be written."""


class State(Protocol):
    """Keeps an :class:`~autoscaler.decision.AppMemory` per app.

    Every method raises :class:`~autoscaler.model.errors.StateError` where the store fails, and
    nothing else. Scaling goes on all the same.
    """

    @property
    def trust(self) -> Trust:
        """What the store was like when it was opened; where it has parts, the worst of them."""

    def trust_of(self, app: AppKey) -> Trust:
        """What is to be relied upon of what the store holds of an app."""

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what was written or checkpointed last; ``None`` for an app never written.

        Policy states come back as plain values; the caller gives them their type.
        """

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Write at once; when this returns, the memory survives a crash of the machine."""

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Take the memory to be written by the next :meth:`flush`; never waits, never raises."""

    async def flush(self) -> None:
        """Write what was checkpointed."""

    async def forget(self, app: AppKey) -> None:
        """Drop what is kept of an app."""

    async def close(self) -> None:
        """Flush and let go of the store."""
