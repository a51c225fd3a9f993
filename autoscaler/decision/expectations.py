"""Expectations: what we ordered and have not seen yet, as ReplicaSet controllers keep them.

A scale-up is relative: sent twice it doubles. So an order is remembered before it is sent, counts
as capacity until its workers are listed, and is never repeated while its outcome is unknown. It
ends

* by id, when the reply named the workers and each was listed (in any state);
* by count, when the reply was lost: new workers that nobody else explains are its own;
* by deadline: two good lists requested after it. What has not shown by then is given up; a lost
  order that the platform's ``lastScaleUpTime`` does not confirm was never carried out.

A scale-down order ends when its ids are no longer alive in a list; an id already gone is success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.decision.change import changed
from autoscaler.decision.memory import (
    AppMemory,
    Call,
    Change,
    DownOrder,
    OrderOutcome,
    Served,
    UpOrder,
)
from autoscaler.decision.rollout import NO_ROLLOUT, Rollout
from autoscaler.decision.roster import Roster
from autoscaler.model import PRESENT, Observation, Worker, WorkerState
from autoscaler.model.frozen import maker, nothing

CLOCK_SLACK_S = 2.0
"""How far two clocks may differ in one comparison: a ``Date`` header counts in whole seconds."""
FOREIGN_WINDOW_S = 600.0
FOREIGN_LIMIT = 3
_NOBODY: frozenset[str] = frozenset()
_FRESH_LISTS = 2
_REMEMBER_REMOVED_S = 3600.0
_REMEMBER_REMOVED = 2000
_CALLS = 10


@dataclass(frozen=True, slots=True)
class Settled:
    """What one good list told of the open orders.

    Attributes:
        memory: with the orders updated.
        arrivals: sending time by id, for workers attributed to our orders in this pass.
        expired: sending times of orders given up with workers missing.
        raced: ids whose removal hit them while they were serving.
        foreign: what somebody else seems to have done, in words; empty if nothing.
    """

    memory: AppMemory
    arrivals: Mapping[str, float] = field(default_factory=nothing)
    expired: tuple[float, ...] = ()
    raced: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


_settled = maker(Settled)


def open_up_order(memory: AppMemory, count: int, now: float, deadline_s: float) -> AppMemory:
    """Return memory with the intent to order ``count`` (≥ 1) workers, sent now."""
    order = UpOrder(
        sent_at=now,
        deadline_at=now + deadline_s,
        count=count,
        platform_up_at_before=memory.platform_up_at,
    )
    return changed(memory, up_orders=(*memory.up_orders, order))


def open_down_order(
    memory: AppMemory, workers: tuple[Worker, ...], now: float, deadline_s: float
) -> AppMemory:
    """Return memory with the intent to remove these workers, sent now."""
    served = tuple(Served(w.id, w.success_count + w.failed_count, w.last_serve_at) for w in workers)
    order = DownOrder(
        now, now + deadline_s, served, platform_down_at_before=memory.platform_down_at
    )
    return changed(memory, down_orders=(*memory.down_orders, order))


def narrow_down_order(memory: AppMemory, kept: tuple[Worker, ...]) -> AppMemory:
    """Return memory whose newest scale-down intent names only ``kept``; none left drops it."""
    *others, order = memory.down_orders
    if not kept:
        return changed(memory, down_orders=tuple(others))
    narrowed = open_down_order(memory, kept, order.sent_at, order.deadline_at - order.sent_at)
    return changed(memory, down_orders=(*others, narrowed.down_orders[-1]))


def up_order_ended(
    memory: AppMemory,
    outcome: OrderOutcome | None,
    worker_ids: tuple[str, ...],
    now: float,
) -> AppMemory:
    """Return memory after the newest scale-up call ended; ``None``: surely not carried out.

    An accepted reply that names fewer ids than were asked for (the platform clipped the order) is
    expected to bring just those.
    """
    *others, order = memory.up_orders
    if outcome is None:
        return changed(memory, up_orders=tuple(others))
    ids = tuple(dict.fromkeys(worker_ids))
    known = replace(
        order,
        outcome=outcome,
        worker_ids=ids,
        count=len(ids) or order.count,
        applied=outcome is OrderOutcome.ACCEPTED,
    )
    ended_at = now if outcome is OrderOutcome.ACCEPTED else order.deadline_at
    call = Call(order.sent_at, ended_at)
    return changed(memory, up_orders=(*others, known), own_ups=(*memory.own_ups, call)[-_CALLS:])


def down_order_ended(memory: AppMemory, outcome: OrderOutcome | None) -> AppMemory:
    """Return memory after the newest scale-down call ended; ``None``: surely not carried out.

    The platform may stamp a removal when it ends, not when it is asked for: until the order's
    deadline its time is taken for ours.
    """
    *others, order = memory.down_orders
    if outcome is None:
        return changed(memory, down_orders=tuple(others))
    call = Call(order.sent_at, order.deadline_at)
    return changed(
        memory,
        down_orders=(*others, replace(order, outcome=outcome)),
        own_downs=(*memory.own_downs, call)[-_CALLS:],
    )


def after_restart(memory: AppMemory, now: float) -> AppMemory:
    """Return memory as a new process may use it: an intent without an end has an unknown one.

    Its times are still those of the last process; the first look tells whether the clock was set.
    """
    ups = tuple(
        replace(o, outcome=OrderOutcome.UNKNOWN) if o.outcome is OrderOutcome.INTENDED else o
        for o in memory.up_orders
    )
    downs = tuple(
        replace(o, outcome=OrderOutcome.UNKNOWN) if o.outcome is OrderOutcome.INTENDED else o
        for o in memory.down_orders
    )
    lost_ups = _lost_calls(memory.up_orders)
    lost_downs = _lost_calls(memory.down_orders)
    changes = sorted((*memory.changes, *_lost_changes(memory)), key=lambda c: c.at)
    return changed(
        memory,
        restarted_at=now,
        up_orders=ups,
        down_orders=downs,
        own_ups=(*memory.own_ups, *lost_ups)[-_CALLS:],
        own_downs=(*memory.own_downs, *lost_downs)[-_CALLS:],
        changes=tuple(changes),
    )


def nothing_ahead(memory: AppMemory, now: float, latest: float) -> AppMemory:
    """Return memory in which a clock set back keeps nothing waiting longer than it would have."""
    guard = memory.crash_loop
    seen_at = now if memory.last_look_at is None else min(memory.last_look_at, guard.until)
    return changed(
        memory,
        up_orders=tuple(
            replace(o, sent_at=min(o.sent_at, now), deadline_at=min(o.deadline_at, latest))
            for o in memory.up_orders
        ),
        down_orders=tuple(
            replace(o, sent_at=min(o.sent_at, now), deadline_at=min(o.deadline_at, latest))
            for o in memory.down_orders
        ),
        changes=tuple(replace(c, at=min(c.at, now)) for c in memory.changes),
        high=tuple(replace(r, at=min(r.at, now)) for r in memory.high),
        low=tuple(replace(r, at=min(r.at, now)) for r in memory.low),
        removed={i: min(at, now) for i, at in memory.removed.items()} or nothing(),
        stale_since=None if memory.stale_since is None else min(memory.stale_since, now),
        foreign=tuple(min(at, now) for at in memory.foreign),
        starting={
            i: replace(s, since=min(s.since, now), order_at=min(s.order_at, now))
            for i, s in memory.starting.items()
        }
        or nothing(),
        crash_loop=replace(
            guard,
            last_failed_order_at=min(guard.last_failed_order_at, now),
            until=min(guard.until, now + guard.until - seen_at),
        ),
        hold_orders_until=min(memory.hold_orders_until, latest),
    )


def _lost_changes(memory: AppMemory) -> tuple[Change, ...]:
    """Return the changes of calls that were perhaps sent: rates and budgets must know them."""
    ups = [Change(o.sent_at, o.count) for o in memory.up_orders if _is_lost(o)]
    downs = [Change(o.sent_at, -len(o.workers)) for o in memory.down_orders if _is_lost(o)]
    return (*ups, *downs)


def _is_lost(order: UpOrder | DownOrder) -> bool:
    return order.outcome is OrderOutcome.INTENDED


def _lost_calls(orders: tuple[UpOrder, ...] | tuple[DownOrder, ...]) -> tuple[Call, ...]:
    return tuple(Call(o.sent_at, o.deadline_at) for o in orders if _is_lost(o))


def our_starts(memory: AppMemory, observation: Observation) -> frozenset[str]:
    """Return the ids whose start we ordered; a lost reply's by count, as :func:`settle` does.

    Without this, workers that a lost order brought could pass for those of an update.
    """
    if not (memory.up_orders or memory.starting):
        return _NOBODY
    named = {i for order in memory.up_orders for i in (*order.worker_ids, *order.arrived)}
    ordered = {i for i, start in memory.starting.items() if start.ordered}
    if all(order.worker_ids for order in memory.up_orders):
        return frozenset(named | ordered)
    unmarked = [
        w
        for w in _newcomers(memory, observation)
        if not w.replace_worker_id and w.state is not WorkerState.ROLLIN
    ]
    _, arrivals, _ = _attribute(memory, observation, unmarked, NO_ROLLOUT)
    return frozenset(named | ordered | arrivals.keys())


def _newcomers(memory: AppMemory, observation: Observation) -> list[Worker]:
    known, removed = memory.known, memory.removed
    return [w for w in observation.workers if w.id not in known and w.id not in removed]


def settle(memory: AppMemory, roster: Roster, rollout: Rollout, now: float) -> Settled:
    """Return what a good list says of the open orders, and of other hands on the app."""
    observation, first_look = roster.observation, memory.last_look_at is None
    newcomers = [] if roster.familiar else _newcomers(memory, observation)
    ups, arrivals, unexplained = _attribute(memory, observation, newcomers, rollout)
    ups, expired = _expire_ups(ups)
    downs, gone, raced = _follow_downs(memory, observation)
    foreign = () if first_look else _foreign(memory, observation, unexplained)
    removed = _remember_removed(memory.removed, gone, now)
    settled = _seen_times(memory, observation, now, foreign=bool(foreign))
    if (ups, downs, removed) != (memory.up_orders, memory.down_orders, memory.removed):
        settled = changed(settled, up_orders=ups, down_orders=downs, removed=removed)
    return _settled(settled, arrivals, expired, raced, foreign)


def follow_scale_times(memory: AppMemory, observation: Observation, now: float) -> AppMemory:
    """Return memory after a list from which only the platform's scale times are taken."""
    foreign = _foreign(memory, observation, [])
    return _seen_times(memory, observation, now, foreign=bool(foreign))


