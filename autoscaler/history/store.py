"""The history as the daemon has it: reports in, answers out, and a thread that writes.

Nothing that scales waits for it. What cannot be written is kept, as far as memory allows, and tried
again; what is dropped is counted. The first failure and the recovery are said, not each one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import URL

from autoscaler.history.database import Database
from autoscaler.history.reading import Reader
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.history.rows import Batch
from autoscaler.model import AppKey
from autoscaler.model.errors import HistoryError
from autoscaler.ports import Clock, Cost, Event, EventQuery, HistoryHealth, Sample

T = TypeVar("T")
Say = Callable[[str], None]

BACKLOG_MAX = 100_000
"""Rows kept in memory while they cannot be written; beyond that the oldest are dropped."""
REOPEN_S = 30.0
HOUSEKEEPING_S = 60.0
HOUSEKEEPING_APPS = 500
"""Apps whose old rows are looked for at a time."""
COMPACTED_AT_ONCE = 100
READ_WAITS_S = 1.0
"""A question waits so long for what was reported just before it."""
CLOSE_WAITS_S = 5.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: seconds back, and bytes."""

    age_s: float = 30 * 86_400.0
    size_max: int = 2 * 2**30


class HistoryStore:
    """Implements :class:`autoscaler.ports.History`; ``recorder`` takes the reports."""

    def __init__(
        self,
        url: URL | str,
        endpoint: str,
        *,
        recorder: HistoryRecorder,
        clock: Clock,
        retention: Retention,
        on_trouble: Say,
        on_recovery: Say,
    ) -> None:
        """Wire up; the store is opened by the first :meth:`flush`, in the writer's thread.

        Args:
            url: of SQLAlchemy, ``sqlite:///…`` or ``postgresql+psycopg://…``.
            endpoint: address of the platform; rows of another one are not seen.
            recorder: what gathers the reports.
            clock: ours.
            retention: how much is kept.
            on_trouble: told in words, once each time the store begins to fail.
            on_recovery: likewise, when it is well again.
        """
        self.recorder = recorder
        self._url = url
        self._endpoint = endpoint
        self._clock = clock
        self._retention = retention
        self._on_trouble = on_trouble
        self._on_recovery = on_recovery
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history-writer")
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="history-reader")
        self._database: Database | None = None
        self._reader: Reader | None = None
        self._backlog: deque[Batch] = deque()
        self._lost = 0
        self._written = 0
        self._error = ""
        self._reopen_at = 0.0
        self._housekeeping_at = 0.0
        self._compacted_hour = -1
        self._to_compact: deque[int] = deque()
        self._to_prune: deque[int] = deque()
        self._turn = asyncio.Lock()
        self._closed = self._resting = False

    # -- writing ------------------------------------------------------------------------------

    @property
    def written(self) -> int:
        """Rows that are safe on disk: they survive a crash of this process."""
        return self._written

    @property
    def lost(self) -> int:
        """Rows that were dropped."""
        return self._lost

    @property
    def failing(self) -> bool:
        """Whether the last write failed."""
        return bool(self._error)

    @property
    def backlog(self) -> int:
        """Rows not written yet."""
        return sum(map(len, self._backlog))

    async def flush(self) -> None:
        """Write what was reported. When it returns without trouble, all of it is safe on disk."""
        async with self._turn:
            if not self._closed:
                self._resting = False
                self._queue(self.recorder.take())
                await self._in(self._writer, self._write_all)

    async def let_go(self) -> None:
        """Write what is left and let go of the store, for another process to write to it.

        The next :meth:`flush` opens it again; a question does not.
        """
        async with self._turn:
            self._resting = True
            if not self._closed and self._database is not None:
                self._queue(self.recorder.take_all())
                await self._in(self._writer, self._write_all)
                await self._in(self._writer, self._let_go)
                self._reopen_at = 0.0

    async def close(self) -> None:
        """Write what is left, minutes under way included, and let go; takes a bounded time."""
        async with self._turn:
            if self._closed:
                return
            self._closed = True
            self._queue(self.recorder.take_all())
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WAITS_S):
                    await self._in(self._writer, self._write_all)
                    await self._in(self._writer, self._let_go)
            self._writer.shutdown(wait=False, cancel_futures=True)
            self._readers.shutdown(wait=False, cancel_futures=True)

    def _queue(self, batch: Batch) -> None:
        if len(batch):
            self._backlog.append(batch)
        while len(self._backlog) > 1 and self.backlog > BACKLOG_MAX:
            self._lost += len(self._backlog.popleft())

    def _write_all(self) -> None:
        now = self._clock.now()
        try:
            database = self._opened(now)
            while self._backlog:
                database.write(self._backlog[0])
                self._written += len(self._backlog.popleft())
            self._keep_small(database, now)
        except HistoryError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose the rest
            self._failed(f"{type(error).__name__}: {error}")
            if self._backlog:
                # a batch that cannot be written at all would block the others for ever
                self._lost += len(self._backlog.popleft())
        else:
            if self._error:
                self._error = ""
                self._on_recovery(f"history is written again; {self._lost} rows were lost")

    def _opened(self, now: float) -> Database:
        if self._database is None:
            if now < self._reopen_at:
                raise HistoryError(self._error)
            self._reopen_at = now + REOPEN_S
            self._database = Database(self._url, self._endpoint)
            self._reader = Reader(self._database)
            if self._database.set_aside is not None:
                self._on_trouble(
                    f"the history was damaged and was set aside as {self._database.set_aside};"
                    " a new one was begun"
                )
        return self._database

    def _failed(self, why: str) -> None:
        if not self._error:
            self._on_trouble(f"{why}. Scaling goes on; what happens meanwhile is kept in memory.")
        self._error = why

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = self._reader = None

    def _keep_small(self, database: Database, now: float) -> None:
        """Pack finished hours and delete what is too old, a little at each turn."""
        hour = int(now // 3600)
        if hour != self._compacted_hour:
            self._compacted_hour = hour
            self._to_compact = deque(database.ids)
        if self._to_compact:
            database.compact(_some(self._to_compact, COMPACTED_AT_ONCE), hour)
        if now < self._housekeeping_at:
            return
        self._housekeeping_at = now + HOUSEKEEPING_S
        database.learn()
        cutoff = now - self._retention.age_s
        tight = database.cutoff_for(self._retention.size_max, now)
        if not self._to_prune or tight:
            self._to_prune = deque(database.ids)
        ids = _some(self._to_prune, len(self._to_prune) if tight else HOUSEKEEPING_APPS)
        if database.forget_before(max(cutoff, tight), ids):
            self._housekeeping_at = now

    # -- reading ------------------------------------------------------------------------------

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Return matching events, newest first."""
        return await self._ask(lambda reader: reader.events(query))

    async def event_at(self, app: AppKey, at: float) -> Event | None:
        """Return the latest stored decision not after a moment."""
        return await self._ask(lambda reader: reader.event_at(app, at))

    async def samples(
        self, app: AppKey, start: float, end: float, *, points: int = 1440
    ) -> tuple[Sample, ...]:
        """Return samples in order of time."""
        return await self._ask(lambda reader: reader.samples(app, start, end, points))

    async def cost(
        self, app: AppKey | None, start: float, end: float, *, fixed_workers: int | None = None
    ) -> Cost:
        """Return what an app took, or all together."""
        return await self._ask(lambda reader: reader.cost(app, start, end, fixed_workers))

    async def health(self) -> HistoryHealth:
        """Return how the store does."""
        oldest, size = None, None
        with suppress(HistoryError):
            oldest = await self._ask(lambda reader: reader.oldest_event())
            size = await self._in(self._readers, self._size)
        return HistoryHealth(
            writing=not self._error,
            error=self._error,
            backlog=self.backlog,
            lost=self._lost,
            oldest=oldest,
            size_bytes=size,
        )

    def _size(self) -> int | None:
        return None if self._database is None else self._database.size()

    async def _ask(self, question: Callable[[Reader], T]) -> T:
        """Write what was reported first, as far as that goes quickly; then ask."""
        if not self._closed and not self._resting:
            writing = asyncio.ensure_future(self.flush())
            await asyncio.wait({writing}, timeout=READ_WAITS_S)
        if self._reader is None:
            raise HistoryError(self._error or "the history is not open yet; try again in a moment")
        return await self._in(self._readers, lambda: question(self._require()))

    def _require(self) -> Reader:
        if self._reader is None:
            raise HistoryError("the history was closed")
        return self._reader

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


def _some(queue: deque[int], count: int) -> list[int]:
    return [queue.popleft() for _ in range(min(count, len(queue)))]
