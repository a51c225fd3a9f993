"""A worker as a list reply showed it, and what the autoscaler makes of its two status fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """The one state the rest of the program reasons about.

    Derived from the platform's ``status`` and ``detailStatus``; see :func:`classify`.
    """

    FREE = "free"
    """Running and idle: serves the next request; the only kind that may be scaled down."""
    BUSY = "busy"
    """Running and serving a request."""
    IN_FLIGHT = "in_flight"
    """Ordered or being created: will be capacity, is none yet."""
    ROLLIN = "rollin"
    """Replaces an older worker during an update; counts as one together with it."""
    REMOVING = "removing"
    """On its way out: no capacity, but it still occupies a place under the maximum."""
    ERROR = "error"
    """Failed: neither capacity nor present."""
    UNAVAILABLE = "unavailable"
    """Not reachable: no capacity, but it may come back, so it occupies a place."""
    UNKNOWN = "unknown"
    """A status this version does not know: no capacity, never removed, occupies a place."""
    GONE = "gone"
    """Terminated; only listed when deleted workers are asked for."""


PRESENT = frozenset(WorkerState) - {WorkerState.ERROR, WorkerState.GONE}
"""States that occupy a place under the maximum."""

_STARTING = frozenset({"STATUS_INITIALIZED", "STATUS_CREATED", "STATUS_PENDING", "STATUS_RUNNING"})
_BY_STATUS = {
    "STATUS_TERMINATED": WorkerState.GONE,
    "STATUS_TERMINATING": WorkerState.REMOVING,
    "STATUS_ERROR": WorkerState.ERROR,
    "STATUS_UNAVAILABLE": WorkerState.UNAVAILABLE,
}
_BY_DETAIL = {
    "DETAIL_STATUS_REMOVE": WorkerState.REMOVING,
    "DETAIL_STATUS_IN_FLIGHT": WorkerState.IN_FLIGHT,
    "DETAIL_STATUS_ROLLIN": WorkerState.ROLLIN,
}
_RUNNING_BY_DETAIL = _BY_DETAIL | {
    "DETAIL_STATUS_FREE": WorkerState.FREE,
    "DETAIL_STATUS_BUSY": WorkerState.BUSY,
}


def classify(status: str, detail_status: str) -> WorkerState:
    """Return the state for a pair of platform enums.

    A missing field is the zero enum and therefore :attr:`WorkerState.UNKNOWN`; so is every value
    that this version has never heard of. FREE and BUSY need ``STATUS_RUNNING`` beside them.
    """
    settled = _BY_STATUS.get(status)
    if settled is not None:
        return settled
    if status not in _STARTING:
        return WorkerState.UNKNOWN
    by_detail = _RUNNING_BY_DETAIL if status == "STATUS_RUNNING" else _BY_DETAIL
    return by_detail.get(detail_status, WorkerState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Worker:
    """One row of a worker list. Times are epoch seconds on the *platform's* clock.

    Attributes:
        id: the platform's id, unique among all workers.
        state: derived by :func:`classify`.
        created_at: when it was ordered; ``None`` where the reply left it out.
        deleted_at: when it was deleted; ``None`` while it lives.
        last_serve_at: end of the last request, or readiness where it never served.
        success_count, failed_count: requests served so far.
        session_number: client sessions that it holds; above 0 it must not be scaled down.
        app_revision: revision of the app it runs; empty where unknown.
        replace_worker_id: id of the worker that it replaces; empty if none.
        gpu_model: model of its GPU; empty if unknown. gpu_num: how many.
    """

    id: str
    state: WorkerState
    created_at: float | None = None
    deleted_at: float | None = None
    last_serve_at: float | None = None
    success_count: int = 0
    failed_count: int = 0
    session_number: int = 0
    app_revision: str = ""
    replace_worker_id: str = ""
    gpu_model: str = ""
    gpu_num: int = 0

    @property
    def served(self) -> bool:
        """Whether it has ever finished a request, well or badly."""
        return self.success_count + self.failed_count > 0
