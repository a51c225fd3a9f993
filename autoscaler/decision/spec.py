"""What an owner asked of an app, as the core sees it: validated, in seconds, nothing open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autoscaler.model import AppKey
from autoscaler.policies import Policy


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """At most ``value`` workers, or ``value`` percent of them, per ``period_s``."""

    type: Literal["workers", "percent"]
    value: float
    period_s: float


@dataclass(frozen=True, slots=True)
class Direction:
    """How one direction behaves, as in HPA v2.

    Attributes:
        stabilization_window_s: the most cautious recommendation of this window holds.
        policies: rate limits; none means no limit.
        select: which of several rate limits holds; ``disabled`` forbids the direction.
        cooldown_s: seconds after the last action in this direction before the next.
        tolerance: share of the current number (≥ 0) that a change must exceed.
    """

    stabilization_window_s: float = 0.0
    policies: tuple[RatePolicy, ...] = ()
    select: Literal["max", "min", "disabled"] = "max"
    cooldown_s: float = 0.0
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Disruption:
    """At most this many workers removed per window: a count, or percent of the capacity."""

    type: Literal["workers", "percent"]
    value: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Drain:
    """Who may go.

    Attributes:
        min_lifetime_s: a worker younger than this is not removed.
        clear_failed: whether ERROR and UNAVAILABLE workers are removed, first.
        disruption: the budget; ``None`` for no budget.
    """

    min_lifetime_s: float = 0.0
    clear_failed: bool = False
    disruption: Disruption | None = None


@dataclass(frozen=True, slots=True)
class Startup:
    """How long a start may take, and what happens when starts keep failing.

    Attributes:
        deadline_floor_s, deadline_ceiling_s: bounds of the learned start-up deadline; the
            ceiling holds until a first start was seen.
        failures: orders failing in a row after which ordering backs off.
        backoff_s, backoff_ceiling_s: first pause and longest pause; each failure doubles it.
    """

    deadline_floor_s: float = 120.0
    deadline_ceiling_s: float = 1800.0
    failures: int = 3
    backoff_s: float = 60.0
    backoff_ceiling_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Fallback:
    """What holds when signals are missing for ``failure_threshold`` passes in a row.

    ``hold``: nothing changes. ``current-if-higher``: like static, but never below what is there.
    ``static``: ``workers``; it never lowers the number.
    """

    failure_threshold: int = 3
    mode: Literal["hold", "current-if-higher", "static"] = "hold"
    workers: int = 0


@dataclass(frozen=True, slots=True)
class AppSpec:
    """Everything ``decide`` needs to know about an app's configuration.

    Attributes:
        key: which app. min_workers, max_workers: the owner's bounds (min ≤ max).
        policies: at least one. combine: how several recommendations become one number.
        shadow: policies that are asked like the others and have no say; their names differ.
        up, down: behaviour per direction. drain: who may go. startup: start-up rules.
        fallback: what holds without signals. interval_s: seconds between looks.
        interval_max_s: the longest time between looks at an app at rest; ``None`` for a fixed pace.
        paused: directions the owner paused. order_deadline_s: seconds after which an order
            whose workers never showed is given up (request time limit + list lag).
        initial_cooldown_s: no scale-down for so long after the app was first seen.
        max_utilization: requests per worker that a scale-down may lead to; ``None`` for no check.
        idle_timeout_s: seconds without a request before the last worker goes; ``None`` follows the
            learned cold start.
        price_per_hour: of one worker, for the fleet's ceiling; 0 where not known.
    """

    key: AppKey
    max_workers: int
    policies: tuple[Policy, ...]
    min_workers: int = 1
    interval_s: float = 15.0
    interval_max_s: float | None = None
    combine: Literal["max", "min", "first"] = "max"
    up: Direction = field(default=Direction())
    down: Direction = field(default=Direction(stabilization_window_s=300.0))
    drain: Drain = field(default=Drain())
    startup: Startup = field(default=Startup())
    fallback: Fallback = field(default=Fallback())
    paused: Literal["no", "both", "up", "down"] = "no"
    order_deadline_s: float = 60.0
    initial_cooldown_s: float = 0.0
    max_utilization: float | None = None
    idle_timeout_s: float | None = 0.0
    price_per_hour: float = 0.0
    shadow: tuple[Policy, ...] = ()

    @property
    def asked(self) -> tuple[Policy, ...]:
        """Every policy that is asked, those that only watch last."""
        return self.policies + self.shadow if self.shadow else self.policies
