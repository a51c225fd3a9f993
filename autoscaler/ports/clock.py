"""Time, as everything above the core sees it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """A clock that never runs backwards while the process lives."""

    def now(self) -> float:
        """Epoch seconds; steady: a change of the system time does not move it."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long (≥ 0) on this clock."""
