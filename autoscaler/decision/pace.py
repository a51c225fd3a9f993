"""How long until the next look: the interval, or longer where an app is at rest and may be.

Only where the owner gave an ``interval_max``. An app is at rest when nothing is served or waits,
everything that is there is free, as many workers are there as are wanted, and nothing is open: no
order, no start, no window or cooldown that holds a number, no order by hand. Then the next look
comes after a quarter of the time it has been idle, so the pace slows down geometrically, and what
wakes the app is noticed after a quarter of its sleep at most. Everything else is looked at every
``interval``.

A stretch of slow looks says little about the load, so it does not count as watched: a scale-down
after it waits for a full window of looks at the interval, as after a restart (``_watching_since``
in the pipeline). That costs nothing, since at rest there is nothing to remove.
"""

from __future__ import annotations

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.spec import AppSpec
from autoscaler.model import Census, Decision, Hold, Reason

REST_SHARE = 0.25
"""The next look comes after this share of the time that an app has been idle."""


def pace_s(spec: AppSpec, decision: Decision, memory: AppMemory, now: float) -> float:
    """Return the seconds until the next look, between ``interval_s`` and ``interval_max_s``.

    Args:
        spec: the owner's wishes.
        decision: what was decided in this pass.
        memory: what is remembered after it.
        now: our clock, epoch seconds.
    """
    slowest = spec.interval_max_s
    if slowest is None or memory.last_active_at is None or not _at_rest(spec, decision, memory):
        return spec.interval_s
    idle_s = now - memory.last_active_at
    return max(spec.interval_s, min(idle_s * REST_SHARE, slowest))


def _at_rest(spec: AppSpec, decision: Decision, memory: AppMemory) -> bool:
    census = decision.census
    return (
        census is not None
        and isinstance(decision.action, Hold)
        and decision.reason is Reason.AT_TARGET
        and decision.queue_size == 0
        and _only_free(census, decision.desired)
        and _settled(memory)
        and all(policy.rests for policy in spec.asked)
    )


def _only_free(census: Census, desired: int | None) -> bool:
    return census.present == census.free == desired and not (census.on_order or census.error)


def _settled(memory: AppMemory) -> bool:
    """Whether nothing is open, and no older number is held in a window."""
    return not (
        memory.up_orders
        or memory.down_orders
        or memory.starting
        or memory.unconfirmed
        or memory.interventions
        or memory.signal_failures
        or memory.stale_since
        or len(memory.high) > 1
        or len(memory.low) > 1
    )
