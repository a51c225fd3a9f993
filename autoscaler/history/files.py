"""The file or server behind the tables: connections, the writer's lock, damage."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from autoscaler.model.errors import HistoryError

BUSY_MS = 2000
"""So long a writer waits for somebody else's lock, milliseconds."""

CACHE_KIB = 512
"""Pages that a connection keeps, KiB: rows are added at the end and seldom read again."""


class HistoryLockedError(HistoryError):
    """Another process writes to this file."""


def make_engine(url: URL) -> Engine:
    """Return connections to the store; nothing is opened yet."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=2, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connected(db: sqlite3.Connection, _: object) -> None:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")

    return engine


def take_lock(file: Path) -> int:
    """Take the writer's place at a file; return the lock, to be closed at the end.

    Raises:
        HistoryLockedError: somebody has it.
        HistoryError: the folder cannot be used.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HistoryError(f"history {file} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise HistoryLockedError(
            f"history {file} is in use by another autoscaler; stop it, or give this one a"
            " history.path of its own"
        ) from None
    return lock


def is_damaged(error: DatabaseError) -> bool:
    """Whether the file is no database, or a broken one."""
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def move_aside(file: Path) -> Path:
    """Put a damaged file out of the way; return where it is now."""
    number = 1
    while (aside := file.with_name(f"{file.name}.corrupt-{number}")).exists():
        number += 1
    file.rename(aside)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    return aside


def words_of(error: Exception) -> str:
    """Return what happened; of a database error only the driver's own words."""
    told = getattr(error, "orig", None) or error
    return " ".join(str(told).split())[:300] or type(told).__name__
