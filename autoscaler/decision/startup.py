"""Starts: how long they take, which are overdue, and the guard against starts that keep failing.

Peers order again and again while a broken image never becomes ready (SkyServe is the exception that
stops); a GPU worker that never serves costs as much as one that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autoscaler.decision.change import changed
from autoscaler.decision.memory import AppMemory, CrashLoop, Starting
from autoscaler.decision.roster import Roster
from autoscaler.decision.spec import Startup
from autoscaler.model import Observation, Worker, WorkerState

_SAMPLES = 20
_IN_FLIGHT = WorkerState.IN_FLIGHT
"""Once, here: CPython 3.11 takes 85 ns to find a member of an enumeration."""
_READY = frozenset({WorkerState.FREE, WorkerState.BUSY})
_ENDED = frozenset({WorkerState.ERROR, WorkerState.GONE, WorkerState.UNAVAILABLE})


def start_up_deadline_s(startup: Startup, cold_starts_s: tuple[float, ...]) -> float:
    """Seconds after which a worker IN_FLIGHT stops counting as capacity.

    Twice the longest of the app's own latest starts, within the configured floor and ceiling; the
    ceiling until a first start was seen.
    """
    if not cold_starts_s:
        return startup.deadline_ceiling_s
    return min(max(2 * max(cold_starts_s), startup.deadline_floor_s), startup.deadline_ceiling_s)


def learned_cold_start_s(memory: AppMemory) -> float | None:
    """Median of the latest starts, seconds from creation to readiness; ``None`` if none yet."""
    samples = sorted(memory.cold_starts_s)
    return samples[len(samples) // 2] if samples else None


@dataclass(frozen=True, slots=True)
class _Endings:
    still: Mapping[str, Starting]
    samples_s: tuple[float, ...]
    succeeded: bool
    failed_order_at: tuple[float, ...]


def follow_starts(
    memory: AppMemory,
    roster: Roster,
    startup: Startup,
    new_orders: Mapping[str, float],
    expired: tuple[float, ...],
    now: float,
) -> AppMemory:
    """Learn from starts that ended in this list, and guard against those that keep failing.

    ``new_orders``: for each id attributed to an order of ours in this pass, when that order was
    sent. ``expired``: sending times of orders whose workers never showed.
    """
    if not (memory.starting or new_orders or expired or _IN_FLIGHT in roster.counts):
        return memory
    endings = _end_starts(memory, roster, startup, new_orders, now)
    failed = endings.failed_order_at + expired
    guard = _guard(memory.crash_loop, startup, failed, now, succeeded=endings.succeeded)
    return changed(
        memory,
        starting=endings.still,
        cold_starts_s=(memory.cold_starts_s + endings.samples_s)[-_SAMPLES:],
        crash_loop=guard,
    )


def _end_starts(
    memory: AppMemory,
    roster: Roster,
    startup: Startup,
    new_orders: Mapping[str, float],
    now: float,
) -> _Endings:
    observation = roster.observation
    limit_s = start_up_deadline_s(startup, memory.cold_starts_s)
    watched = dict(memory.starting)
    started = [w for w in observation.workers if w.state is _IN_FLIGHT or w.id in new_orders]
    for worker in started:
        if worker.id not in watched:
            since = now - observation.age(worker.created_at)
            order_at = new_orders.get(worker.id, since)
            watched[worker.id] = Starting(since, order_at, ordered=worker.id in new_orders)
    listed = {w.id: w for w in observation.workers if w.id in watched}
    still: dict[str, Starting] = {}
    samples: list[float] = []
    failed: list[float] = []
    for worker_id, start in watched.items():
        found = listed.get(worker_id)
        if found is None or found.state in _ENDED:
            failed.append(start.order_at)
        elif found.state in _READY:
            samples.append(_took_s(found, start, observation, now))
        elif found.state is _IN_FLIGHT:
            late = now - start.since > limit_s
            if late and not start.overdue:
                failed.append(start.order_at)
            still[worker_id] = start if late == start.overdue else replace(start, overdue=late)
        elif found.state is WorkerState.UNKNOWN:
            still[worker_id] = start
    return _Endings(still, tuple(samples), bool(samples), tuple(failed))


def _took_s(worker: Worker, start: Starting, observation: Observation, now: float) -> float:
    if worker.created_at is None:
        return max(0.0, now - start.since)
    return observation.age(worker.created_at)


def _guard(
    guard: CrashLoop,
    startup: Startup,
    failed_order_at: tuple[float, ...],
    now: float,
    *,
    succeeded: bool,
) -> CrashLoop:
    if succeeded:
        return CrashLoop(last_failed_order_at=guard.last_failed_order_at)
    fresh = sorted({at for at in failed_order_at if at > guard.last_failed_order_at})
    if not fresh:
        return guard
    failures = guard.failures + len(fresh)
    beyond = failures - startup.failures
    pause_s = min(startup.backoff_ceiling_s, startup.backoff_s * 2.0 ** min(beyond, 30))
    return CrashLoop(failures, fresh[-1], now + pause_s if beyond >= 0 else 0.0)
