"""The questions before a smaller number: is the change worth it, does the load fit, is it asleep?

Tolerance is HPA v2's, per direction. The fit is the consolidation check of the Dynamo planner and
of llm-d's simulation: what is served now must still find room on the workers that stay, or the
number swings between N and N-1. A last worker goes only after the app has been idle for long
enough, since the next request pays its cold start.
"""

from __future__ import annotations

from math import ceil

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.spec import AppSpec
from autoscaler.decision.startup import learned_cold_start_s
from autoscaler.model import Census, Limit, NoData, Observation, Reason

IDLE_TIMEOUT_FLOOR_S = 300.0
IDLE_COLD_STARTS = 5.0


def tolerate(spec: AppSpec, wanted: int, current: int) -> tuple[int, Limit | None]:
    """Return ``current`` where the change is within the direction's tolerance.

    Formula (HPA v2): no change if ``|wanted / current - 1| <= tolerance``. From zero workers there
    is no tolerance.
    """
    tolerance = (spec.up if wanted > current else spec.down).tolerance
    if current in (wanted, 0) or abs(wanted - current) > tolerance * current + 1e-9:
        return wanted, None
    why = f"within the tolerance of {tolerance:.0%} around {current}"
    return current, Limit(Reason.WITHIN_TOLERANCE, wanted, current, why)


def activity(
    memory: AppMemory, observation: Observation, census: Census, now: float
) -> tuple[float, float]:
    """Return since when the app has been watched, and when it was last active.

    Active: a request is served or waits, or one ended since the last look. Not knowing the queue
    counts as active.
    """
    first = now if memory.first_look_at is None else min(memory.first_look_at, now)
    if census.busy or isinstance(observation.queue_size, NoData) or observation.queue_size:
        return first, now
    served = max((w.last_serve_at or 0.0 for w in observation.workers if w.served), default=0.0)
    last = now - observation.age(served) if served else 0.0
    before = first if memory.last_active_at is None else min(memory.last_active_at, now)
    return first, max(last, before)


def idle_timeout_s(spec: AppSpec, memory: AppMemory) -> float:
    """Return how long an app must be idle before its last worker goes, seconds.

    As configured; else five of its own cold starts, but five minutes at least.
    """
    if spec.idle_timeout_s is not None:
        return spec.idle_timeout_s
    return max(IDLE_TIMEOUT_FLOOR_S, IDLE_COLD_STARTS * (learned_cold_start_s(memory) or 0.0))


def hold_back(
    spec: AppSpec,
    observation: Observation,
    census: Census,
    memory: AppMemory,
    wanted: int,
    now: float,
) -> tuple[int, tuple[Limit, ...]]:
    """Return the smallest number that may be shrunk to, given ``wanted``, and what raised it."""
    current = census.capacity
    if wanted >= current:
        return wanted, ()
    limits: list[Limit] = []
    for allowed, reason, why in (
        _initial_cooldown(spec, memory, current, now),
        _fit(spec, observation, census, current),
        _sleep(spec, memory, wanted, current, now),
    ):
        if wanted < allowed <= current:
            limits.append(Limit(reason, wanted, allowed, why))
            wanted = allowed
    return wanted, tuple(limits)


_Bound = tuple[int, Reason, str]


def _initial_cooldown(spec: AppSpec, memory: AppMemory, current: int, now: float) -> _Bound:
    first = memory.first_look_at if memory.first_look_at is not None else now
    left_s = first + spec.initial_cooldown_s - now
    if left_s <= 0:
        return 0, Reason.COOLDOWN, ""
    return current, Reason.COOLDOWN, f"initial cooldown, {left_s:.0f} s left"


def _fit(spec: AppSpec, observation: Observation, census: Census, current: int) -> _Bound:
    if spec.max_utilization is None:
        return 0, Reason.LOAD_WOULD_NOT_FIT, ""
    if isinstance(observation.queue_size, NoData):
        return current, Reason.NO_DATA, "without the queue nobody knows whether fewer would do"
    load = census.busy + observation.queue_size
    needed = ceil(load / spec.max_utilization - 1e-9)
    why = f"{load} requests need {needed} workers at a utilization of {spec.max_utilization:g}"
    return min(needed, current), Reason.LOAD_WOULD_NOT_FIT, why


def _sleep(spec: AppSpec, memory: AppMemory, wanted: int, current: int, now: float) -> _Bound:
    if wanted > 0 or current == 0:
        return 0, Reason.IDLE_TIMEOUT, ""
    last = memory.last_active_at if memory.last_active_at is not None else now
    left_s = last + idle_timeout_s(spec, memory) - now
    why = f"idle for {now - last:.0f} s; the last worker goes in {left_s:.0f} s"
    return (1 if left_s > 0 else 0), Reason.IDLE_TIMEOUT, why