def _seen_times(
    memory: AppMemory, observation: Observation, now: float, *, foreign: bool
) -> AppMemory:
    up_at, down_at = observation.last_scale_up_at, observation.last_scale_down_at
    times = memory.foreign + ((now,) if foreign else ())
    if times:
        times = tuple([at for at in times if at > now - FOREIGN_WINDOW_S])
    if (up_at, down_at, times) == (memory.platform_up_at, memory.platform_down_at, memory.foreign):
        return memory
    return changed(memory, platform_up_at=up_at, platform_down_at=down_at, foreign=times)


def _attribute(
    memory: AppMemory, observation: Observation, newcomers: list[Worker], rollout: Rollout
) -> tuple[tuple[UpOrder, ...], dict[str, float], list[Worker]]:
    """Give each new worker to the order that explains it: by id first, then by count."""
    if not (memory.up_orders or newcomers):
        return (), {}, []
    listed = {w.id for w in observation.workers}
    named = {i for order in memory.up_orders for i in (*order.worker_ids, *order.arrived)}
    spare = sorted(
        (w for w in newcomers if w.id not in named and w.id not in rollout.newcomers),
        key=lambda w: (w.created_at or 0.0, w.id),
    )
    arrivals: dict[str, float] = {}
    orders = []
    for order in memory.up_orders:
        if order.worker_ids:
            new = tuple(i for i in order.worker_ids if i in listed and i not in order.arrived)
        else:
            mine = [w for w in spare if _created_after(w, order, observation)][: order.pending]
            spare = [w for w in spare if w not in mine]
            new = tuple(w.id for w in mine)
        arrivals.update(dict.fromkeys(new, order.sent_at))
        orders.append(_confirm_applied(order, new, observation))
    return tuple(o for o in orders if o.pending), arrivals, spare


