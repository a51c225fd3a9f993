"""A store that lives as long as its process: for dry runs, ``state.path: null`` and tests.

It goes through the same encoding as the durable ones, so that nothing can be kept in it that
could not be kept in them.
"""

from __future__ import annotations

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import State, Trust
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

    def trust_of(self, app: AppKey) -> Trust:  # noqa: ARG002 - the same for every app
        """Return the same for every app."""
        return self.trust

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what was written or checkpointed last."""
        if app in self._dirty:
            return decode(encode(self._dirty[app]))
        row = self._rows.get(app)
        return None if row is None else decode(row)

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory."""
        self._dirty.pop(app, None)
        self._rows[app] = encode(memory)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush."""
        self._dirty[app] = memory

    async def flush(self) -> None:
        """Keep what was checkpointed; what cannot be encoded keeps nothing else from it."""
        trouble = None
        for app, memory in tuple(self._dirty.items()):
            try:
                self._rows[app] = encode(memory)
                del self._dirty[app]
            except StateError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def pour_into(self, other: State) -> None:
        """Give all that is kept to another store, to be written by its next flush."""
        for app in {*self._rows, *self._dirty}:
            memory = self._dirty.get(app)
            other.checkpoint(app, decode(self._rows[app]) if memory is None else memory)

    async def forget(self, app: AppKey) -> None:
        """Drop the app."""
        self._rows.pop(app, None)
        self._dirty.pop(app, None)

    async def close(self) -> None:
        """Flush."""
        await self.flush()
