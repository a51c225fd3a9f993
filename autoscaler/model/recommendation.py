"""What a policy gets, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autoscaler.model.observation import NoData, Observation


@dataclass(frozen=True, slots=True)
class Census:
    """The workers of one observation, counted.

    Attributes:
        free, busy, in_flight, rollin, removing, error, unavailable, unknown: by state. A worker
            IN_FLIGHT beyond its start-up deadline is in ``overdue``, not in ``in_flight``; a
            worker that our open scale-down order names is in ``leaving``, not in ``free``.
        paired: workers that stand in for one still there; in no other count, not in ``present``.
        on_order: ordered by us and not listed yet (an upper bound while a reply is lost).
        present: what occupies a place under the maximum, orders not included.
    """

    free: int = 0
    busy: int = 0
    in_flight: int = 0
    rollin: int = 0
    removing: int = 0
    error: int = 0
    unavailable: int = 0
    unknown: int = 0
    overdue: int = 0
    leaving: int = 0
    paired: int = 0
    on_order: int = 0
    present: int = 0

    @property
    def ready(self) -> int:
        """Workers that serve now."""
        return self.free + self.busy

    @property
    def capacity(self) -> int:
        """Workers that serve or will: what a desired number is compared with."""
        return self.free + self.busy + self.in_flight + self.rollin + self.on_order


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """What a policy may look at; it has no other source.

    Attributes:
        observation: the list, complete and trusted.
        census: the same workers, counted.
        now: our clock, epoch seconds.
        cold_start_s: learned seconds from order to readiness; ``None`` until one was seen.
        min_workers, max_workers: the bounds in force.
    """

    observation: Observation
    census: Census
    now: float
    min_workers: int
    max_workers: int
    cold_start_s: float | None = None


class Role(StrEnum):
    """What a policy's number is for."""

    TARGET = "target"
    """It is combined with those of the other targets."""
    FLOOR = "floor"
    """The combined number is raised to it."""
    CEILING = "ceiling"
    """The combined number is lowered to it, but never below min_workers."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A policy's answer.

    Attributes:
        workers: the wanted number before any limit, ≥ 0.
        why: a short sentence with the numbers that made it.
        inputs: the same numbers by name, with their unit in the name where they have one.
        floor, ceiling: bounds that the policy sets at this moment, whatever its role; ``None`` for
            none. Where they contradict each other the ceiling wins, as a maximum does.
        abstains: whether ``workers`` is only said for people and takes no part in the combination.
    """

    workers: int
    why: str
    inputs: Mapping[str, float | str] = field(default_factory=dict)
    floor: int | None = None
    ceiling: int | None = None
    abstains: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy's name in this app, beside its answer and the role that the app gave it."""

    policy: str
    answer: Recommendation | NoData
    role: Role = Role.TARGET
