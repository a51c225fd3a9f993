"""Orders by hand in a decision: a person's number goes before the policies', never before a rule.

They touch the number last: windows, cooldowns and rates follow what the policies want all the time,
so that nothing has to be learned anew when an order ends. What guards workers (bounds, free workers
only, the full window after a start, open orders, budgets) comes after and holds for people too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from autoscaler.decision.change import changed
from autoscaler.decision.memory import AppMemory
from autoscaler.model import Intervention, InterventionKind, Limit, Reason


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number ordered by hand must stay within.

    ``low`` and ``high``: the bounds in force. ``current``: workers there or on order.
    ``blind``: why nothing may be removed for want of signals; empty if they are all there.
    """

    low: int
    high: int
    current: int
    blind: str = ""


def with_order(memory: AppMemory, order: Intervention) -> AppMemory:
    """Return memory with this order in force, instead of an earlier one of its kind."""
    others = tuple(one for one in memory.interventions if one.kind is not order.kind)
    return changed(memory, interventions=(*others, order))


def without_orders(
    memory: AppMemory, kinds: frozenset[InterventionKind]
) -> tuple[AppMemory, tuple[Intervention, ...]]:
    """Return memory without the orders of these kinds, and those."""
    ended = tuple(one for one in memory.interventions if one.kind in kinds)
    left = tuple(one for one in memory.interventions if one.kind not in kinds)
    return (changed(memory, interventions=left) if ended else memory), ended


def end_expired(memory: AppMemory, now: float) -> tuple[AppMemory, tuple[Intervention, ...]]:
    """Return memory without the orders whose time is over, and those."""
    if not memory.interventions:
        return memory, ()
    over = frozenset(one.kind for one in memory.interventions if not one.in_force(now))
    return without_orders(memory, over)


def paused(
    memory: AppMemory, direction: Literal["both", "up", "down"], now: float
) -> Intervention | None:
    """Return the order that pauses this direction, if there is one."""
    for one in memory.interventions:
        if one.kind is InterventionKind.PAUSE and one.in_force(now):
            return one if one.direction in ("both", direction) else None
    return None


def put_first(
    memory: AppMemory, wanted: int, bounds: Bounds, now: float
) -> tuple[int, tuple[Limit, ...]]:
    """Return the number with people's orders obeyed, and the limits if they changed it.

    An override replaces ``wanted``; a boost raises it. Without signals an override may add workers
    and remove none, as everybody else.
    """
    limits: tuple[Limit, ...] = ()
    for one in memory.interventions:
        if one.kind is InterventionKind.PAUSE or not one.in_force(now):
            continue
        boost = one.kind is InterventionKind.BOOST
        asked = max(wanted, one.workers) if boost else one.workers
        number = min(max(asked, bounds.low), bounds.high)
        if number != wanted:
            reason = Reason.BOOSTED if boost else Reason.OVERRIDDEN
            limits += (Limit(reason, wanted, number, words(one)),)
            wanted = number
        if bounds.blind and wanted < bounds.current:
            limits += (Limit(Reason.NO_DATA, wanted, bounds.current, bounds.blind),)
            wanted = bounds.current
    return wanted, limits


def words(order: Intervention) -> str:
    """Return an order as people read it: what, until when, who and why."""
    match order.kind:
        case InterventionKind.PAUSE:
            what = "paused" if order.direction == "both" else f"scale-{order.direction} paused"
        case InterventionKind.OVERRIDE:
            what = f"override to {order.workers}"
        case InterventionKind.BOOST:
            what = f"boost to at least {order.workers}"
    end = "until resumed" if order.until is None else f"until {_clock(order.until)}"
    return f"{what} {end} by {order.who}: {order.why}"


def _clock(epoch_s: float) -> str:
    try:
        return datetime.fromtimestamp(epoch_s, tz=UTC).strftime("%Y-%m-%d %H:%MZ")
    except (OverflowError, ValueError, OSError):
        return f"{epoch_s:.0f}"
