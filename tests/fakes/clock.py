"""A clock that a test moves by hand."""

from __future__ import annotations

import asyncio

T0 = 1_764_000_000.0
"""When stories begin, epoch seconds."""


async def settle(rounds: int = 50) -> None:
    """Let every task that can run do so, until it waits for something."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class ManualClock:
    """Implements ports.Clock: stands still until :meth:`advance`; sleepers wake in order."""

    def __init__(self, now: float = T0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, waiter))
        await waiter

    def jump(self, seconds: float) -> None:
        """Move the time without waking anybody."""
        self._now += seconds

    async def advance(self, seconds: float) -> None:
        """Move the time and wake, one after the other, those whose time has come."""
        end = self._now + seconds
        while due := sorted((at, i) for i, (at, _) in enumerate(self._sleepers) if at <= end):
            at, index = due[0]
            _, waiter = self._sleepers.pop(index)
            self._now = max(self._now, at)
            if not waiter.done():
                waiter.set_result(None)
            await settle()
        self._now = end
        await settle()
