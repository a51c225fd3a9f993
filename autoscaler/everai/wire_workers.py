"""The rows of a worker list, decoded and checked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from sys import intern
from typing import Any

import msgspec

from autoscaler.everai import wire_values
from autoscaler.everai.text import safe_text
from autoscaler.everai.wire_values import ABSURD, time
from autoscaler.model import Worker, WorkerState, classify
from autoscaler.model.frozen import maker

_worker = maker(Worker)
_Number = int | float | str | None

_STATUSES = frozenset(
    {
        "STATUS_UNSPECIFIED",
        "STATUS_INITIALIZED",
        "STATUS_CREATED",
        "STATUS_PENDING",
        "STATUS_RUNNING",
        "STATUS_TERMINATING",
        "STATUS_TERMINATED",
        "STATUS_ERROR",
        "STATUS_UNAVAILABLE",
    }
)
_DETAILS = frozenset(
    {
        "DETAIL_STATUS_UNSPECIFIED",
        "DETAIL_STATUS_IN_FLIGHT",
        "DETAIL_STATUS_REMOVE",
        "DETAIL_STATUS_ROLLIN",
        "DETAIL_STATUS_BUSY",
        "DETAIL_STATUS_FREE",
    }
)
_STATES: dict[tuple[str | None, str | None], WorkerState] = {
    (status, detail): classify(status, detail) for status in _STATUSES for detail in _DETAILS
}
_NOTES_MAX = 20
_ID_MAX = 256


class WireWorker(msgspec.Struct, rename="camel"):
    """One row, as far as it is used; a field left out is ``None``."""

    id: str | None = None
    status: str | None = None
    detail_status: str | None = None
    created_at: str | None = None
    deleted_at: str | None = None
    last_serve_at: str | None = None
    success_count: _Number = None
    failed_count: _Number = None
    session_number: _Number = None
    app_revision: str | int | None = None
    replace_worker_id: str | None = None
    gpu_model: str | None = None
    gpu_name: str | None = msgspec.field(default=None, name="GPUName")
    gpu_num: _Number = None


class Notes:
    """What is wrong or odd about one list; each note once, and no more than people can read."""

    def __init__(self) -> None:
        self._problems: dict[str, None] = {}
        self._oddities: dict[str, None] = {}

    def problem(self, text: str) -> None:
        """Note a contradiction."""
        self._problems[text] = None

    def oddity(self, text: str) -> None:
        """Note something this version does not know."""
        self._oddities[text] = None

    def count(self, name: str, value: Any, worker_id: str = "") -> int:
        """Return a count; one that makes no sense is a problem, and 0."""
        try:
            return wire_values.count(value)
        except ValueError as error:
            self.problem(f"{_whose(worker_id)}{name} {error}")
            return 0

    def time(self, name: str, value: str | None, worker_id: str = "") -> float | None:
        """Return epoch seconds; a text that is no time is a problem, and ``None``."""
        try:
            return wire_values.time(value)
        except ValueError as error:
            self.problem(f"{_whose(worker_id)}{name} {error}")
            return None

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems in the order found."""
        return _shortened(self._problems)

    @property
    def oddities(self) -> tuple[str, ...]:
        """The oddities in the order found."""
        return _shortened(self._oddities)


def _whose(worker_id: str) -> str:
    return f"worker {worker_id}: " if worker_id else ""


def _shortened(notes: Iterable[str]) -> tuple[str, ...]:
    every = tuple(notes)
    if len(every) <= _NOTES_MAX:
        return every
    return (*every[:_NOTES_MAX], f"and {len(every) - _NOTES_MAX} more")


class Rows:
    """The rows of one list on their way to workers: a part at a time, where they are many.

    Each worker is taken once, in the order of the list; a row without a usable id is left out.

    Attributes:
        notes: what is wrong or odd about the rows read so far.
    """

    def __init__(self, rows: Sequence[WireWorker]) -> None:
        self.notes = Notes()
        self._rows = rows
        self._workers: dict[str, Worker] = {}

    def read(self) -> None:
        """Read all that are left."""
        for _ in self.in_parts(len(self._rows)):
            pass

    def in_parts(self, count: int) -> Iterator[None]:
        """Read so many at a time, and yield before each further part."""
        for start in range(0, len(self._rows), max(1, count)):
            if start:
                yield
            for row in self._rows[start : start + count]:
                worker = _read(row, self.notes)
                if worker is None:
                    continue
                known = self._workers.setdefault(worker.id, worker)
                if known is not worker:
                    self._twice(known, worker)

    def _twice(self, known: Worker, worker: Worker) -> None:
        if known == worker:
            self.notes.oddity(f"worker {worker.id} is listed twice, both times the same")
        else:
            self.notes.problem(f"worker {worker.id} is listed twice, with different values")

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers read so far."""
        return tuple(self._workers.values())


def _read(row: WireWorker, notes: Notes) -> Worker | None:
    """Return the worker of a row; ``None``, and a problem, where its id cannot be one."""
    worker_id = row.id
    if not worker_id:
        notes.problem("a worker has no id")
        return None
    if len(worker_id) > _ID_MAX or not worker_id.isprintable():
        notes.problem(f"{safe_text(worker_id, 40)!r} cannot be a worker's id")
        return None
    state = _STATES.get((row.status, row.detail_status))
    deleted_at = notes.time("deletedAt", row.deleted_at, worker_id) if row.deleted_at else None
    if state is None or deleted_at is not None:
        state = _odd_state(row, notes, deleted=deleted_at is not None)
    try:
        created_at, served_at = time(row.created_at), time(row.last_serve_at)
    except ValueError:
        created_at = notes.time("createdAt", row.created_at, worker_id)
        served_at = notes.time("lastServeAt", row.last_serve_at, worker_id)
    success = row.success_count
    if type(success) is not int or not 0 <= success <= ABSURD:
        success = notes.count("successCount", success, worker_id)
    return _worker(
        worker_id,
        state,
        created_at,
        deleted_at,
        served_at,
        success,
        0 if row.failed_count is None else notes.count("failedCount", row.failed_count, worker_id),
        0
        if row.session_number is None
        else notes.count("sessionNumber", row.session_number, worker_id),
        # Ten thousand lists say the same few of these: one text for all is 10 MiB less.
        "" if row.app_revision is None else intern(str(row.app_revision)),
        row.replace_worker_id or "",
        intern(row.gpu_model or row.gpu_name or ""),
        0 if row.gpu_num is None else notes.count("gpuNum", row.gpu_num, worker_id),
    )


def _odd_state(row: WireWorker, notes: Notes, *, deleted: bool) -> WorkerState:
    """Return the state of a row that is deleted, or says what this version does not know.

    A deleted worker is GONE whatever else its row says; unless it failed, or is still stopping: the
    time of its deletion may be known before its place is free again.
    """
    _note_unknown(row, notes)
    state = classify(row.status or "", row.detail_status or "")
    stays = state is WorkerState.ERROR or row.status == "STATUS_TERMINATING"
    return WorkerState.GONE if deleted and not stays else state


def _note_unknown(row: WireWorker, notes: Notes) -> None:
    if row.status and row.status not in _STATUSES:
        notes.oddity(f"unknown status {safe_text(row.status, 60)!r}")
    if row.detail_status and row.detail_status not in _DETAILS:
        notes.oddity(f"unknown detailStatus {safe_text(row.detail_status, 60)!r}")
