"""What the core remembers of an app between two passes, and across a restart.

Everything here is made of plain values, so that a state store can write it as JSON. Times are epoch
seconds of our own clock unless a name says ``platform``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autoscaler.model import AppInfo, Intervention, WorkerState
from autoscaler.model.frozen import nothing


class OrderOutcome(StrEnum):
    """What is known of a scale call."""

    INTENDED = "intended"
    """Written down, perhaps sent: after a restart the same as UNKNOWN."""
    ACCEPTED = "accepted"
    """The platform said yes."""
    UNKNOWN = "unknown"
    """No reply: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class UpOrder:
    """Workers asked for and not all seen yet.

    Attributes:
        sent_at: when it was sent. deadline_at: when unseen workers are given up.
        count: workers still expected or arrived under this order.
        worker_ids: named by the reply; empty where it named none or was lost.
        arrived: ids that a list has shown.
        applied: whether the platform is known to have carried it out.
        platform_up_at_before: the platform's lastScaleUpTime in the list before the sending.
        fresh_lists: good lists requested after the deadline.
    """

    sent_at: float
    deadline_at: float
    count: int
    outcome: OrderOutcome = OrderOutcome.INTENDED
    worker_ids: tuple[str, ...] = ()
    arrived: tuple[str, ...] = ()
    applied: bool = False
    platform_up_at_before: float | None = None
    fresh_lists: int = 0

    @property
    def pending(self) -> int:
        """Workers ordered and not listed yet (an upper bound while the outcome is unknown)."""
        return max(0, self.count - len(self.arrived))


@dataclass(frozen=True, slots=True)
class Served:
    """What a worker had done when it was chosen to go: the measure of a raced removal."""

    worker_id: str
    requests: int
    platform_last_serve_at: float | None


@dataclass(frozen=True, slots=True)
class DownOrder:
    """Removals asked for and not all seen yet.

    Attributes:
        gone: ids that a list no longer shows alive.
        platform_down_at_before: the platform's lastScaleDownDeleteTime in the list before the
            sending. The rest as in :class:`UpOrder`.
    """

    sent_at: float
    deadline_at: float
    workers: tuple[Served, ...]
    outcome: OrderOutcome = OrderOutcome.INTENDED
    gone: tuple[str, ...] = ()
    platform_down_at_before: float | None = None
    fresh_lists: int = 0

    @property
    def pending_ids(self) -> frozenset[str]:
        """Ids that are to go and were last seen alive."""
        return frozenset(served.worker_id for served in self.workers) - frozenset(self.gone)


@dataclass(frozen=True, slots=True)
class Change:
    """One acted change of the number of workers; ``delta`` below 0 is a removal."""

    at: float
    delta: int


@dataclass(frozen=True, slots=True)
class Recommended:
    """A bounded recommendation of the past."""

    at: float
    workers: int


@dataclass(frozen=True, slots=True)
class Call:
    """When one of our own scale calls was under way, to tell it from somebody else's."""

    sent_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Starting:
    """A worker seen IN_FLIGHT.

    ``order_at``: when its order was sent, or it was first seen. ``ordered``: by us.
    """

    since: float
    order_at: float
    overdue: bool = False
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class CrashLoop:
    """Orders failing in a row, and until when ordering backs off."""

    failures: int = 0
    last_failed_order_at: float = 0.0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockAhead:
    """How far our clock is ahead of the platform's: between ``low_s`` and ``high_s`` seconds."""

    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class AppMemory:
    """Everything remembered of one app.

    Attributes:
        up_orders, down_orders: open expectations.
        own_ups, own_downs: our latest scale calls.
        changes: acted changes, newest last, as far back as windows reach.
        high, low: recommendations that can still be the window's maximum or minimum.
        watching_since: start of uninterrupted good looks; ``None`` before the first.
        last_look_at: the last good look. first_look_at: the first one ever.
        last_active_at: when a request was last served or waiting, as far as is known.
        known: state by id of every present worker in the last good list.
        unconfirmed: ids that vanished unordered and wait for a second list. glimpsed: ids alive in
            the list that lacked them; a second list that lacks these contradicts it in turn.
        vanished_at: since when some are missing; ``None`` while none is.
        removed: when each id that we removed was seen gone.
        platform_up_at, platform_down_at: the platform's latest scale times seen.
        stale_since: when lists began to look stale; ``None`` while they do not.
        foreign: when somebody else was seen scaling.
        starting: workers being created. cold_starts_s: latest learned starts, newest last.
        crash_loop: the guard against orders that keep failing.
        hold_orders_until, hold_orders_why: no ordering before this time, and its reason code.
        signal_failures: passes in a row with a signal missing.
        last_good_capacity: capacity when all signals were last there.
        app: what the platform says of the app as a whole, if it was asked.
        policy_states: each policy's own state, by policy name.
        fleet_share: workers that the ceilings over all apps leave to this one, those it has
            included; ``None`` for no ceiling.
        clock_ahead: how far our clock is ahead of the platform's; ``None`` where it never told.
        restarted_at: when this process took the memory over, by its own clock; ``None`` once it
            has seen whether that is still the last one's.
        interventions: orders by hand, at most one of each kind.
    """

    up_orders: tuple[UpOrder, ...] = ()
    down_orders: tuple[DownOrder, ...] = ()
    own_ups: tuple[Call, ...] = ()
    own_downs: tuple[Call, ...] = ()
    changes: tuple[Change, ...] = ()
    high: tuple[Recommended, ...] = ()
    low: tuple[Recommended, ...] = ()
    watching_since: float | None = None
    last_look_at: float | None = None
    first_look_at: float | None = None
    last_active_at: float | None = None
    known: Mapping[str, WorkerState] = field(default_factory=nothing)
    unconfirmed: frozenset[str] = frozenset()
    glimpsed: frozenset[str] = frozenset()
    vanished_at: float | None = None
    removed: Mapping[str, float] = field(default_factory=nothing)
    platform_up_at: float | None = None
    platform_down_at: float | None = None
    stale_since: float | None = None
    foreign: tuple[float, ...] = ()
    starting: Mapping[str, Starting] = field(default_factory=nothing)
    cold_starts_s: tuple[float, ...] = ()
    crash_loop: CrashLoop = CrashLoop()
    hold_orders_until: float = 0.0
    hold_orders_why: str = ""
    signal_failures: int = 0
    last_good_capacity: int = 0
    app: AppInfo | None = None
    policy_states: Mapping[str, Any] = field(default_factory=nothing)
    fleet_share: int | None = None
    clock_ahead: ClockAhead | None = None
    restarted_at: float | None = None
    interventions: tuple[Intervention, ...] = ()

    @property
    def on_order(self) -> int:
        """Workers ordered and not listed yet."""
        return sum(order.pending for order in self.up_orders)

    @property
    def leaving(self) -> frozenset[str]:
        """Ids that an open scale-down order names."""
        if not self.down_orders:
            return frozenset()
        return frozenset[str]().union(*(order.pending_ids for order in self.down_orders))

    @property
    def wants_all_workers(self) -> bool:
        """Whether the next list should include deleted and failed workers.

        A default list may hide them, and they are what tells how an open order, a start or a
        vanished worker ended.
        """
        return bool(self.up_orders or self.down_orders or self.unconfirmed or self.starting)
