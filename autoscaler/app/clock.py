"""The real clock: the one place that reads the machine's time."""

from __future__ import annotations

import asyncio
import time

_steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Epoch seconds at the start of the process, moved on by a steady clock.

    A change of the system time while the process lives therefore moves nothing. Where the kernel
    has it, the steady clock also counts the time a machine was suspended.
    """

    def __init__(self) -> None:
        self._base = time.time() - time.clock_gettime(_steady)  # noqa: TID251 - this is the clock

    def now(self) -> float:
        """Return epoch seconds; steady."""
        return self._base + time.clock_gettime(_steady)

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(max(0.0, seconds))
