"""The state store on SQLite: one file, one writer, every intent on disk before its call is sent.

Beside the database stands a small *seal* file. It is locked while a process uses the store, so
that two daemons cannot share one by mistake, and it says whether every intent made it to disk. Its
length never changes: a full disk, which is when an intent is lost, still lets it be overwritten in
place.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Trust
from autoscaler.state.codec import decode, encode

SCHEMA_VERSION = 1
ROWS_AT_ONCE = 128
"""Memories that are encoded in one go: about a millisecond's work."""
BUSY_S = 5.0
"""How long another program that reads the file (a backup, say) is waited for."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
    endpoint TEXT NOT NULL,
    namespace TEXT NOT NULL,
    app TEXT NOT NULL,
    row BLOB NOT NULL,
    PRIMARY KEY (endpoint, namespace, app)
) WITHOUT ROWID
"""
_UPSERT = "INSERT OR REPLACE INTO memory (endpoint, namespace, app, row) VALUES (?, ?, ?, ?)"
_SEAL_WHOLE = b"whole\n"
_SEAL_LOST = b"lost \n"

Run = Callable[..., Awaitable[Any]]
Row = tuple[str, str, str, bytes]
"""Endpoint, namespace, app and encoded memory."""


class StateLockedError(StateError):
    """Another process uses the store."""


class UnwritableError(StateError):
    """A memory cannot be written, whatever the store does."""


