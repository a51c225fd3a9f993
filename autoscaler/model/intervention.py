"""What a person ordered by hand: it goes before what policies want, and ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class InterventionKind(StrEnum):
    """What kind of order it is; an app has at most one of each in force."""

    PAUSE = "pause"
    """Nothing is done in ``direction``."""
    OVERRIDE = "override"
    """The wanted number is ``workers``, whatever policies say; bounds and guards hold."""
    BOOST = "boost"
    """At least ``workers`` are wanted; policies may want more."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """One order by hand.

    Attributes:
        kind: what is ordered. since: our clock, epoch seconds.
        until: when it ends by itself; ``None``: when somebody ends it (a pause only).
        who, why: as the person gave them, for the history.
        direction: of a pause. workers: of an override or a boost, ≥ 0.
    """

    kind: InterventionKind
    since: float
    until: float | None
    who: str
    why: str
    direction: Literal["both", "up", "down"] = "both"
    workers: int = 0

    def in_force(self, now: float) -> bool:
        """Whether it holds at a moment of our clock."""
        return self.until is None or now < self.until