def _created_after(worker: Worker, order: UpOrder, observation: Observation) -> bool:
    if worker.created_at is None:
        # A dead worker of unknown age may be as old as the list reaches back: it explains nothing.
        return worker.state in PRESENT
    return worker.created_at >= observation.platform_time(order.sent_at) - CLOCK_SLACK_S


def _confirm_applied(order: UpOrder, new: tuple[str, ...], observation: Observation) -> UpOrder:
    up_at = observation.last_scale_up_at
    moved = (
        up_at is not None
        and up_at != order.platform_up_at_before
        and up_at >= observation.platform_time(order.sent_at) - CLOCK_SLACK_S
    )
    fresh = observation.requested_at >= order.deadline_at
    return replace(
        order,
        arrived=order.arrived + new,
        applied=order.applied or bool(new) or moved,
        fresh_lists=order.fresh_lists + (1 if fresh else 0),
    )


def _expire_ups(
    orders: tuple[UpOrder, ...],
) -> tuple[tuple[UpOrder, ...], tuple[float, ...]]:
    kept = tuple(o for o in orders if o.fresh_lists < _FRESH_LISTS)
    # Never carried out is no failed start; carried out and never seen is one.
    failed = tuple(o.sent_at for o in orders if o.fresh_lists >= _FRESH_LISTS and o.applied)
    return kept, failed


