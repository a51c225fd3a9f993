"""The state store of a replica: open while it leads, and believed only where it proves itself.

Another replica led in between, perhaps, and ordered what this store knows nothing of. So a leader
writes the name of its term beside its store. Whoever opens the store for the term that follows, and
finds that name, has the memory of whoever led before: it is the same store. In every other case the
rows are of another time; they are dropped, and each app is treated as having an order open.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Clock, State, Term, Trust
from autoscaler.state.sqlite import SqliteState
from autoscaler.state.volatile import VolatileState

Run = Callable[..., Awaitable[Any]]


@runtime_checkable
class _Reigned(State, Protocol):
    """A store that keeps the proof itself: :class:`autoscaler.state.postgres.PostgresState`."""

    async def begin(self, term: Term | None) -> bool:
        """Open it for a term; return whether it is proven."""


class ReignState:
    """Implements :class:`autoscaler.ports.State` over a store that comes and goes.

    Attributes:
        proven: whether the open store was that of the term before.
    """

    def __init__(
        self,
        open_store: Callable[[], State],
        *,
        path: Path | None,
        clock: Clock,
        doubt_s: float,
        run: Run = asyncio.to_thread,
    ) -> None:
        """Open nothing yet.

        Args:
            open_store: opens the store; may raise StateError.
            path: of its file; ``None`` for one that is in memory only.
            clock: the time.
            doubt_s: how long after a start without proof the store is no proof for a successor:
                the longest that an order of which nothing is known may be open.
            run: calls a blocking function; a simulation passes one that calls it in place.
        """
        self._open_store = open_store
        self._mark = None if path is None else path.with_name(path.name + ".reign")
        self._clock = clock
        self._doubt_s = doubt_s
        self._run = run
        self._store: State | None = None
        self._term: Term | None = None
        self._later: _Reigned | None = None
        self._mark_at = float("inf")
        self.proven = False

    @property
    def trust(self) -> Trust:
        """How far the open store is to be relied upon."""
        return Trust.LOST if self._store is None else self._store.trust

    def trust_of(self, app: AppKey) -> Trust:  # noqa: ARG002 - the same for every app
        """Return the same for every app."""
        return self.trust

    @property
    def is_open(self) -> bool:
        """Whether a term has it open."""
        return self._store is not None

    async def open(self, term: Term | None) -> None:
        """Open the store for a term of ours; ``None``: a shared one, where no other replica runs.

        Raises:
            StateError: it cannot be opened, or another process has it; memory then lives as long
                as the term, and nothing is trusted.
        """
        self._store, self._mark_at, self.proven = VolatileState(Trust.LOST), float("inf"), False
        self._term = term
        store = await self._run(self._open_store)
        if isinstance(store, _Reigned):
            self._later = store
            self.proven = await store.begin(term)
            self._later = None
        self._store = store
        if term is None or not isinstance(store, SqliteState):
            return
        self.proven = await self._run(self._read_mark) == term.before
        if self.proven:
            await self._run(self._write_mark)
        else:
            await store.disown()
            self._mark_at = self._clock.now() + self._doubt_s

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what this term, or the proven one before, wrote last."""
        return await self._opened().load(app)

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Write at once."""
        await self._opened().write_intent(app, memory)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush; nothing while this replica does not lead."""
        if self._store is not None:
            self._store.checkpoint(app, memory)

    async def flush(self) -> None:
        """Write what was checkpointed; nothing while this replica does not lead."""
        if self._store is None:
            return
        await self._try_again()
        await self._store.flush()
        if self._clock.now() >= self._mark_at:
            self._mark_at = float("inf")
            await self._run(self._write_mark)

    async def _try_again(self) -> None:
        """Open a shared store that could not be opened when the term began."""
        later, old = self._later, self._store
        if later is None:
            return
        await later.begin(self._term)
        if self._store is old and isinstance(old, VolatileState):
            old.pour_into(later)
            self._store, self._later = later, None

    async def forget(self, app: AppKey) -> None:
        """Drop what is kept of an app."""
        await self._opened().forget(app)

    async def close(self) -> None:
        """Flush and let go of the store, if one is open."""
        store, self._store, self._later = self._store, None, None
        if store is not None:
            await store.close()

    def _opened(self) -> State:
        if self._store is None:
            raise StateError("the state store is closed: this replica does not lead")
        return self._store

    def _read_mark(self) -> str:
        if self._mark is None:
            return ""
        try:
            return self._mark.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def _write_mark(self) -> None:
        """Write the term's name; one that cannot be written is a proof that nobody finds."""
        if self._mark is None:
            return
        new = self._mark.with_name(self._mark.name + ".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write("" if self._term is None else self._term.name)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._mark)
        except OSError as error:
            raise StateError(f"{self._mark}: {error.strerror or error}") from error
