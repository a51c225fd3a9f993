"""From settings to what the core decides by."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from autoscaler.decision.spec import (
    AppSpec,
    Direction,
    Disruption,
    Drain,
    Fallback,
    RatePolicy,
    Startup,
)
from autoscaler.model import AppKey
from autoscaler.policies import Policy, policies
from autoscaler.settings.app import (
    AppSettings,
    DirectionSettings,
    DrainSettings,
    FallbackSettings,
    StartupSettings,
)
from autoscaler.settings.model import Settings
from autoscaler.settings.policy import PolicySettings

LIST_LAG_S = 30.0
"""How long after a scale-up call a list may still lack its workers; not documented, so ample."""

ORDER_DEADLINE_MIN_S = 60.0
"""Least default of ``order_deadline``."""

_shared = lru_cache(maxsize=256)
"""Apps that wish the same share one object for it: ten thousand have a few different wishes."""

_PAUSED: dict[bool | str, Literal["no", "both", "up", "down"]] = {
    False: "no",
    True: "both",
    "up": "up",
    "down": "down",
}


def to_spec(settings: Settings) -> tuple[AppSpec, ...]:
    """Return one spec per app, in the order of the configuration."""
    deadline_s = max(ORDER_DEADLINE_MIN_S, settings.everai.total_timeout + LIST_LAG_S)
    return tuple(_app(app, deadline_s) for app in settings.apps)


def _app(app: AppSettings, deadline_s: float) -> AppSpec:
    return AppSpec(
        key=AppKey(app.namespace, app.name),
        max_workers=app.max_workers,
        policies=_policies(app.policies),
        shadow=_policies(app.shadow),
        min_workers=app.min_workers,
        interval_s=app.interval,
        interval_max_s=app.interval_max,
        combine=app.combine,
        up=_direction(app.behavior.scale_up),
        down=_direction(app.behavior.scale_down),
        drain=_drain(app.drain),
        startup=_startup(app.startup),
        fallback=_fallback(app.fallback),
        paused=_PAUSED[app.paused],
        initial_cooldown_s=app.initial_cooldown,
        max_utilization=app.max_utilization,
        idle_timeout_s=app.idle_timeout,
        price_per_hour=app.price_per_hour or 0.0,
        order_deadline_s=deadline_s if app.order_deadline is None else app.order_deadline,
    )


def _policies(given: tuple[PolicySettings, ...]) -> tuple[Policy, ...]:
    """Make policies; those that promise to be pure are shared, for they keep nothing."""
    if all(policies()[entry.type].pure for entry in given):
        try:
            return _same_policies(given)
        except TypeError:  # a list or a mapping among the parameters has no hash
            pass
    return tuple(entry.build() for entry in given)


@_shared
def _same_policies(given: tuple[PolicySettings, ...]) -> tuple[Policy, ...]:
    return tuple(entry.build() for entry in given)


@_shared
def _direction(given: DirectionSettings) -> Direction:
    return Direction(
        stabilization_window_s=given.stabilization_window,
        policies=tuple(RatePolicy(rate.type, rate.value, rate.period) for rate in given.policies),
        select=given.select,
        cooldown_s=given.cooldown,
        tolerance=given.tolerance,
    )


@_shared
def _drain(given: DrainSettings) -> Drain:
    budget = given.disruption
    return Drain(
        min_lifetime_s=given.min_lifetime,
        clear_failed=given.clear_failed,
        disruption=Disruption(budget.type, budget.value, budget.window) if budget else None,
    )


@_shared
def _startup(given: StartupSettings) -> Startup:
    return Startup(
        deadline_floor_s=given.deadline_floor,
        deadline_ceiling_s=given.deadline_ceiling,
        failures=given.failures,
        backoff_s=given.backoff,
        backoff_ceiling_s=given.backoff_ceiling,
    )


@_shared
def _fallback(given: FallbackSettings) -> Fallback:
    return Fallback(given.failure_threshold, given.mode, given.workers)