def _follow_downs(
    memory: AppMemory, observation: Observation
) -> tuple[tuple[DownOrder, ...], tuple[str, ...], tuple[str, ...]]:
    if not memory.down_orders:
        return (), (), ()
    listed = {w.id: w for w in observation.workers}
    kept: list[DownOrder] = []
    all_gone: list[str] = []
    raced: list[str] = []
    for order in memory.down_orders:
        gone = tuple(i for i in order.pending_ids if _is_gone(listed.get(i)))
        raced += [
            s.worker_id for s in order.workers if _was_raced(s, listed.get(s.worker_id), gone)
        ]
        all_gone += gone
        fresh = observation.requested_at >= order.deadline_at
        followed = replace(
            order, gone=order.gone + gone, fresh_lists=order.fresh_lists + (1 if fresh else 0)
        )
        if followed.pending_ids and followed.fresh_lists < _FRESH_LISTS:
            kept.append(followed)
    return tuple(kept), tuple(all_gone), tuple(raced)


def _is_gone(worker: Worker | None) -> bool:
    return worker is None or worker.state not in PRESENT or worker.state is WorkerState.REMOVING


def _was_raced(before: Served, after: Worker | None, gone: tuple[str, ...]) -> bool:
    """Whether a worker that just went had served since it was chosen. Counted once, as it goes."""
    if after is None or before.worker_id not in gone:
        return False
    served_more = after.success_count + after.failed_count > before.requests
    # A time left out of a dead worker's row says nothing.
    return served_more or after.last_serve_at not in (None, before.platform_last_serve_at)


def _remember_removed(
    removed: Mapping[str, float], gone: tuple[str, ...], now: float
) -> Mapping[str, float]:
    # The oldest comes first: see below.
    if not gone and (not removed or next(iter(removed.values())) > now - _REMEMBER_REMOVED_S):
        return removed
    recent = {i: at for i, at in removed.items() if at > now - _REMEMBER_REMOVED_S}
    for worker_id in gone:
        recent.pop(worker_id, None)
        recent[worker_id] = now
    if len(recent) <= _REMEMBER_REMOVED:
        return recent
    return dict(list(recent.items())[-_REMEMBER_REMOVED:])


def _foreign(
    memory: AppMemory, observation: Observation, unexplained: list[Worker]
) -> tuple[str, ...]:
    """Return what neither our orders nor a roll-out explains."""
    told = observation.last_scale_up_at, observation.last_scale_down_at
    if not unexplained and told == (memory.platform_up_at, memory.platform_down_at):
        return ()
    found: list[str] = []
    strangers = [w.id for w in unexplained if w.state in PRESENT and not w.replace_worker_id]
    if strangers:
        found.append(f"worker {strangers[0]} appeared, which we did not order")
    ups = (observation.last_scale_up_at, memory.platform_up_at, memory.own_ups)
    downs = (observation.last_scale_down_at, memory.platform_down_at, memory.own_downs)
    if _not_ours(*ups, observation):
        found.append("lastScaleUpTime moved without a call of ours")
    if _not_ours(*downs, observation):
        found.append("lastScaleDownDeleteTime moved without a call of ours")
    return tuple(found)


def _not_ours(
    at: float | None, before: float | None, calls: tuple[Call, ...], observation: Observation
) -> bool:
    if at is None or at == before:
        return False
    return not any(
        observation.platform_time(call.sent_at) - CLOCK_SLACK_S
        <= at
        <= observation.platform_time(call.ended_at) + CLOCK_SLACK_S
        for call in calls
    )
