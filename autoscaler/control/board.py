"""All leases of a set of replicas, read in one call and remembered: many electors, few requests.

A reading that is a moment old does no harm: a lease is taken by a write over the version that was
read, which fails where its holder has renewed it since. What was written from here counts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from random import Random  # noqa: TID251 - the type of an injected source, never the module's own

from autoscaler.control.election import RELEASED_S, LeasePace
from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Clock, Lease, LeaseBoard, LeaseRecord, LeaseStore


@dataclass(slots=True)
class Board:
    """The leases as they were last listed, with what was written since.

    Attributes:
        listed_at: when the last good listing was sent, seconds of the clock. calls: requests to the
            board until now, of any kind.
    """

    source: LeaseBoard
    clock: Clock
    leases: dict[str, Lease] = field(default_factory=dict)
    listed_at: float = -inf
    calls: int = 0
    _changed_at: dict[str, float] = field(default_factory=dict)
    _written_at: dict[str, float] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self, *, since: float = inf) -> None:
        """List anew, unless a listing was sent after ``since``.

        Raises:
            LeaseError: it could not be listed.
        """
        async with self._turn:
            if self.listed_at > since:
                return
            sent_at = self.clock.now()
            self.calls += 1
            found = await self.source.list()
            for name in {*found, *self.leases}:
                if self._written_at.get(name, -inf) < sent_at:
                    self._saw(name, found.get(name))
            self.listed_at = sent_at

    def lease(self, name: str) -> LeaseStore:
        """Return the way to one lease: read from the last listing, written for real."""
        return _Remembered(self, self.source.lease(name), name)

    def live(self, name: str, duration_s: float) -> str:
        """Return who holds a lease; empty where nobody has renewed it for its whole duration."""
        lease = self.leases.get(name)
        if lease is None:
            return ""
        lasts_s = max(duration_s, lease.record.duration_s)
        over = self.clock.now() >= self._changed_at[name] + lasts_s
        return "" if over else lease.record.holder

    def recent(self, name: str, duration_s: float) -> bool:
        """Return whether a lease changed within its duration, whoever holds it."""
        lease = self.leases.get(name)
        if lease is None:
            return False
        lasts_s = max(duration_s, lease.record.duration_s)
        return self.clock.now() < self._changed_at[name] + lasts_s

    def wrote(self, name: str, lease: Lease) -> None:
        """Take in what was written from here."""
        self._saw(name, lease)
        self._written_at[name] = self.clock.now()

    def _saw(self, name: str, lease: Lease | None) -> None:
        if lease is None:
            self.leases.pop(name, None)
            return
        old = self.leases.get(name)
        if old is None or (old.id, old.record) != (lease.id, lease.record):
            self._changed_at[name] = self.clock.now()
        self.leases[name] = lease


@dataclass(slots=True)
class _Remembered:
    """Implements :class:`autoscaler.ports.LeaseStore` over the board.

    Attributes:
        doubted: a write failed, so what is remembered may be wrong.
    """

    board: Board
    store: LeaseStore
    name: str
    doubted: bool = False

    async def read(self) -> Lease | None:
        """Return the lease as it was last listed, or read it where a write failed since."""
        if self.board.listed_at == -inf:
            raise LeaseError("the leases were not listed yet")
        if self.doubted:
            self.board.calls += 1
            lease = await self.store.read()
            if lease is not None:
                self.board.wrote(self.name, lease)
            self.doubted = False
            return lease
        return self.board.leases.get(self.name)

    async def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        """Write, and remember what was written."""
        self.doubted = True
        self.board.calls += 1
        lease = await self.store.write(record, over)
        self.board.wrote(self.name, lease)
        self.doubted = False
        return lease

    async def aclose(self) -> None:
        """Do nothing: the connections are the board's."""


class Seat:
    """Tells the other replicas that this one lives, by one of a few leases. Only a hint.

    A replica that others take for dead, or for alive, wrongly, makes them want the wrong shards;
    who may act is decided by the leases of the shards alone.
    """

    def __init__(
        self, board: Board, names: Iterable[str], identity: str, *, pace: LeasePace, rng: Random
    ) -> None:
        self._board = board
        self._stores: Mapping[str, LeaseStore] = {name: board.lease(name) for name in names}
        self._identity = identity
        self._pace = pace
        self._rng = rng
        self._renewed_at = -inf

    def living(self) -> frozenset[str]:
        """Return the replicas that live, as far as can be seen."""
        held = (self._board.live(name, self._pace.duration_s) for name in self._stores)
        return frozenset(holder for holder in held if holder)

    async def keep(self) -> None:
        """Take a seat, or renew ours where a third of its duration is over.

        Raises:
            LeaseError: it could not be written.
        """
        now = self._board.clock.now()
        name = self._mine()
        if name is None:
            free = [n for n in self._stores if not self._board.live(n, self._pace.duration_s)]
            if free:
                await self._write(self._rng.choice(free), self._identity, self._pace.duration_s)
        elif now >= self._renewed_at + self._pace.duration_s / 3:
            await self._write(name, self._identity, self._pace.duration_s)

    async def leave(self) -> None:
        """Give the seat back, so that others need not wait to know.

        Raises:
            LeaseError: it could not be written; it runs out by itself.
        """
        name = self._mine()
        if name is not None:
            await self._write(name, "", RELEASED_S)

    def _mine(self) -> str | None:
        leases = self._board.leases
        for name in self._stores:
            if name in leases and leases[name].record.holder == self._identity:
                return name
        return None

    async def _write(self, name: str, holder: str, duration_s: float) -> None:
        now, over = self._board.clock.now(), self._board.leases.get(name)
        number = 1 if over is None else over.record.number
        try:
            await self._stores[name].write(LeaseRecord(holder, duration_s, number, now, now), over)
        except LeaseTaken:
            # Somebody else was quicker, or a write of ours that was given up arrived all the same:
            # the next listing tells.
            return
        self._renewed_at = now
