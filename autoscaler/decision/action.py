"""From a desired number to an action: how many to order, or who goes, or why neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoscaler.decision.drain import budget_left, choose, choose_failed
from autoscaler.decision.expectations import FOREIGN_LIMIT, FOREIGN_WINDOW_S
from autoscaler.decision.interventions import paused, words
from autoscaler.decision.memory import AppMemory, OrderOutcome
from autoscaler.decision.rollout import Rollout
from autoscaler.decision.spec import AppSpec
from autoscaler.model import (
    Action,
    AppStatus,
    Candidate,
    Census,
    Hold,
    Limit,
    Observation,
    Reason,
    ScaleDown,
    ScaleUp,
)


@dataclass(frozen=True, slots=True)
class Sizing:
    """The action, its reason, and what limited it on the way."""

    action: Action
    reason: Reason
    message: str
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One app at the moment of deciding.

    Attributes:
        spec, observation, census, rollout, memory, now: what is known.
        desired: workers wanted after every limit on the number. low, high: the bounds in force.
        limits: what changed the number so far.
    """

    spec: AppSpec
    observation: Observation
    census: Census
    rollout: Rollout
    memory: AppMemory
    now: float
    desired: int
    low: int
    high: int
    limits: tuple[Limit, ...]

    @property
    def current(self) -> int:
        """Workers that serve or will."""
        return self.census.capacity

    @property
    def ordered(self) -> Reason | None:
        """The reason code of the order by hand that set the number, if one did."""
        last = self.limits[-1].reason if self.limits else None
        return last if last in (Reason.OVERRIDDEN, Reason.BOOSTED) else None

    def hold(self, reason: Reason, message: str) -> Sizing:
        """Return a hold that keeps the number from the desired one."""
        limit = Limit(reason, self.desired, self.current, message)
        return Sizing(Hold(), reason, message, (limit,))


def size_action(case: Case) -> Sizing:
    """Return the action that brings the app to ``desired`` workers as far as the rules allow."""
    closed = _closed(case)
    if closed is not None:
        return closed
    if case.desired > case.current:
        return _size_up(case)
    clearing = _clear_failed(case)
    if clearing is not None:
        return clearing
    return _size_down(case) if case.desired < case.current else _at_rest(case)


def _closed(case: Case) -> Sizing | None:
    """Return why nothing at all may be done about this app; ``None`` if something may."""
    app = case.memory.app
    if why := _paused(case, "both"):
        return Sizing(Hold(), Reason.PAUSED, why)
    if app is None:
        return None
    if app.scaler.is_platform:
        why = f"the platform scales this app itself (autoscaler.{app.scaler.value})"
        return Sizing(Hold(), Reason.PLATFORM_SCALED, why)
    if app.status in (AppStatus.PAUSED, AppStatus.TERMINATING, AppStatus.DELETED):
        return Sizing(Hold(), Reason.APP_PAUSED, f"the app is {app.status.value} on the platform")
    return None


def _paused(case: Case, direction: Literal["both", "up", "down"]) -> str:
    """Return who paused this direction, and why; empty if nobody did."""
    if case.spec.paused == direction:
        return "paused by configuration" if direction == "both" else _OFF[direction]
    if direction == "down" and case.spec.down.select == "disabled":
        return _OFF[direction]
    by_hand = paused(case.memory, direction, case.now)
    return "" if by_hand is None else words(by_hand)


_OFF = {
    "up": "scale-up is paused by configuration",
    "down": "scale-down is off by configuration",
}


def _size_up(case: Case) -> Sizing:
    wanted = case.desired - case.current
    blocked = _no_ordering(case)
    if blocked is not None:
        return blocked
    place = case.high - case.census.present - case.census.on_order
    count = min(wanted, place)
    limits: tuple[Limit, ...] = ()
    if count <= 0:
        return case.hold(
            Reason.AT_MAXIMUM,
            f"{wanted} more wanted, but {case.census.present} workers present and"
            f" {case.census.on_order} on order leave no place under the maximum {case.high}",
        )
    if count < wanted:
        why = f"only {count} places are left under the maximum {case.high}"
        limits += (Limit(Reason.AT_MAXIMUM, case.desired, case.current + count, why),)
    room = _fleet_room(case)
    if room is not None and count > room:
        why = f"the ceilings over all apps leave {room}"
        if room == 0:
            return case.hold(Reason.FLEET_LIMIT, f"{wanted} more wanted, but {why}")
        limits += (Limit(Reason.FLEET_LIMIT, case.current + count, case.current + room, why),)
        count = room
    if count > 1 and case.memory.crash_loop.failures >= case.spec.startup.failures:
        why = "orders kept failing: one worker to try"
        limits += (Limit(Reason.CRASH_LOOP, case.current + count, case.current + 1, why),)
        count = 1
    below = case.current < case.low
    reason = Reason.BELOW_MINIMUM if below else case.ordered or Reason.LOAD_ABOVE_CAPACITY
    message = f"{case.desired} wanted, {case.current} there or on order: order {count}"
    return Sizing(ScaleUp(count), reason, message, limits)


def _no_ordering(case: Case) -> Sizing | None:
    memory, now = case.memory, case.now
    if why := _paused(case, "up"):
        return case.hold(Reason.PAUSED, why)
    if _outcome_unknown(case):
        return case.hold(Reason.OUTCOME_UNKNOWN, _LOST)
    if now < memory.hold_orders_until:
        left_s = memory.hold_orders_until - now
        reason = Reason(memory.hold_orders_why or Reason.FROZEN_AFTER_RESTART)
        return case.hold(reason, f"orders are held for {left_s:.0f} s more")
    if now < memory.crash_loop.until:
        guard = memory.crash_loop
        return case.hold(
            Reason.CRASH_LOOP,
            f"{guard.failures} orders in a row never became ready; next try in"
            f" {guard.until - now:.0f} s",
        )
    return None


