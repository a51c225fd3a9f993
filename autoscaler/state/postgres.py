"""The state store on PostgreSQL: one for all replicas, each row written by whoever may.

A *part* is what one lease is about: a shard of the apps, or all of them. Its row in the table of
reigns names the writer, and every write checks it in the same transaction: a process that slept
while another took over writes nothing any more. The same row says whether what is stored is all of
what the last writer did: it was closed in order, or the writer was alive, and had nothing left
to write, until a short while before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Clock, Term, Trust
from autoscaler.state.codec import decode, encode
from autoscaler.state.tables import SCHEMA_VERSION, memories, metadata, reigns, versions

ROWS_AT_ONCE = 128
"""Memories that are encoded and written in one go: about a millisecond's work of the loop."""
LIMIT_S = 3.0
"""Longest wait for the database; a scale call waits no longer for its intent."""
BEGIN_LIMIT_S = 10.0
"""Longest wait when a term begins, which may have to make the tables."""
PAUSE_S = 5.0
"""After the database did not answer, intents are kept in memory for so long without asking it."""
_PREPARING = 8_315_002_418
"""Advisory lock: one at a time makes the tables."""
_T = TypeVar("_T")


class _FencedError(Exception):
    """Another writer has the part."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one lease is about. ``shards``: into how many the apps are split; ``index``: from 0."""

    index: int = 0
    shards: int = 1


class StateDatabase:
    """The connections to the database; one thread writes, in the order of asking."""

    def __init__(self, url: URL, clock: Clock) -> None:
        """Connect to nothing yet."""
        self.name = f"state database {url.render_as_string(hide_password=True)}"
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state-database")
        self._engine = _engine(url)
        self._prepared = False
        self._down_until = 0.0

    async def call(
        self,
        work: Callable[[Connection], _T],
        *,
        patient: bool = True,
        limit_s: float = LIMIT_S,
    ) -> _T:
        """Run ``work`` in one transaction.

        Args:
            work: what to do; not repeated.
            patient: whether to ask a database that did not answer a moment ago.
            limit_s: the longest wait.

        Raises:
            StateError: it could not be done; it may have been done all the same.
        """
        if not patient and self._clock.now() < self._down_until:
            raise StateError(f"{self.name}: it did not answer a moment ago")
        try:
            async with asyncio.timeout(limit_s):
                done = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._transact, work
                )
        except TimeoutError:
            why = f"no answer within {limit_s:g} s"
        except _FencedError:
            raise StateError(f"{self.name}: another replica writes for this shard now") from None
        except (SQLAlchemyError, OSError) as error:
            # The driver's own words only: SQLAlchemy's would quote the statement.
            why = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        else:
            self._down_until = 0.0
            return done
        self._down_until = self._clock.now() + PAUSE_S
        raise StateError(f"{self.name}: {why}") from None

    def _transact(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.begin() as db:
            if not self._prepared:
                self._prepare(db)
            done = work(db)
        self._prepared = True
        return done

    def _prepare(self, db: Connection) -> None:
        """Make the tables where there are none.

        Raises:
            StateError: a newer version made them.
        """
        db.execute(select(func.pg_advisory_xact_lock(_PREPARING)))
        metadata.create_all(db)
        found = db.execute(select(versions.c.version)).scalar()
        if found is None:
            db.execute(insert(versions).values(version=SCHEMA_VERSION))
        elif found > SCHEMA_VERSION:
            raise StateError(
                f"{self.name} was written by a newer version (schema {found}, this one knows"
                f" {SCHEMA_VERSION}); upgrade, or give this version a database of its own"
            )

    def close(self) -> None:
        """Let go of every connection, once what was asked for is done."""
        self._thread.submit(self._engine.dispose)
        self._thread.shutdown(wait=False)


def _engine(url: URL) -> Engine:
    limit_ms = int(LIMIT_S * 1000)
    return create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args={
            "connect_timeout": max(2, int(LIMIT_S)),
            "options": f"-c statement_timeout={limit_ms} -c lock_timeout={limit_ms}"
            # A writer that was frozen in the middle keeps nobody from taking over.
            f" -c idle_in_transaction_session_timeout={limit_ms}",
            # A server that vanished without a word is noticed as soon.
            "tcp_user_timeout": limit_ms,
            "application_name": "autoscaler",
        },
    )


