"""A lease in memory, over a network that a test makes bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random  # noqa: TID251 - the type of a seeded instance

from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Clock, Lease, LeaseRecord


@dataclass(slots=True)
class LeaseServer:
    """The API server: compare-and-swap, nothing else. ``writes``: every write that took effect."""

    lease: Lease | None = None
    writes: list[Lease] = field(default_factory=list)
    _versions: count[int] = field(default_factory=lambda: count(1))
    _ids: count[int] = field(default_factory=lambda: count(1))

    def read(self) -> Lease | None:
        return self.lease

    def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        seen = None if over is None else over.version
        now = None if self.lease is None else self.lease.version
        if seen != now:
            raise LeaseTaken("somebody else wrote")
        lease_id = f"lease-{next(self._ids)}" if self.lease is None else self.lease.id
        self.lease = Lease(lease_id, str(next(self._versions)), record)
        self.writes.append(self.lease)
        return self.lease

    def delete(self) -> None:
        self.lease = None


@dataclass(slots=True)
class LeaseLink:
    """One replica's way to the server: implements ports.LeaseStore.

    A call takes ``delay()`` seconds each way. While ``cut`` is set nothing arrives; while
    ``refused`` the server answers with an error. A call that its sender gave up goes on all the
    same, as a request on its way does. ``before_write``: happens once, before the next write.
    """

    server: LeaseServer
    clock: Clock
    delay: Callable[[], float] = lambda: 0.0
    cut: bool = False
    refused: bool = False
    frozen: asyncio.Event | None = None
    before_write: Callable[[], None] | None = None
    _under_way: set[asyncio.Task[Lease | None]] = field(default_factory=set)

    async def read(self) -> Lease | None:
        return await self._call(self.server.read)

    async def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        if self.before_write is not None:
            happens, self.before_write = self.before_write, None
            happens()
        done = await self._call(lambda: self.server.write(record, over))
        assert done is not None
        return done

    async def aclose(self) -> None:
        for task in self._under_way:
            task.cancel()

    async def _call(self, serve: Callable[[], Lease | None]) -> Lease | None:
        task = asyncio.get_running_loop().create_task(self._travel(serve))
        self._under_way.add(task)
        task.add_done_callback(self._arrived)
        return await asyncio.shield(task)

    def _arrived(self, task: asyncio.Task[Lease | None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()

    async def _travel(self, serve: Callable[[], Lease | None]) -> Lease | None:
        if self.cut:
            await asyncio.Event().wait()
        await self.clock.sleep(self.delay())
        if self.frozen is not None:
            await self.frozen.wait()
        if self.refused:
            raise LeaseError("401 Unauthorized")
        answer = serve()
        await self.clock.sleep(self.delay())
        if self.cut:
            await asyncio.Event().wait()
        return answer


def seeded_delay(rng: Random, most_s: float) -> Callable[[], float]:
    return lambda: rng.uniform(0.0, most_s)
