"""Brings notices to one target: a bounded queue, several in a message, again after a failure.

Receivers of chat messages take about twenty a minute, and a platform that is down is trouble of
every app at once. So a message tells everything that waits, and messages keep a distance.
"""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random  # noqa: TID251 - the type of what is injected

import httpx
import structlog

from autoscaler.notifications.delivery import Tried, deliver
from autoscaler.notifications.notice import Notice
from autoscaler.notifications.tally import Fate, Tally
from autoscaler.notifications.target import Format, Target
from autoscaler.ports import Clock

WAITING_MAX = 10_000
"""Notices that wait for one target; beyond it the oldest are dropped."""
TOGETHER_MAX = 100
"""Notices in one message for a machine; one for people counts what it does not name."""
DISTANCE_S = 3.0
"""Between two messages: twenty a minute, which is what DingTalk takes."""
TRIES = 6
BACKOFF_S = 1.0
BACKOFF_CEILING_S = 60.0


class Courier:
    """Delivers to one target, in a task of its own."""

    def __init__(
        self, target: Target, client: httpx.AsyncClient, clock: Clock, rng: Random, tally: Tally
    ) -> None:
        self.target = target
        self._client = client
        self._clock = clock
        self._rng = rng
        self._tally = tally
        self._waiting: deque[Notice] = deque()
        self._under_way = 0
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def waiting(self) -> int:
        """Notices that are not delivered yet."""
        return len(self._waiting) + self._under_way

    def take(self, notice: Notice) -> None:
        """Take a notice, at once and without waiting."""
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self._tally.count(self.target.name, Fate.DROPPED)
        self._waiting.append(notice)
        self._idle.clear()
        self._some.set()

    async def run(self) -> None:
        """Deliver what comes, until cancelled."""
        while True:
            await self._some.wait()
            count = len(self._waiting)
            if self.target.format is Format.GENERIC:
                count = min(TOGETHER_MAX, count)
            notices = [self._waiting.popleft() for _ in range(count)]
            self._under_way = count
            await self._bring_or_say(notices)
            self._under_way = 0
            if not self._waiting:
                self._some.clear()
                self._idle.set()
            await self._clock.sleep(DISTANCE_S)

    async def settle(self) -> None:
        """Wait until nothing waits."""
        await self._idle.wait()

    def give_up(self) -> None:
        """Count what was not delivered, at the end."""
        if self.waiting:
            self._tally.count(self.target.name, Fate.DROPPED, self.waiting)
            structlog.get_logger().warning(
                "notifications not delivered before the end",
                target=self.target.name, notices=self.waiting,
            )  # fmt: skip

    async def _bring_or_say(self, notices: list[Notice]) -> None:
        """Bring them; a fault of ours in doing so must not end what comes after."""
        try:
            await self._bring(notices)
        except Exception:  # noqa: BLE001 - said with its traceback, and later messages go on
            self._tally.count(self.target.name, Fate.FAILED, len(notices))
            structlog.get_logger().error(
                "a notification failed by a fault of this program",
                target=self.target.name, exc_info=True,
            )  # fmt: skip

    async def _bring(self, notices: list[Notice]) -> None:
        name = self.target.name
        tried = Tried()
        for number in range(TRIES):
            if number:
                await self._clock.sleep(self._pause_s(number))
            tried = await deliver(self._client, self.target, notices, self._clock.now())
            if not tried.trouble:
                self._tally.count(name, Fate.SENT, len(notices))
                return
            if not tried.again:
                break
        failed = self._tally.count(name, Fate.FAILED, len(notices))
        structlog.get_logger().warning(
            "notification not delivered",
            target=name,
            error=tried.trouble,
            notices=len(notices),
            failed_in_all=failed,
            message="Scaling goes on. `autoscaler notify test` sends a trial message.",
        )

    def _pause_s(self, number: int) -> float:
        """Return the pause before a try: doubled each time, and shortened by up to a half."""
        pause_s = min(BACKOFF_CEILING_S, BACKOFF_S * 2.0 ** (number - 1))
        return pause_s * self._rng.uniform(0.5, 1.0)
