"""Rate policies and cooldowns: how far and how often the number may move. Formulas of HPA v2.

Up: the limit is what was there at the start of the period plus ``value`` workers, or
``ceil(start * (1 + value/100))``; down: minus ``value``, or ``floor(start * (1 - value/100))``. The
start is recovered from the changes we made in the period. Evaluating never stops; only acting is
gated.
"""

from __future__ import annotations

from math import ceil, floor

from autoscaler.decision.memory import Change
from autoscaler.decision.spec import Direction, RatePolicy
from autoscaler.model import Limit, Reason


def limit_rate(
    wanted: int,
    current: int,
    up: Direction,
    down: Direction,
    changes: tuple[Change, ...],
    now: float,
) -> tuple[int, Limit | None]:
    """Return the number that rate policies and cooldowns allow, and the limit if they changed it.

    From zero the first worker comes at once, whatever the rate.
    """
    if wanted == current:
        return wanted, None
    rising = wanted > current
    direction = up if rising else down
    if direction.select == "disabled":
        return current, Limit(Reason.PAUSED, wanted, current, "this direction is disabled")
    left_s = _cooldown_left_s(direction, changes, now, rising=rising)
    if left_s > 0 and not (rising and current == 0):
        why = f"cooldown, {left_s:.0f} s left"
        return current, Limit(Reason.COOLDOWN, wanted, current, why)
    bounds = [_bound(rate, current, changes, now, rising=rising) for rate in direction.policies]
    if not bounds:
        return wanted, None
    generous = direction.select == "max"
    bound = (max if rising == generous else min)(bounds)
    if rising:
        allowed = min(wanted, max(bound, current, 1 if current == 0 else 0))
    else:
        allowed = max(wanted, min(bound, current))
    if allowed == wanted:
        return wanted, None
    return allowed, Limit(
        Reason.RATE_LIMITED, wanted, allowed, f"rate policies allow {allowed} now"
    )


def _bound(
    rate: RatePolicy, current: int, changes: tuple[Change, ...], now: float, *, rising: bool
) -> int:
    recent = [c.delta for c in changes if c.at > now - rate.period_s and (c.delta > 0) == rising]
    start = current - sum(recent)
    if rising:
        grown = start + rate.value if rate.type == "workers" else start * (1 + rate.value / 100)
        return ceil(grown - 1e-9)
    shrunk = start - rate.value if rate.type == "workers" else start * (1 - rate.value / 100)
    return max(0, floor(shrunk + 1e-9))


def _cooldown_left_s(
    direction: Direction, changes: tuple[Change, ...], now: float, *, rising: bool
) -> float:
    if not changes:
        return 0.0
    last = max((c.at for c in changes if (c.delta > 0) == rising), default=None)
    return 0.0 if last is None else last + direction.cooldown_s - now