class SqliteState:
    """Implements :class:`autoscaler.ports.State` on a file.

    Attributes:
        set_aside: where a corrupt file was moved to; ``None`` if it was good.
    """

    def __init__(self, path: Path, endpoint: str, *, run: Run = asyncio.to_thread) -> None:
        """Open the store, creating file and folders.

        Args:
            path: the database file.
            endpoint: the platform whose apps are kept; rows of others are left alone.
            run: calls a blocking function; a simulation passes one that calls it in place.

        Raises:
            StateLockedError: another process uses it.
            StateError: it cannot be opened or created.
        """
        self._path = path
        self._endpoint = endpoint
        self._run = run
        self._dirty: dict[AppKey, AppMemory] = {}
        self._guard = asyncio.Lock()
        self.set_aside: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            existed = path.exists()
            self._seal = _take_seal(path, existed=existed)
        except OSError as error:
            raise StateError(f"state store {path}: {error.strerror or error}") from error
        try:
            self._db, self._trust = self._open(existed=existed)
        except BaseException as error:
            os.close(self._seal)
            if isinstance(error, (sqlite3.Error, OSError)):
                raise StateError(f"state store {path}: {error}") from error
            raise

    @property
    def trust(self) -> Trust:
        """What the store was like when it was opened."""
        return self._trust

    def trust_of(self, app: AppKey) -> Trust:  # noqa: ARG002 - the same for every app
        """Return the same for every app."""
        return self.trust

    def _open(self, *, existed: bool) -> tuple[sqlite3.Connection, Trust]:
        whole = os.pread(self._seal, len(_SEAL_WHOLE), 0) == _SEAL_WHOLE
        try:
            db, found = _connect(self._path)
        except sqlite3.DatabaseError as error:
            # Only what cannot be read is set aside: a full or locked disk says nothing of the file.
            if not (existed and _is_corrupt(error)):
                raise
            self._set_seal(_SEAL_LOST)
            self.set_aside = _set_aside(self._path)
            return _connect(self._path)[0], Trust.LOST
        if existed and found == 0:
            # An emptied file, or one that a dying process had not finished: no memory is in it.
            self._set_seal(_SEAL_LOST)
            return db, Trust.LOST
        if not whole:
            return db, Trust.LOST
        return db, Trust.WHOLE if existed else Trust.NEW

    async def load(self, app: AppKey) -> AppMemory | None:
        """Return what was written or checkpointed last."""
        if app in self._dirty:
            return decode(encode(self._dirty[app]))
        query = "SELECT row FROM memory WHERE endpoint = ? AND namespace = ? AND app = ?"
        row = await self._call(self._fetch, query, (self._endpoint, *app))
        return None if row is None else decode(row[0])

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        """Write and sync. Where that fails the seal is broken first: a restart will know."""
        self._dirty.pop(app, None)
        try:
            row = encode(memory)
            await self._call(self._write, [(self._endpoint, *app, row)])
        except StateError:
            self._dirty.setdefault(app, memory)
            self._set_seal(_SEAL_LOST)
            raise
        # A flush that failed meanwhile put an older memory back.
        self._dirty.pop(app, None)

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        """Keep the memory for the next flush."""
        self._dirty[app] = memory

    async def flush(self) -> None:
        """Write what was checkpointed until now, some apps at a time; what fails is kept.

        A memory that cannot be encoded keeps only its own app from being written. Ten thousand
        memories at once would stop the loop for a tenth of a second, and intents behind them.
        """
        apps = tuple(self._dirty)
        if not apps:
            return
        trouble: StateError | None = None
        for first in range(0, len(apps), ROWS_AT_ONCE):
            try:
                await self._flush_some(apps[first : first + ROWS_AT_ONCE])
            except UnwritableError as error:
                trouble = error
        if trouble is not None:
            raise trouble
        if not self._dirty:
            # All that was in memory only is on disk now, the intents that failed included.
            self._set_seal(_SEAL_WHOLE)

    async def _flush_some(self, apps: tuple[AppKey, ...]) -> None:
        """Write some apps in one transaction.

        Between taking the memories and the turn to write nothing waits, and turns come in order, so
        an intent that is newer is written later.

        Raises:
            UnwritableError: some cannot be encoded; the others were written.
        """
        dirty = {app: self._dirty.pop(app) for app in apps if app in self._dirty}
        rows, unwritable, trouble = self._encoded(dirty)
        try:
            if rows:
                await self._call(self._write, rows)
        except BaseException:
            self._dirty = dirty | self._dirty
            raise
        self._dirty = unwritable | self._dirty
        if trouble is not None:
            raise UnwritableError(str(trouble)) from trouble

    def _encoded(
        self, dirty: dict[AppKey, AppMemory]
    ) -> tuple[list[Row], dict[AppKey, AppMemory], StateError | None]:
        rows: list[Row] = []
        unwritable: dict[AppKey, AppMemory] = {}
        trouble = None
        for app, memory in dirty.items():
            try:
                rows.append((self._endpoint, *app, encode(memory)))
            except StateError as error:
                unwritable[app] = memory
                trouble = error
        return rows, unwritable, trouble

    async def forget(self, app: AppKey) -> None:
        """Drop the app's row."""
        self._dirty.pop(app, None)
        statement = "DELETE FROM memory WHERE endpoint = ? AND namespace = ? AND app = ?"
        await self._call(self._execute, statement, (self._endpoint, *app))

    async def disown(self) -> None:
        """Drop every row: they are of a time in which another program may have acted."""
        self._set_seal(_SEAL_LOST)
        self._trust = Trust.LOST
        self._dirty.clear()
        await self._call(self._execute, "DELETE FROM memory WHERE endpoint = ?", (self._endpoint,))

    async def close(self) -> None:
        """Flush, close the file and let go of the seal."""
        try:
            await self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file without flushing, as a killed process does."""
        self._db.close()
        os.close(self._seal)

    async def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        async with self._guard:
            try:
                return await self._run(function, *args)
            except (sqlite3.Error, OSError) as error:
                raise StateError(f"state store {self._path}: {error}") from error

    def _fetch(self, query: str, values: tuple[str, ...]) -> Any:
        return self._db.execute(query, values).fetchone()

    def _write(self, rows: list[Row]) -> None:
        with self._db:
            self._db.executemany(_UPSERT, rows)

    def _execute(self, statement: str, values: tuple[str, ...]) -> None:
        with self._db:
            self._db.execute(statement, values)

    def _set_seal(self, text: bytes) -> None:
        try:
            if os.pread(self._seal, len(text), 0) != text:
                os.pwrite(self._seal, text, 0)
                os.fsync(self._seal)
        except OSError:
            # Then the file system is gone altogether, and the next start finds no store at all.
            return


def _take_seal(path: Path, *, existed: bool) -> int:
    seal = os.open(path.with_name(path.name + ".seal"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(seal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(seal).st_size == 0:
            # A store without its seal may have lost anything.
            os.pwrite(seal, _SEAL_LOST if existed else _SEAL_WHOLE, 0)
            os.fsync(seal)
    except BlockingIOError:
        os.close(seal)
        raise StateLockedError(
            f"state store {path} is in use by another autoscaler; stop it, or give this one a"
            " state.path of its own"
        ) from None
    except OSError:
        os.close(seal)
        raise
    return seal


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _connect(path: Path) -> tuple[sqlite3.Connection, int]:
    """Return the open database, and the schema that was found in it (0 for none)."""
    db = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_S)
    try:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        found = _check(db, path)
        with db:
            db.execute(_SCHEMA)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        db.close()
        raise
    return db, found


def _check(db: sqlite3.Connection, path: Path) -> int:
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("the integrity check failed")
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > SCHEMA_VERSION:
        raise StateError(
            f"state store {path} was written by a newer version (schema {found}, this one"
            f" knows {SCHEMA_VERSION}); upgrade, or give this version a state.path of its own"
        )
    return found


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside
