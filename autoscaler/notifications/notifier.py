"""The recorder that tells people: it enqueues, and couriers deliver in tasks of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random  # noqa: TID251 - the type of what is injected

import httpx

from autoscaler.model import AppKey, Decision, Intervention, ScaleDown, ScaleUp
from autoscaler.notifications import notice
from autoscaler.notifications.courier import Courier
from autoscaler.notifications.delivery import Tried, deliver
from autoscaler.notifications.notice import Notice
from autoscaler.notifications.subscription import Subscription
from autoscaler.notifications.tally import Tally
from autoscaler.notifications.target import Target
from autoscaler.ports import Clock, Outcome
from autoscaler.telemetry import SilentRecorder


class Notifier(SilentRecorder):
    """Tells every target what it wants to hear. Nothing that happens here touches scaling."""

    def __init__(
        self,
        targets: Sequence[Target],
        clock: Clock,
        rng: Random,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Take a transport in place of the real network's; names of targets differ."""
        # Time is limited per exchange as a whole; redirects are not followed.
        self._client = httpx.AsyncClient(transport=transport, timeout=None)  # noqa: S113
        self._clock = clock
        self.tally = Tally(target.name for target in targets)
        couriers = [Courier(target, self._client, clock, rng, self.tally) for target in targets]
        self._desks = [(Subscription(each.target, self.tally), each) for each in couriers]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def waiting(self) -> int:
        """Notices that are not delivered yet."""
        return sum(courier.waiting for _, courier in self._desks)

    def start(self) -> None:
        """Begin to deliver; needs the running loop."""
        for _, courier in self._desks:
            task = asyncio.get_running_loop().create_task(
                courier.run(), name=f"notify {courier.target.name}"
            )
            self._tasks.append(task)

    async def aclose(self, grace_s: float) -> None:
        """Deliver what waits for at most ``grace_s`` seconds, then stop."""
        if self._tasks:
            settling = [courier.settle() for _, courier in self._desks]
            try:
                async with asyncio.timeout(grace_s):
                    await asyncio.gather(*settling)
            except TimeoutError:
                pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, courier in self._desks:
            courier.give_up()
        await self._client.aclose()

    async def try_out(self) -> dict[str, Tried]:
        """Send a trial message to every target at once, one try each; return what came of it."""
        trial = notice.trial(self._clock.now())
        targets = [courier.target for _, courier in self._desks]
        tried = await asyncio.gather(
            *(deliver(self._client, target, [trial], trial.at) for target in targets)
        )
        return {target.name: each for target, each in zip(targets, tried, strict=True)}

    def decided(self, decision: Decision) -> None:
        """Tell of trouble that lasts, or is over."""
        for subscription, courier in self._desks:
            found = subscription.decided(decision)
            if found is not None:
                courier.take(found)

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Tell what came of a scale request."""
        found = notice.scaled(decision, action, outcome, detail)
        if found is not None:
            self._offer(found)

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Tell of a removal that met a serving worker."""
        self._offer(notice.raced(app, worker_id, self._clock.now()))

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Tell of a person's order, and of its end."""
        self._offer(notice.by_hand(app, intervention, at, ended))

    def forget(self, app: AppKey) -> None:
        """Drop what is remembered of the app."""
        for subscription, _ in self._desks:
            subscription.forget(app)

    def _offer(self, found: Notice) -> None:
        for subscription, courier in self._desks:
            told = subscription.offered(found)
            if told is not None:
                courier.take(told)
