"""The lease of replicas outside Kubernetes: a folder that they share.

Each version of the lease is a file named by its number. Writing one is making the next number's
file by a hard link, which the file system does for one writer only. No lock is held at any time,
so a process that is frozen in the middle of a write keeps nobody from taking over. The lease is
therefore as good as the folder's file system: local disks and NFS will do, object stores will not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import msgspec

from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Lease, LeaseRecord

KEEP = 5
"""Versions that are kept, so that a reader finds the file that it has just seen listed."""
_DIGITS = 12

Run = Callable[..., Awaitable[Any]]
_T = TypeVar("_T")


class _Written(msgspec.Struct, frozen=True):
    """What a version's file holds."""

    id: str
    record: LeaseRecord


def _look_at(done: asyncio.Future[Any]) -> None:
    """Take the result of a call that nobody waits for any more."""
    if not done.cancelled():
        done.exception()


class FileLease:
    """Implements :class:`autoscaler.ports.LeaseStore` on a folder."""

    def __init__(self, folder: Path, *, run: Run = asyncio.to_thread) -> None:
        """Take the folder, which is made where it is missing."""
        self._folder = folder
        self._run = run
        self._busy: asyncio.Future[Any] | None = None

    async def read(self) -> Lease | None:
        """Return the newest version."""
        return await self._call(self._read)

    async def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        """Make the version after the one that was read."""
        return await self._call(self._write, record, over)

    async def aclose(self) -> None:
        """Do nothing: no file stays open."""

    async def _call(self, function: Callable[..., _T], *args: Any) -> _T:
        # One at a time: a file system that hangs takes one thread, not all of them.
        if self._busy is not None and not self._busy.done():
            raise LeaseError(f"lease {self._folder}: the file system does not answer")
        call: asyncio.Future[_T] = asyncio.ensure_future(self._run(function, *args))
        call.add_done_callback(_look_at)
        self._busy = call
        try:
            return await asyncio.shield(call)
        except OSError as error:
            why = error.strerror or str(error)
            raise LeaseError(f"lease {self._folder}: {why}") from error

    def _versions(self) -> list[int]:
        try:
            names = [file.name for file in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdigit())

    def _read(self) -> Lease | None:
        versions = self._versions()
        if not versions:
            return None
        newest = versions[-1]
        try:
            written = msgspec.json.decode(self._file(newest).read_bytes(), type=_Written)
        except FileNotFoundError:
            raise LeaseError(f"lease {self._folder}: it changed while it was read") from None
        except (msgspec.MsgspecError, ValueError) as error:
            raise LeaseError(
                f"lease {self._file(newest)} cannot be read ({error}); stop all replicas and"
                " remove the file"
            ) from error
        return Lease(written.id, str(newest), written.record)

    def _write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        version = 1 if over is None else int(over.version) + 1
        written = _Written(uuid4().hex if over is None else over.id, record)
        new = self._folder / f"new-{uuid4().hex}"
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(written))
                file.flush()
                os.fsync(file.fileno())
            os.link(new, self._file(version))
        except FileExistsError:
            raise LeaseTaken("another replica wrote the lease since it was read") from None
        finally:
            new.unlink(missing_ok=True)
        return self._settle(version, written)

    def _settle(self, version: int, written: _Written) -> Lease:
        """Make sure that ours is the newest, and remove old ones.

        A writer that slept may have made a number again that had long been used and removed.
        """
        versions = self._versions()
        if versions[-1:] != [version]:
            self._file(version).unlink(missing_ok=True)
            raise LeaseTaken("another replica wrote the lease since it was read")
        for old in versions[:-KEEP]:
            self._file(old).unlink(missing_ok=True)
        return Lease(written.id, str(version), written.record)

    def _file(self, version: int) -> Path:
        return self._folder / f"{version:0{_DIGITS}d}"


class FileBoard:
    """Implements :class:`autoscaler.ports.LeaseBoard` on a folder: each lease is a folder in it.

    The folder itself may be the lease of a single leader.
    """

    def __init__(self, folder: Path, single: str, *, run: Run = asyncio.to_thread) -> None:
        """Take the folder, and by which name the lease that it is itself shall be known."""
        self._folder = folder
        self._single = single
        self._run = run
        self._readers: dict[str, FileLease] = {}

    async def list(self) -> Mapping[str, Lease]:
        """Return every lease below the folder."""
        try:
            names = await self._run(self._names)
        except OSError as error:
            why = error.strerror or str(error)
            raise LeaseError(f"leases in {self._folder}: {why}") from error
        found = {name: await self._read(name) for name in (self._single, *names)}
        return {name: lease for name, lease in found.items() if lease is not None}

    def lease(self, name: str) -> FileLease:
        """Return the way to one lease."""
        folder = self._folder if name == self._single else self._folder / name
        return FileLease(folder, run=self._run)

    async def aclose(self) -> None:
        """Do nothing: no file stays open."""

    def _names(self) -> tuple[str, ...]:
        if not self._folder.exists():
            return ()
        return tuple(entry.name for entry in self._folder.iterdir() if entry.is_dir())

    async def _read(self, name: str) -> Lease | None:
        # Readers of their own: one that is writing has no turn for a listing.
        reader = self._readers.setdefault(name, self.lease(name))
        try:
            return await reader.read()
        except LeaseError:
            # It changed while it was read.
            return await reader.read()
