"""Replicas in virtual time that share a lease over a bad network, with clocks that disagree.

Every call that a replica would send to the platform is booked with its beginning and its end. Two
replicas never have one under way at the same time, and terms never go back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded, decides everything

from autoscaler.control.election import Elector, LeasePace
from autoscaler.ports import Clock
from autoscaler.simulator.soak.virtual_loop import run_virtual
from tests.fakes.lease import LeaseLink, LeaseServer, seeded_delay

PACE = LeasePace(15.0, 10.0, 2.0)
RUN_S = 900.0
Make = Callable[..., Elector]


class SkewedClock:
    """A machine's clock: off by hours, and a little fast or slow; stands still for nobody."""

    def __init__(self, offset_s: float, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._offset_s, self._rate = offset_s, rate
        self.awake = asyncio.Event()
        self.awake.set()

    def now(self) -> float:
        return self._offset_s + self._loop.time() * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._rate)
        await self.awake.wait()


@dataclass(frozen=True, slots=True)
class Sent:
    """A call to the platform. ``at_s``, ``until_s``: of the world's clock."""

    at_s: float
    until_s: float
    replica: str
    lease: str
    number: int


@dataclass(slots=True)
class World:
    """What one seed makes happen. ``sent``: every call, by its beginning."""

    rng: Random
    make: Make
    replicas: int
    server: LeaseServer = field(default_factory=LeaseServer)
    sent: list[Sent] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    links: list[LeaseLink] = field(default_factory=list)
    clocks: list[SkewedClock] = field(default_factory=list)
    electors: list[Elector] = field(default_factory=list)
    runs: list[asyncio.Task[None]] = field(default_factory=list)

    async def live(self) -> None:
        tasks = []
        for index in range(self.replicas):
            self._settle_in(index)
            tasks.append(asyncio.create_task(self._act(index)))
        plague = asyncio.create_task(self._plague())
        await asyncio.sleep(RUN_S)
        for task in (*tasks, *self.runs, plague):
            task.cancel()
        await asyncio.gather(*tasks, *self.runs, plague, return_exceptions=True)
        for link in self.links:
            await link.aclose()

    def _settle_in(self, index: int) -> None:
        rng = self.rng
        clock = SkewedClock(rng.uniform(-86_400, 86_400), rng.uniform(0.997, 1.003))
        link = LeaseLink(self.server, clock, seeded_delay(rng, rng.choice([0.01, 0.3, 1.5])))
        elector = self.make(link, f"r{index}", pace=PACE, clock=clock, rng=Random(rng.random()))
        self.clocks.append(clock)
        self.links.append(link)
        self.electors.append(elector)
        self.runs.append(asyncio.create_task(elector.run()))

    async def _act(self, index: int) -> None:
        """Send calls whenever it is allowed, each as long as the fence lets it be."""
        loop, rng, clock = asyncio.get_running_loop(), Random(self.rng.random()), self.clocks[index]
        while True:
            await clock.sleep(rng.uniform(0.05, 0.5))
            elector = self.electors[index]
            left_s, term = elector.left_s(), elector.term
            if left_s > 0 and term is not None:
                life_s = min(left_s, rng.choice([0.01, 1.0, 15.0]))
                now = loop.time()
                self.sent.append(
                    Sent(now, now + life_s, elector.identity, term.lease_id, term.number)
                )
                await asyncio.sleep(life_s)
                await clock.awake.wait()

    async def _plague(self) -> None:
        rng = self.rng
        faults = [
            self._cut, self._refuse, self._freeze_server, self._slow, self._freeze_process,
            self._restart, self._delete, self._release,
        ]  # fmt: skip
        while True:
            await asyncio.sleep(rng.uniform(5.0, 60.0))
            fault = rng.choice(faults)
            self.faults.append(fault.__name__)
            await fault(rng.randrange(self.replicas), rng.choice([1.0, 6.0, 14.0, 17.0, 40.0]))

    async def _cut(self, index: int, for_s: float) -> None:
        self.links[index].cut = True
        await asyncio.sleep(for_s)
        self.links[index].cut = False

    async def _refuse(self, index: int, for_s: float) -> None:
        self.links[index].refused = True
        await asyncio.sleep(for_s)
        self.links[index].refused = False

    async def _freeze_server(self, _: int, for_s: float) -> None:
        awake = asyncio.Event()
        for link in self.links:
            link.frozen = awake
        await asyncio.sleep(for_s)
        awake.set()
        for link in self.links:
            link.frozen = None

    async def _slow(self, index: int, for_s: float) -> None:
        link, before = self.links[index], self.links[index].delay
        link.delay = seeded_delay(self.rng, 4.0)
        await asyncio.sleep(for_s)
        link.delay = before

    async def _freeze_process(self, index: int, for_s: float) -> None:
        self.clocks[index].awake.clear()
        await asyncio.sleep(for_s)
        self.clocks[index].awake.set()

    async def _restart(self, index: int, for_s: float) -> None:
        self.runs[index].cancel()
        await self._come_back(index, for_s)

    async def _release(self, index: int, for_s: float) -> None:
        """Stop as SIGTERM does: calls end first."""
        elector = self.electors[index]
        self.runs[index].cancel()
        now = asyncio.get_running_loop().time()
        mine = [call.until_s for call in self.sent if call.replica == elector.identity]
        dead, self.electors[index] = elector, self._silent(index)
        await asyncio.sleep(max(0.0, max(mine, default=0.0) - now))
        await dead.release()
        await self._come_back(index, for_s)

    def _silent(self, index: int) -> Elector:
        """Return one that never campaigns: the process is ending."""
        clock: Clock = self.clocks[index]
        return self.make(self.links[index], "", pace=PACE, clock=clock, rng=Random(0))

    async def _come_back(self, index: int, for_s: float) -> None:
        self.electors[index] = self._silent(index)
        await asyncio.sleep(for_s)
        name = f"r{index}-{len(self.runs)}"
        elector = self.make(
            self.links[index],
            name,
            pace=PACE,
            clock=self.clocks[index],
            rng=Random(self.rng.random()),
        )
        self.electors[index] = elector
        self.runs[index] = asyncio.create_task(elector.run())

    async def _delete(self, _: int, for_s: float) -> None:
        self.server.delete()
        await asyncio.sleep(for_s)

    # -- judgement ----------------------------------------------------------------------------

    def broken(self) -> str:
        """Return what was broken first; empty if nothing."""
        latest: Sent | None = None
        numbers: dict[str, int] = {}
        for call in sorted(self.sent, key=lambda call: call.at_s):
            if latest and call.replica != latest.replica and call.at_s < latest.until_s:
                return f"two at once: {latest} and {call}"
            if call.number < numbers.get(call.lease, 0):
                return f"an older term after {numbers[call.lease]}: {call}"
            numbers[call.lease] = call.number
            if latest is None or call.until_s > latest.until_s:
                latest = call
        return ""


def run_world(seed: int, make: Make = Elector) -> World:
    worlds: list[World] = []

    async def live() -> None:
        rng = Random(seed)
        worlds.append(World(rng, make, rng.choice([2, 2, 3])))
        await worlds[0].live()

    run_virtual(live())
    return worlds[0]
