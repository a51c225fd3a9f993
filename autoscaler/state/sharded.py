"""The memory of replicas that share the apps out: a store for each shard, open while it is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.ports import Trust
from autoscaler.state.reign import ReignState


class ShardedState:
    """Implements :class:`autoscaler.ports.State`; each app's calls go to its shard's store.

    Attributes:
        parts: the stores by shard.
    """

    def __init__(self, parts: Sequence[ReignState], part_of: Callable[[AppKey], int]) -> None:
        """Take the stores, and which of them an app is in."""
        self.parts = tuple(parts)
        self._part_of = part_of

    @property
    def trust(self) -> Trust:
        """The worst of the open stores; lost where none is open."""
        open_ones = {part.trust for part in self.parts if part.is_open}
        ranks = (Trust.LOST, Trust.NEW, Trust.WHOLE)
        return next((trust for trust in ranks if trust in open_ones), Trust.LOST)

    def trust_of(self, app: AppKey) -> Trust:
        """Return what the app's shard's store is like."""
        return self._part(app).trust

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what the app's shard's store has."""
        return await self._part(app).load(app)

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Write at once."""
        await self._part(app).write_intent(app, memory)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush."""
        self._part(app).checkpoint(app, memory)

    async def flush(self) -> None:
        """Write what was checkpointed, each store by itself."""
        await self._each([part.flush() for part in self.parts])

    async def forget(self, app: AppKey) -> None:
        """Drop what is kept of an app."""
        await self._part(app).forget(app)

    async def close(self) -> None:
        """Flush and let go of every store."""
        await self._each([part.close() for part in self.parts])

    async def _each(self, work: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Do all of it; then raise what went wrong first."""
        for trouble in await asyncio.gather(*work, return_exceptions=True):
            if trouble is not None:
                raise trouble

    def _part(self, app: AppKey) -> ReignState:
        return self.parts[self._part_of(app)]
