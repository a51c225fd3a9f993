"""A store that lives as long as its process: for dry runs, ``state.path: null`` and tests.

It goes through the same encoding as the durable ones, so that nothing can be kept in it that
could not be kept in them.
"""

from __future__ import annotations

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.ports import Trust
from autoscaler.state.codec import decode, encode


class VolatileState:
    """Implements :class:`autoscaler.ports.State` in memory."""

    def __init__(self, trust: Trust = Trust.NEW) -> None:
        self._trust = trust
        self._rows: dict[AppKey, bytes] = {}
        self._dirty: dict[AppKey, AppMemory] = {}

    @property
    def trust(self) -> Trust:
        """As given."""
        return self._trust

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what was written last."""
        row = self._rows.get(app)
        return None if row is None else decode(row)

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory."""
        self._rows[app] = encode(memory)
        self._dirty.pop(app, None)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush."""
        self._dirty[app] = memory

    async def flush(self) -> None:
        """Keep what was checkpointed."""
        for app, memory in self._dirty.items():
            self._rows[app] = encode(memory)
        self._dirty.clear()

    async def forget(self, app: AppKey) -> None:
        """Drop the app."""
        self._rows.pop(app, None)
        self._dirty.pop(app, None)

    async def close(self) -> None:
        """Flush."""
        await self.flush()
