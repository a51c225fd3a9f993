"""A clock that was set while we were away: memory is moved along, by the platform's own clock.

Everything remembered is in our own time. While a process lives its clock is steady, but the next
one may start on a machine whose clock was set, or on another machine. Deadlines, cooldowns and
windows would then end too early, or never. Replies carry the platform's time; how far ours is ahead
of it is remembered, and where the next process finds another distance, every remembered time is
moved by the difference.
"""

from __future__ import annotations

from dataclasses import replace

from autoscaler.decision.change import changed
from autoscaler.decision.expectations import nothing_ahead
from autoscaler.decision.memory import AppMemory, ClockAhead
from autoscaler.model import Observation

DATE_STEP_S = 1.0
"""A ``Date`` header counts whole seconds, rounded down."""


def follow_clock(memory: AppMemory, observation: Observation, order_deadline_s: float) -> AppMemory:
    """Return memory that knows how far our clock is ahead; the first time in a process, aligned."""
    found, known = _measure(observation), memory.clock_ahead
    began = memory.restarted_at
    if began is not None:
        memory = _move(memory, _set_by_s(known, found))
        memory = changed(nothing_ahead(memory, began, began + order_deadline_s), restarted_at=None)
    if found is None:
        return memory
    ahead = _narrowed(known, found)
    return memory if ahead is known else changed(memory, clock_ahead=ahead)


def _measure(observation: Observation) -> ClockAhead | None:
    """Return how far our clock is ahead; ``None`` where the reply carried no time."""
    if observation.platform_now == observation.received_at:
        return None
    return ClockAhead(
        low_s=observation.requested_at - observation.platform_now - DATE_STEP_S,
        high_s=observation.received_at - observation.platform_now,
    )


def _set_by_s(before: ClockAhead | None, after: ClockAhead | None) -> float:
    """Return by how much our clock was set in between; 0 where both may be the same."""
    if before is None or after is None:
        return 0.0
    if before.low_s <= after.high_s and after.low_s <= before.high_s:
        return 0.0
    return (after.low_s + after.high_s - before.low_s - before.high_s) / 2


def _narrowed(before: ClockAhead | None, after: ClockAhead) -> ClockAhead:
    if before is None or before.low_s > after.high_s or after.low_s > before.high_s:
        return after
    low_s, high_s = max(before.low_s, after.low_s), min(before.high_s, after.high_s)
    return before if (low_s, high_s) == (before.low_s, before.high_s) else ClockAhead(low_s, high_s)


def _move(memory: AppMemory, by_s: float) -> AppMemory:
    """Return memory with every time of ours moved by ``by_s`` seconds."""
    if by_s == 0.0:
        return memory
    return changed(
        memory,
        up_orders=tuple(
            replace(o, sent_at=o.sent_at + by_s, deadline_at=o.deadline_at + by_s)
            for o in memory.up_orders
        ),
        down_orders=tuple(
            replace(o, sent_at=o.sent_at + by_s, deadline_at=o.deadline_at + by_s)
            for o in memory.down_orders
        ),
        own_ups=tuple(
            replace(c, sent_at=c.sent_at + by_s, ended_at=c.ended_at + by_s) for c in memory.own_ups
        ),
        own_downs=tuple(
            replace(c, sent_at=c.sent_at + by_s, ended_at=c.ended_at + by_s)
            for c in memory.own_downs
        ),
        changes=tuple(replace(c, at=c.at + by_s) for c in memory.changes),
        high=tuple(replace(r, at=r.at + by_s) for r in memory.high),
        low=tuple(replace(r, at=r.at + by_s) for r in memory.low),
        watching_since=_moved(memory.watching_since, by_s),
        last_look_at=_moved(memory.last_look_at, by_s),
        removed={i: at + by_s for i, at in memory.removed.items()},
        stale_since=_moved(memory.stale_since, by_s),
        vanished_at=_moved(memory.vanished_at, by_s),
        foreign=tuple(at + by_s for at in memory.foreign),
        starting={
            i: replace(s, since=s.since + by_s, order_at=s.order_at + by_s)
            for i, s in memory.starting.items()
        },
        crash_loop=replace(
            memory.crash_loop,
            last_failed_order_at=memory.crash_loop.last_failed_order_at + by_s,
            until=memory.crash_loop.until + by_s,
        ),
        # Perhaps set by this process already: of both readings the later one holds.
        hold_orders_until=max(memory.hold_orders_until, memory.hold_orders_until + by_s),
    )


def _moved(at: float | None, by_s: float) -> float | None:
    return None if at is None else at + by_s
