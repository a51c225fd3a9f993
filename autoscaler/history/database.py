"""Writes to the tables and keeps them small. Blocking: for a thread of its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, delete, func, insert, make_url, select, text, tuple_
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from autoscaler.history.files import is_damaged, make_engine, move_aside, take_lock, words_of
from autoscaler.history.minutes import Minute
from autoscaler.history.packing import (
    pack_event,
    pack_hour,
    pack_minute,
    unpack_hour,
    unpack_minute,
    without_columns,
)
from autoscaler.history.rows import Batch, EventRow
from autoscaler.history.schema import apps, events, hours, minutes, spend
from autoscaler.history.sums import merge_minutes, sums_of
from autoscaler.history.tables import Tables
from autoscaler.history.versions import migrate
from autoscaler.model import AppKey
from autoscaler.model.errors import HistoryError

T = TypeVar("T")

WRITTEN_AT_ONCE = 500
DELETED_AT_ONCE = 2000
_PAGES_VACUUMED = 2000
_OLDEST_PART = 0.05
"""Part of the time kept that goes at once where the store is too large."""
_MIGRATING = 8_315_002_417
"""PostgreSQL advisory lock: one at a time brings the tables up to date."""
_TIDYING = 8_315_002_419
"""Likewise: of several replicas one at a time packs hours and deletes what is old."""


class Database(Tables):
    """The writer's side.

    Attributes:
        set_aside: where a damaged file was moved; ``None`` if it was not.
    """

    def __init__(self, url: URL | str, endpoint: str) -> None:
        """Open the store, and bring its tables up to date.

        Raises:
            HistoryLockedError: another process writes to the file.
            NewerHistoryError: a newer version wrote it.
            HistoryError: it cannot be opened.
        """
        address = make_url(url)
        super().__init__(address, make_engine(address), endpoint, {})
        self._lock: int | None = None
        self._written_to: dict[int, int] = {}
        self.set_aside: Path | None = None
        self._file = Path(address.database or "") if self.is_sqlite else None
        if self._file is not None:
            self._lock = take_lock(self._file)
        try:
            self.engine = self._open()
        except BaseException:
            self._release()
            raise

    def _open(self) -> Engine:
        engine = make_engine(self._url)
        try:
            self._prepare(engine)
        except DatabaseError as error:
            engine.dispose()
            if self._file is None or not is_damaged(error):
                raise HistoryError(f"{self}: {words_of(error)}") from error
            self.set_aside = move_aside(self._file)
            engine = make_engine(self._url)
            self._prepare(engine)
        except (SQLAlchemyError, OSError) as error:
            engine.dispose()
            raise HistoryError(f"{self}: {words_of(error)}") from error
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _prepare(self, engine: Engine) -> None:
        with engine.begin() as db:
            if self.is_sqlite:
                found = db.execute(text("PRAGMA quick_check(1)")).scalar()
                if found != "ok":
                    raise DatabaseError(str(found), None, sqlite3.DatabaseError(str(found)))
            else:
                db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
            migrate(db, str(self))
            self._ids = self._all_known(db)

    def _all_known(self, db: Connection) -> dict[AppKey, int]:
        known = select(apps).where(apps.c.endpoint == self.endpoint)
        return {AppKey(row.namespace, row.name): row.id for row in db.execute(known)}

    def learn(self) -> None:
        """Take in the apps that other replicas have written of.

        Raises:
            HistoryError: it could not be read.
        """
        if self.is_sqlite:
            return
        try:
            with self.engine.connect() as db:
                self._ids.update(self._all_known(db))
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error

    def close(self) -> None:
        """Let go of the store."""
        super().close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _ids_of(self, db: Connection, wanted: Iterable[AppKey]) -> dict[AppKey, int]:
        """Return the ids of these apps; those that have none yet get one."""
        found = {app: self._ids[app] for app in wanted if app in self._ids}
        for part in _parts([app for app in wanted if app not in found]):
            found |= self._known(db, part)
            missing = [
                {"endpoint": self.endpoint, "namespace": app.namespace, "name": app.name}
                for app in part
                if app not in found
            ]
            if missing:
                db.execute(insert(apps), missing)
                found |= self._known(db, part)
        return found

    def _known(self, db: Connection, some: Sequence[AppKey]) -> dict[AppKey, int]:
        """Return the ids that these apps have, by the very keys that were given."""
        ours = {app: app for app in some}
        named = apps.c.name.in_([app.name for app in some])
        rows = db.execute(select(apps).where(apps.c.endpoint == self.endpoint, named))
        told = ((AppKey(row.namespace, row.name), row.id) for row in rows)
        return {ours[app]: number for app, number in told if app in ours}

    # -- writing ------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write a batch, whole or not at all.

        Raises:
            HistoryError: it could not be written.
        """
        try:
            with self.engine.begin() as db:
                named = (*(row.app for row in batch.events), *(app for app, _ in batch.minutes))
                found = self._ids_of(db, dict.fromkeys(named))
                for some in _parts(batch.events):
                    db.execute(insert(events), [_event_row(found[row.app], row) for row in some])
                self._write_minutes(db, [(found[app], minute) for app, minute in batch.minutes])
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error
        # only now: what a failed transaction made has no id
        self._ids.update(found)
        for app, minute in batch.minutes:
            self._written_to[found[app]] = minute.at

    def _write_minutes(self, db: Connection, rows: Sequence[tuple[int, Minute]]) -> None:
        """Add minutes; the first of a process may continue one that the last process wrote."""
        new: dict[tuple[int, int], Minute] = {}
        for app_id, minute in rows:
            key = (app_id, minute.at)
            new[key] = merge_minutes(new[key], minute) if key in new else minute
        # in a shared database another replica may have begun the minute: an app comes and goes
        perhaps = [
            key
            for key in new
            if not self.is_sqlite or key[1] <= self._written_to.get(key[0], key[1])
        ]
        for some in _parts(perhaps):
            self._continue(db, new, some)
        for fresh in _parts(list(new.items())):
            db.execute(
                insert(minutes),
                [
                    {"app_id": app_id, "at": at, "body": pack_minute(minute)}
                    for (app_id, at), minute in fresh
                ],
            )

    def _continue(
        self,
        db: Connection,
        new: dict[tuple[int, int], Minute],
        perhaps: Sequence[tuple[int, int]],
    ) -> None:
        """Merge what is there of some minutes into the new, in place of it."""
        theirs = tuple_(minutes.c.app_id, minutes.c.at).in_(perhaps)
        taken = delete(minutes).where(theirs).returning(*minutes.c)
        for app_id, at, body in db.execute(taken).all():
            new[app_id, at] = merge_minutes(unpack_minute(body), new[app_id, at])

    # -- keeping it small ---------------------------------------------------------------------

    def compact(self, app_ids: Iterable[int], before: int) -> None:
        """Put the minutes before an epoch hour into rows of hours, with their sums.

        Raises:
            HistoryError: it could not be done; nothing is lost.
        """
        try:
            with self.engine.begin() as db:
                self._await_turn(db)
                for app_id in app_ids:
                    self._compact(db, app_id, before)
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error

    def _await_turn(self, db: Connection) -> None:
        if not self.is_sqlite:
            db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TIDYING})

    def _compact(self, db: Connection, app_id: int, before: int) -> None:
        old = (minutes.c.app_id == app_id) & (minutes.c.at < before * 60)
        by_hour: dict[int, list[bytes]] = {}
        # read and deleted in one: what another replica writes meanwhile is neither
        taken = db.execute(delete(minutes).where(old).returning(minutes.c.at, minutes.c.body))
        for at, body in sorted((row.at, row.body) for row in taken):
            by_hour.setdefault(at // 60, []).append(body)
        for hour, bodies in by_hour.items():
            there = (hours.c.app_id == app_id) & (hours.c.at == hour)
            row = db.execute(select(hours.c.body).where(there)).scalar()
            if row is not None:
                # a minute that came late, or a process that ended in the middle of the hour
                bodies = _with_earlier(unpack_hour(row), bodies)  # noqa: PLW2901
                db.execute(delete(hours).where(there))
                db.execute(delete(spend).where(spend.c.app_id == app_id, spend.c.at == hour))
            db.execute(insert(hours).values(app_id=app_id, at=hour, body=pack_hour(bodies)))
            sums = sums_of(map(unpack_minute, bodies))
            db.execute(insert(spend).values(app_id=app_id, at=hour, **sums._asdict()))

    def forget_before(self, cutoff: float, app_ids: Iterable[int]) -> bool:
        """Delete what is older than a time (epoch seconds), a part at a time.

        Returns whether events are left that should go.

        Raises:
            HistoryError: it could not be done.
        """
        try:
            with self.engine.begin() as db:
                self._await_turn(db)
                # ids grow with time: only the oldest need a look
                first = select(events.c.id, events.c.at).order_by(events.c.id)
                oldest = db.execute(first.limit(DELETED_AT_ONCE)).all()
                ids = [row.id for row in oldest if row.at < cutoff]
                if ids:
                    db.execute(delete(events).where(events.c.id.in_(ids)))
                for app_id in app_ids:
                    for table in (hours, spend):
                        past = (table.c.app_id == app_id) & (table.c.at < cutoff // 3600)
                        db.execute(delete(table).where(past))
            if self.is_sqlite:
                with self.engine.connect() as db:
                    # it frees a page a step, and SQLAlchemy takes it for a statement without rows
                    cursor = db.connection.cursor()
                    cursor.execute(f"PRAGMA incremental_vacuum({_PAGES_VACUUMED})")
                    cursor.fetchall()
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error
        return len(ids) == DELETED_AT_ONCE

    def oldest(self) -> float | None:
        """Return the time of the oldest event or hour, epoch seconds; ``None`` for an empty store.

        Raises:
            HistoryError: it could not be read.
        """
        try:
            with self.engine.connect() as db:
                first = select(events.c.at).order_by(events.c.id).limit(1)
                of_events = db.execute(first).scalar()
                of_hours = db.execute(select(func.min(spend.c.at))).scalar()
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error
        found = [at for at in (of_events, of_hours and of_hours * 3600.0) if at is not None]
        return min(found, default=None)

    def cutoff_for(self, size_max: int, now: float) -> float:
        """Return before which time (epoch seconds) all must go for want of space; 0 if nothing.

        Only a file is bounded by size: PostgreSQL keeps the space of deleted rows for new ones, so
        its size would never fall, and everything would go.
        """
        if not self.is_sqlite or self.size() <= size_max:
            return 0.0
        oldest = self.oldest()
        return 0.0 if oldest is None else oldest + (now - oldest) * _OLDEST_PART

    def size(self) -> int:
        """Return the bytes that are in use.

        Raises:
            HistoryError: it could not be read.
        """
        try:
            with self.engine.connect() as db:
                if not self.is_sqlite:
                    tables = ("app", "event", "minute", "hour", "spend")
                    query = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
                    sizes = [db.execute(query, {"name": name}).scalar() for name in tables]
                    return sum(int(each or 0) for each in sizes)
                pragma = ("page_count", "freelist_count", "page_size")
                count, free, size = (
                    int(db.execute(text(f"PRAGMA {name}")).scalar() or 0) for name in pragma
                )
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self}: {words_of(error)}") from error
        return (count - free) * size


def _parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield a sequence in parts that a statement can take, and memory does not notice."""
    for start in range(0, len(whole), WRITTEN_AT_ONCE):
        yield whole[start : start + WRITTEN_AT_ONCE]


def _event_row(app_id: int, row: EventRow) -> dict[str, object]:
    return {
        "app_id": app_id,
        "at": row.at,
        "kind": row.kind,
        "action": row.action,
        "reason": row.reason,
        "message": row.message,
        "body": pack_event(without_columns(row.fields(), row.columns())),
    }


def _with_earlier(earlier: Iterable[Minute], bodies: Iterable[bytes]) -> list[bytes]:
    by_minute = {minute.at: minute for minute in earlier}
    for minute in map(unpack_minute, bodies):
        known = by_minute.get(minute.at)
        by_minute[minute.at] = minute if known is None else merge_minutes(known, minute)
    return [pack_minute(by_minute[at]) for at in sorted(by_minute)]
