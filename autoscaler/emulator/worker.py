"""One emulated worker: what the platform knows of it. Plain state; :mod:`app` moves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Phase(Enum):
    """Where a worker is in its life.

    STARTING → FREE ⇄ BUSY → REMOVING → TERMINATED; ERROR ends a start or a run, UNAVAILABLE
    interrupts a run.
    """

    STARTING = "starting"
    FREE = "free"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    REMOVING = "removing"
    TERMINATED = "terminated"
    ERROR = "error"


RUNNING = frozenset({Phase.FREE, Phase.BUSY})
HEALTHY = RUNNING | {Phase.STARTING}


@dataclass(slots=True, eq=False)
class SimWorker:
    """One worker. Times are epoch seconds on the fleet's clock.

    Attributes:
        phase: where in life. since: when it came there (BUSY: from the first of several requests).
        start_s: seconds its start takes, or would take if it did not fail or hang.
        visible_at: first moment at which lists show it.
        by_caller: ordered by a scale-up call. removed_by_caller: removed by a scale-down call.
        replaces, replaced_by: the other one of a roll-out's pair; empty if none.
        retiring: goes as soon as its request is done, for its replacement is ready.
        last_serve_at: end of the last request, or readiness; ``None`` while it starts.
        request_arrived_at, service_s, busy_until: of the request in hand.
        ended_at: when it stopped costing.
        sessions: end of each session that it holds, in no order.
        row, row_key: its last list row as JSON, and of which state.
    """

    id: str
    device_id: str
    revision: str
    created_at: float
    start_s: float
    visible_at: float
    by_caller: bool
    replaces: str = ""
    replaced_by: str = ""
    retiring: bool = False
    removed_by_caller: bool = False
    phase: Phase = Phase.STARTING
    since: float = 0.0
    last_serve_at: float | None = None
    success_count: int = 0
    failed_count: int = 0
    request_arrived_at: float = 0.0
    service_s: float = 0.0
    busy_until: float = 0.0
    ended_at: float | None = None
    sessions: list[float] = field(default_factory=list)
    row: bytes = b""
    row_key: object = None

    def live_sessions(self, now: float) -> int:
        """Return how many sessions it holds now, and drop those that have ended."""
        if self.sessions:
            self.sessions = [end for end in self.sessions if end > now]
        return len(self.sessions)