class PostgresState:
    """Implements :class:`autoscaler.ports.State` on one part of a database.

    Attributes:
        proven: whether it holds all that the term before did.
    """

    def __init__(
        self,
        database: StateDatabase,
        endpoint: str,
        *,
        part: Part = Part(),
        clock: Clock,
        doubt_s: float = 0.0,
        fresh_s: float = 60.0,
    ) -> None:
        """Touch nothing yet; :meth:`begin` opens it.

        Args:
            database: where.
            endpoint: the platform whose apps are kept; rows of others are left alone.
            part: what our lease is about.
            clock: the time.
            doubt_s: how long after a start without proof the store is no proof for a successor:
                the longest that an order of which nothing is known may be open.
            fresh_s: how long ago the last writer may have been seen where it did not close in
                order: a failover and two flushes take less.
        """
        self._database = database
        self._endpoint = endpoint
        self._part = part
        self._clock = clock
        self._doubt_s = doubt_s
        self._fresh_s = fresh_s
        self._writer = ""
        self._dirty: dict[AppKey, AppMemory] = {}
        self._prove_at = float("inf")
        self._trust = Trust.LOST
        self.proven = False

    @property
    def trust(self) -> Trust:
        """What the store was like when the term began."""
        return self._trust

    def trust_of(self, app: AppKey) -> Trust:  # noqa: ARG002 - the same for every app
        """Return the same for every app."""
        return self._trust

    async def begin(self, term: Term | None) -> bool:
        """Become the only writer of the part; return whether what is stored is to be believed.

        Args:
            term: ours; ``None`` for a daemon without other replicas, which believes whoever wrote
                before.

        Raises:
            StateError: the database cannot be used, or a later term has it already.
        """
        name, before = (f"alone:{uuid4().hex}", None) if term is None else (term.name, term.before)
        found = await self._database.call(
            lambda db: self._begin(db, name, before), limit_s=BEGIN_LIMIT_S
        )
        self._writer = name
        self.proven = found is Trust.WHOLE
        self._trust = found
        alone_and_new = term is None and found is Trust.NEW
        wait_s = 0.0 if self.proven or alone_and_new else self._doubt_s
        self._prove_at = self._clock.now() + wait_s
        return self.proven

    def _begin(self, db: Connection, name: str, before: str | None) -> Trust:
        row = self._reign(db)
        if row is not None and _is_after(row.writer, name):
            raise _FencedError
        trust = Trust.NEW if row is None and before is None else Trust.LOST
        if row is not None and (before is None or row.proof == before):
            whole = row.closed or row.age_s <= self._fresh_s
            trust = Trust.WHOLE if row.proof and whole else Trust.LOST
        # What was split in another way is of another time for good.
        others = (reigns.c.endpoint == self._endpoint) & (reigns.c.shards != self._part.shards)
        db.execute(update(reigns).where(others).values(proof="", writer=""))
        key = {"endpoint": self._endpoint, "part": self._part.index, "shards": self._part.shards}
        proof = name if trust is Trust.WHOLE else ""
        ours = {"writer": name, "proof": proof, "closed": False, "seen_at": func.now()}
        made = insert(reigns).values(**key, **ours)
        db.execute(made.on_conflict_do_update(index_elements=list(key), set_=ours))
        if trust is not Trust.WHOLE:
            db.execute(delete(memories).where(*self._rows()))
        return trust

    def _reign(self, db: Connection) -> Any:
        age_s = func.extract("epoch", func.now() - reigns.c.seen_at).label("age_s")
        query = select(reigns.c.writer, reigns.c.proof, reigns.c.closed, age_s)
        return db.execute(query.where(*self._key()).with_for_update()).one_or_none()

    def _key(self) -> tuple[Any, ...]:
        mine = reigns.c.endpoint == self._endpoint, reigns.c.part == self._part.index
        return (*mine, reigns.c.shards == self._part.shards)

    def _rows(self) -> tuple[Any, ...]:
        mine = memories.c.endpoint == self._endpoint, memories.c.part == self._part.index
        return (*mine, memories.c.shards == self._part.shards)

    # -- reading and writing ------------------------------------------------------------------

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what was written or checkpointed last."""
        if app in self._dirty:
            return decode(encode(self._dirty[app]))
        query = select(memories.c.row).where(*self._rows(), *_of(app))
        row = await self._database.call(lambda db: db.execute(query).scalar(), patient=False)
        return None if row is None else decode(row)

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Write at once. What fails is kept for the next flush, and no successor believes us."""
        self._dirty.pop(app, None)
        try:
            rows = [self._row(app, memory)]
            await self._database.call(lambda db: self._write(db, rows), patient=False)
        except BaseException:
            self._dirty.setdefault(app, memory)
            raise
        # A flush that failed meanwhile put an older memory back.
        self._dirty.pop(app, None)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush."""
        self._dirty[app] = memory

    async def flush(self) -> None:
        """Write what was checkpointed until now, some apps at a time; what fails is kept.

        Where nothing is left, say that we are alive and have written everything.
        """
        apps = tuple(self._dirty)
        trouble: StateError | None = None
        for first in range(0, len(apps), ROWS_AT_ONCE):
            trouble = await self._flush_some(apps[first : first + ROWS_AT_ONCE]) or trouble
        if trouble is not None:
            raise trouble
        if self._writer:
            await self._database.call(lambda db: self._seen(db, closed=False))

    async def _flush_some(self, apps: tuple[AppKey, ...]) -> StateError | None:
        """Write some apps in one transaction; return what kept one of them from being encoded.

        Raises:
            StateError: none was written.
        """
        dirty = {app: self._dirty.pop(app) for app in apps if app in self._dirty}
        rows, trouble = [], None
        unwritable: dict[AppKey, AppMemory] = {}
        for app, memory in dirty.items():
            try:
                rows.append(self._row(app, memory))
            except StateError as error:
                unwritable[app], trouble = memory, error
        try:
            if rows:
                await self._database.call(lambda db: self._write(db, rows))
        except BaseException:
            self._dirty = dirty | self._dirty
            raise
        self._dirty = unwritable | self._dirty
        return trouble

    def _row(self, app: AppKey, memory: AppMemory) -> dict[str, Any]:
        return {
            "endpoint": self._endpoint,
            "namespace": app.namespace,
            "app": app.name,
            "part": self._part.index,
            "shards": self._part.shards,
            "row": encode(memory),
        }

    def _write(self, db: Connection, rows: list[dict[str, Any]]) -> None:
        self._check_writer(db)
        made = insert(memories)
        new = {name: made.excluded[name] for name in ("part", "shards", "row")}
        key = ["endpoint", "namespace", "app"]
        db.execute(made.on_conflict_do_update(index_elements=key, set_=new), rows)

    def _check_writer(self, db: Connection) -> None:
        """Hold the part's row until the end of the transaction, if it is ours.

        Raises:
            _FencedError: another writer has it.
        """
        mine = select(reigns.c.writer).where(*self._key()).with_for_update(read=True)
        if not self._writer or db.execute(mine).scalar() != self._writer:
            raise _FencedError

    def _seen(self, db: Connection, *, closed: bool) -> None:
        values: dict[str, Any] = {"seen_at": func.now(), "closed": closed}
        if self._clock.now() >= self._prove_at:
            values["proof"] = self._writer
        mine = reigns.c.writer == self._writer
        db.execute(update(reigns).where(*self._key(), mine).values(**values))

    async def forget(self, app: AppKey) -> None:
        """Drop the app's row."""
        self._dirty.pop(app, None)
        gone = delete(memories).where(*self._rows(), *_of(app))

        def forget(db: Connection) -> None:
            self._check_writer(db)
            db.execute(gone)

        await self._database.call(forget)

    async def close(self) -> None:
        """Flush, and say that everything is written; the next writer may come at any time."""
        await self.flush()
        if self._writer:
            await self._database.call(lambda db: self._seen(db, closed=True))
        self._writer = ""


def _is_after(writer: str, name: str) -> bool:
    """Whether a writer's term is a later one of the same lease."""
    (lease, _, number), (ours, _, mine) = writer.rpartition(":"), name.rpartition(":")
    return bool(lease) and lease == ours and number.isdigit() and int(number) > int(mine)


def _of(app: AppKey) -> tuple[Any, ...]:
    return memories.c.namespace == app.namespace, memories.c.app == app.name