def _fleet_room(case: Case) -> int | None:
    """Return how many more workers the ceilings over all apps allow; ``None`` for no ceiling."""
    if case.memory.fleet_share is None:
        return None
    return max(0, case.memory.fleet_share - case.census.present - case.census.on_order)


_LOST = "an order's reply was lost; waiting for the list to show what came of it"


def _outcome_unknown(case: Case) -> bool:
    return any(order.outcome is not OrderOutcome.ACCEPTED for order in case.memory.up_orders)


def _size_down(case: Case) -> Sizing:
    blocked = _no_removing(case)
    if blocked is not None:
        return blocked
    # A worker that is still starting replaces nobody: those who serve stay until it serves too.
    count = min(case.current, case.census.ready) - case.desired
    if count <= 0:
        starting = case.census.in_flight + case.census.on_order + case.census.rollin
        return case.hold(
            Reason.ORDER_PENDING,
            f"{case.current} workers for {case.desired} wanted, but {starting} of them are still"
            " starting and cannot be removed",
        )
    count, limits = _within_budget(case, count)
    if count == 0:
        return case.hold(Reason.DISRUPTION_BUDGET, "the disruption budget of this window is spent")
    drained = choose(count, case.observation, case.spec.drain, case.rollout, case.memory.leaving)
    if not drained.candidates:
        reason = drained.shortfall or Reason.NO_FREE_WORKERS
        return case.hold(reason, f"{case.desired} wanted, {case.current} there: {_NOBODY[reason]}")
    above = case.current > case.high
    reason = Reason.ABOVE_MAXIMUM if above else case.ordered or Reason.LOAD_BELOW_CAPACITY
    going = len(drained.candidates)
    message = f"{case.desired} wanted, {case.current} there: remove {going}"
    if drained.shortfall is not None:
        after = case.current - going
        limits += (Limit(drained.shortfall, case.desired, after, _NOBODY[drained.shortfall]),)
    return Sizing(ScaleDown(drained.candidates), reason, message, limits)


_NOBODY = {
    Reason.NO_FREE_WORKERS: "no other worker is free without sessions",
    Reason.ROLLING_OUT: "an update is replacing workers",
    Reason.MIN_LIFETIME: "the free workers are younger than min_lifetime",
}


def _no_removing(case: Case) -> Sizing | None:
    memory, spec, now = case.memory, case.spec, case.now
    if why := _paused(case, "down"):
        return case.hold(Reason.PAUSED, why)
    since = memory.watching_since if memory.watching_since is not None else now
    left_s = since + spec.down.stabilization_window_s - now
    if left_s > 0:
        return case.hold(
            Reason.WARMING_UP,
            f"the load has been watched for {now - since:.0f} s; scale-down waits {left_s:.0f} s",
        )
    if len(memory.foreign) >= FOREIGN_LIMIT:
        return case.hold(
            Reason.FOREIGN_SCALER,
            f"somebody else scaled this app {len(memory.foreign)} times in"
            f" {FOREIGN_WINDOW_S / 60:.0f} minutes; scale-down is held",
        )
    if case.rollout.running:
        return case.hold(Reason.ROLLING_OUT, "an update is replacing workers")
    if any(order.outcome is not OrderOutcome.ACCEPTED for order in memory.down_orders):
        return case.hold(
            Reason.OUTCOME_UNKNOWN, "a removal's reply was lost; waiting for the list to show it"
        )
    return None


def _within_budget(case: Case, count: int) -> tuple[int, tuple[Limit, ...]]:
    left = budget_left(case.spec.drain.disruption, case.current, case.memory.changes, case.now)
    if left is None or left >= count:
        return count, ()
    after = case.current - left
    why = f"the disruption budget leaves {left} in this window"
    return left, (Limit(Reason.DISRUPTION_BUDGET, case.current - count, after, why),)


def _clear_failed(case: Case) -> Sizing | None:
    failed: tuple[Candidate, ...] = choose_failed(
        case.observation, case.spec.drain, case.memory.leaving, case.memory.removed
    )
    if not failed or _no_removing(case) is not None:
        return None
    message = f"clear {len(failed)} failed workers, as the app opted in to"
    return Sizing(ScaleDown(failed), Reason.CLEARING_FAILED, message)


def _at_rest(case: Case) -> Sizing:
    """Return the hold of an app whose number is right, with the reason that says why it is."""
    if case.limits and case.limits[-1].after == case.desired != case.limits[-1].before:
        last = case.limits[-1]
        if last.reason is not Reason.BELOW_MINIMUM:
            return Sizing(Hold(), last.reason, f"{last.before} wanted, but {last.why}")
    for limit in case.limits:
        if limit.reason in (Reason.NO_DATA, Reason.FALLBACK):
            return Sizing(Hold(), limit.reason, limit.why)
    if case.census.ready < case.desired:
        if _outcome_unknown(case):
            return Sizing(Hold(), Reason.OUTCOME_UNKNOWN, _LOST)
        starting = case.desired - case.census.ready
        return Sizing(
            Hold(),
            Reason.ORDER_PENDING,
            f"{case.desired} wanted, {starting} of them still starting",
        )
    return Sizing(Hold(), Reason.AT_TARGET, f"{case.desired} wanted and there")
