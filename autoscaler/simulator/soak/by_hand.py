"""What people ordered by hand in a run, and whether it is obeyed.

A pause that was confirmed holds until its time is over, over kills and restarts too; only a store
that was spoiled may forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from autoscaler.decision import AppSpec
from autoscaler.emulator.rng import Random, stream
from autoscaler.model import AppKey, Intervention, InterventionKind

_DIRECTIONS: tuple[Literal["both", "up", "down"], ...] = ("both", "up", "down")
_CLOCK_SLACK_S = 301.0
"""A process's clock may be off by 300 s, and its successor's by as much the other way."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order by hand at ``at_s`` (simulated seconds), for ``for_s`` seconds; 0 ends all."""

    at_s: float
    app: AppKey
    kind: InterventionKind
    for_s: float
    direction: Literal["both", "up", "down"] = "both"
    workers: int = 0

    def intervention(self, now: float) -> Intervention:
        """Return it as the daemon takes it; ``now``: the daemon's clock, epoch seconds."""
        return Intervention(
            self.kind,
            since=now,
            until=now + self.for_s,
            who="ann",
            why="a simulation",
            direction=self.direction,
            workers=self.workers,
        )


def draw_orders(seed: int, specs: tuple[AppSpec, ...], until_s: float) -> tuple[Order, ...]:
    """Return a seed's orders by hand; in two of three seeds there are none."""
    rng = stream(seed, "by hand")
    count = rng.choice([0, 0, 0, 0, 1, 3])
    return tuple(sorted((_draw(rng, specs, until_s) for _ in range(count)), key=lambda o: o.at_s))


def _draw(rng: Random, specs: tuple[AppSpec, ...], until_s: float) -> Order:
    at_s = rng.uniform(0.0, 0.7 * until_s)
    spec = rng.choice(specs)
    return Order(
        at_s,
        spec.key,
        rng.choice(tuple(InterventionKind)),
        rng.choice([0.0, rng.uniform(60.0, until_s - at_s), rng.uniform(60.0, until_s - at_s)]),
        rng.choice(_DIRECTIONS),
        rng.randint(0, spec.max_workers + 1),
    )


@dataclass(slots=True)
class Pauses:
    """The confirmed pauses; ``now`` is the loop's time, seconds."""

    now: Callable[[], float]
    _until_s: dict[AppKey, tuple[str, float]] = field(default_factory=dict)

    def confirmed(self, order: Order) -> None:
        """A pause is in force and written down."""
        self._until_s[order.app] = (order.direction, self.now() + order.for_s)

    def ended(self, app: AppKey) -> None:
        """A pause is being ended, or replaced, or may have been forgotten."""
        self._until_s.pop(app, None)

    def forgotten(self) -> None:
        """The store was spoiled."""
        self._until_s.clear()

    def holds(self, app: AppKey, direction: str) -> bool:
        """Whether a direction (``up``, ``down``) is surely paused now."""
        paused, until_s = self._until_s.get(app, ("", 0.0))
        return paused in ("both", direction) and self.now() < until_s - _CLOCK_SLACK_S
