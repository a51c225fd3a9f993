"""What happened, for any past moment: the questions that the API, the page and commands ask.

History is best effort: it is written behind, and nothing that scales ever waits for it. What is
written arrives as reports (:class:`~autoscaler.ports.recorder.Recorder`); this is the reading side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from autoscaler.model import AppKey


class EventKind(StrEnum):
    """What a stored event tells of."""

    DECISION = "decision"
    """A decision that acted, or whose reason differs from the last one's; fields: all of it."""
    SCALE = "scale"
    """A scale request ended; fields: ``outcome``, ``detail``, ``count``, ``worker_ids``."""
    RACED = "raced"
    """A removed worker had begun to serve; fields: ``worker_id``."""
    TROUBLE = "trouble"
    """A burst of platform errors; fields: ``operation``, ``code``, ``count``, ``until``."""
    INTERVENTION = "intervention"
    """A person paused, resumed, overrode or boosted; fields: the intervention, ``ended``."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        id: grows with the time of writing; unique within the store.
        app: of which app; ``None`` where it concerns the platform as a whole.
        at: our clock, epoch seconds. kind: what ``fields`` hold.
        action: ``scale_up``, ``scale_down`` or ``hold``; empty where it is about none.
        reason: the reason code; empty where there is none. message: the same for people.
        fields: everything, ready for JSON (of a decision: ``decision_fields``).
    """

    id: int
    app: AppKey | None
    at: float
    kind: EventKind
    action: str = ""
    reason: str = ""
    message: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events, newest first.

    Attributes:
        app: ``None`` for all. start, end: epoch seconds, start included, end not.
        kinds, actions, reasons: any of these; empty for all.
        before: only ids below this one: the cursor of the next page.
        limit: at most so many, 1 to 1,000.
    """

    app: AppKey | None = None
    start: float = 0.0
    end: float = 1e12
    kinds: frozenset[EventKind] = frozenset()
    actions: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    before: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """An app over a stretch of time: a minute as stored, more where merged for a plot.

    Means are over the seconds seen. A minute of which nothing is known has no sample.

    Attributes:
        at: start of the stretch, epoch seconds. span_s: its length. seen_s: seconds of it that are
            known: a list holds until the next one, but for ten minutes at most.
        looks: complete worker lists seen in it.
        free, busy, in_flight, other: mean workers by state; other: ROLLIN, REMOVING, UNKNOWN, ….
        workers_max: most workers present (all four together).
        queue: mean of waiting requests. queue_max: most of them. Both ``None``: never told.
        desired: the last decision's number; ``None`` where none was made. max_workers: in force.
        proposals: the last number of each policy, by its name.
        arrivals: requests that came, estimated from those served and the change of those waiting
            and being served. served: successes and failures told by the workers.
        busy_s: worker-seconds spent serving; divided by ``served`` it is the mean service time.
        wait_s: mean wait of the requests that came, by Little's law (queue over arrival rate);
            ``None`` where none came.
        worker_s: worker-seconds present, as they are paid for. cost: the same in money; 0 where no
            price is known.
    """

    at: float
    span_s: float = 60.0
    seen_s: float = 60.0
    looks: int = 0
    free: float = 0.0
    busy: float = 0.0
    in_flight: float = 0.0
    other: float = 0.0
    workers_max: int = 0
    queue: float | None = None
    queue_max: int | None = None
    desired: int | None = None
    max_workers: int = 0
    proposals: Mapping[str, int] = field(default_factory=dict)
    arrivals: float = 0.0
    served: int = 0
    busy_s: float = 0.0
    wait_s: float | None = None
    worker_s: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an app, or all, took over a range.

    Attributes:
        start, end: epoch seconds. seen_s: seconds of it of which something is stored.
        worker_s: worker-seconds present. busy_s: of those, serving.
        cost: money; 0 where no price is known.
        always_max: the money that ``max_workers`` at all times would have taken in ``seen_s``.
        fixed_workers: the fixed size compared with. fixed: the money it would have taken.
        price_per_hour: of one worker, the mean over ``worker_s``.
    """

    start: float
    end: float
    seen_s: float
    worker_s: float
    busy_s: float
    cost: float
    always_max: float
    fixed_workers: int
    fixed: float
    price_per_hour: float


@dataclass(frozen=True, slots=True)
class HistoryHealth:
    """How the store does.

    Attributes:
        writing: whether the last write succeeded. error: why not; empty while it does.
        backlog: reports not written yet. lost: reports dropped since the start, memory being
            bounded. oldest: time of the oldest event, epoch seconds; ``None`` for none.
        size_bytes: of the store; ``None`` where it cannot be told.
    """

    writing: bool
    error: str = ""
    backlog: int = 0
    lost: int = 0
    oldest: float | None = None
    size_bytes: int | None = None


class History(Protocol):
    """Answers questions about the past.

    Every method raises :class:`~autoscaler.model.errors.HistoryError` where the store cannot be
    read, and nothing else. What was reported a moment ago is included.
    """

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Return matching events, newest first."""

    async def event_at(self, app: AppKey, at: float) -> Event | None:
        """Return the decision in force at a moment: the latest stored one not after it."""

    async def samples(
        self, app: AppKey, start: float, end: float, *, points: int = 1440
    ) -> tuple[Sample, ...]:
        """Return samples in order of time, merged so that there are at most ``points`` (≥ 1)."""

    async def cost(
        self, app: AppKey | None, start: float, end: float, *, fixed_workers: int | None = None
    ) -> Cost:
        """Return what an app (``None``: all together) took.

        Without ``fixed_workers`` the comparison is with the most workers seen in the range.
        """

    async def health(self) -> HistoryHealth:
        """Return how the store does; never raises."""
