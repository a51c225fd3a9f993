"""Whether a list may be believed. Unknown is not zero, and old is not now.

Lists carry no time of their own, so a stale one (an old replica of the platform's store, a cache
before it) is recognised by what it contradicts: a scale time that goes back, or a removed worker
that lives again, or an accepted order that left no trace in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaler.decision.change import changed
from autoscaler.decision.memory import AppMemory, OrderOutcome
from autoscaler.decision.roster import Roster
from autoscaler.model import Observation, Reason, WorkerState

STALE_ACCEPTED_AFTER_S = 600.0
"""A platform that contradicts its past for this long has a new past; else we waited for ever."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a list is not believed."""

    reason: Reason
    message: str


def judge(roster: Roster, memory: AppMemory, now: float) -> tuple[Doubt | None, AppMemory]:
    """Return why the list may not be acted upon (``None`` if it may), and the memory after it."""
    observation = roster.observation
    if observation.problems:
        return Doubt(
            Reason.CONTRADICTORY_OBSERVATION,
            "the list contradicts itself: " + observation.problems[0],
        ), memory
    stale = _stale(roster, memory)
    if stale is None:
        return None, changed(memory, stale_since=None) if memory.stale_since else memory
    since = memory.stale_since if memory.stale_since is not None else now
    if now - since >= STALE_ACCEPTED_AFTER_S:
        # Believed from here on, but as after a restart: a full window before anything goes.
        return None, changed(
            memory,
            stale_since=None,
            watching_since=None,
            removed={},
            up_orders=tuple(replace(o, platform_up_at_before=None) for o in memory.up_orders),
            down_orders=tuple(replace(o, platform_down_at_before=None) for o in memory.down_orders),
            platform_up_at=observation.last_scale_up_at,
            platform_down_at=observation.last_scale_down_at,
        )
    return Doubt(Reason.STALE_OBSERVATION, stale), changed(memory, stale_since=since)


def put_off(memory: AppMemory, now: float, order_deadline_s: float) -> AppMemory:
    """Return memory after a stale list: an open order is not given up for another deadline.

    Lists that lag far behind say nothing of an order's end, and the first one that is not plainly
    too old is likely to be old too. An order whose deadline is over already stays as it is, and
    none is put off for longer than stale lists are doubted, so that none stays open for ever.
    """
    if not memory.up_orders and not memory.down_orders:
        return memory
    ups = tuple(
        replace(o, deadline_at=_later(o.sent_at, o.deadline_at, now, order_deadline_s))
        for o in memory.up_orders
    )
    downs = tuple(
        replace(o, deadline_at=_later(o.sent_at, o.deadline_at, now, order_deadline_s))
        for o in memory.down_orders
    )
    return replace(memory, up_orders=ups, down_orders=downs)


def _later(sent_at: float, deadline_at: float, now: float, order_deadline_s: float) -> float:
    if now >= deadline_at:
        return deadline_at
    latest = sent_at + STALE_ACCEPTED_AFTER_S + order_deadline_s
    return max(deadline_at, min(now + order_deadline_s, latest))


def _stale(roster: Roster, memory: AppMemory) -> str | None:
    observation, removed, alive = roster.observation, memory.removed, roster.alive
    if _went_back(memory.platform_up_at, observation.last_scale_up_at):
        return "an older list: lastScaleUpTime went back"
    if _went_back(memory.platform_down_at, observation.last_scale_down_at):
        return "an older list: lastScaleDownDeleteTime went back"
    if (memory.up_orders or memory.down_orders) and _hides_order(observation, memory):
        return "an older list: it was made before an order that the platform has accepted"
    if removed and not removed.keys().isdisjoint(alive.keys()):
        for worker_id, state in alive.items():
            if worker_id in removed and state is not WorkerState.REMOVING:
                return f"an older list: worker {worker_id}, which we removed, is alive in it"
    return None


def _hides_order(observation: Observation, memory: AppMemory) -> bool:
    """Whether a scale time has not moved though an order was accepted, and its deadline is over.

    Before the deadline the platform may still be writing; the open order counts meanwhile.
    """
    ups = any(
        o.outcome is OrderOutcome.ACCEPTED
        and observation.requested_at >= o.deadline_at
        and observation.last_scale_up_at is not None
        and observation.last_scale_up_at == o.platform_up_at_before
        for o in memory.up_orders
    )
    return ups or any(
        o.outcome is OrderOutcome.ACCEPTED
        and observation.requested_at >= o.deadline_at
        and observation.last_scale_down_at is not None
        and observation.last_scale_down_at == o.platform_down_at_before
        for o in memory.down_orders
    )


def _went_back(before: float | None, after: float | None) -> bool:
    return before is not None and (after is None or after < before)
