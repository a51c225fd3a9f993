"""Replicas in virtual time that share shards over a bad network, with clocks that disagree.

Every call that a replica would send is booked by its app, with its beginning and its end: two
replicas never have one under way for the same app, and the terms of a lease never go back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded, decides everything

from autoscaler.control.election import Elector, LeasePace
from autoscaler.control.pacing import Pacer
from autoscaler.control.shards import Shards, lease_names
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.ports import Term
from autoscaler.simulator.soak.virtual_loop import run_virtual
from tests.fakes.bench import Bench
from tests.fakes.clock import ManualClock
from tests.fakes.lease import LeaseLink, seeded_delay
from tests.fakes.lease_board import BoardLink, BoardServer
from tests.fakes.platform import FakePlatform
from tests.fakes.recorder import RecordingRecorder
from tests.simulation.election_world import Sent, SkewedClock

PACE = LeasePace(15.0, 10.0, 2.0)
RUN_S = 600.0
CALM_S = 120.0
APPS = tuple(AppKey("default", f"app-{number}") for number in range(12))


def _supervisor() -> Supervisor:
    clock = ManualClock()
    bench = Bench(clock, FakePlatform(clock), RecordingRecorder())
    return Supervisor(
        bench.reconciler(), pacer=Pacer(Random(1)), on_fault=_raise, concurrency=8, standby=True
    )


def _raise(_: object, error: Exception) -> None:
    raise error


async def _begin(_: int, __: Term) -> None:
    """Open no store."""


@dataclass(slots=True)
class Replica:
    """One process that shares shards."""

    name: str
    clock: SkewedClock
    link: BoardLink
    shards: Shards
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    until_s: dict[int, float] = field(default_factory=dict)

    def start(self, world: World) -> None:
        loop = asyncio.get_running_loop()
        self.tasks = [
            loop.create_task(self.shards.run(_supervisor(), begin=_begin, end=self.end)),
            loop.create_task(world.act(self)),
        ]

    async def end(self, index: int) -> None:
        """Wait, as a supervisor does, until what was sent for a shard is over."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, self.until_s.get(index, 0.0) - now))

    async def kill(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End as with SIGTERM: the seat first, then the calls, then the shards."""
        await self.shards.leave()
        await self.kill()
        for index in range(len(self.shards.reigns)):
            await self.end(index)
        await self.shards.release()


@dataclass(slots=True)
class World:
    """What one seed makes happen.

    ``counts``: of shards, one of which each new replica is configured with. ``sent``: every call
    by app.
    """

    rng: Random
    counts: tuple[int, ...]
    replicas: list[Replica] = field(default_factory=list)
    server: BoardServer = field(default_factory=BoardServer)
    sent: dict[AppKey, list[Sent]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    lives: int = 0

    async def live(self, size: int) -> None:
        for _ in range(size):
            self.replicas.append(self.make())
            self.replicas[-1].start(self)
        loop = asyncio.get_running_loop()
        while loop.time() < RUN_S:
            await asyncio.sleep(self.rng.uniform(5.0, 40.0))
            await self._befall(self.rng.randrange(len(self.replicas)))
        await asyncio.sleep(CALM_S)

    async def end(self) -> None:
        for replica in self.replicas:
            await replica.kill()
            await replica.link.aclose()

    def make(self) -> Replica:
        rng = self.rng
        count = rng.choice(self.counts)
        self.lives += 1
        clock = SkewedClock(rng.uniform(-86_400, 86_400), rng.uniform(0.997, 1.003))
        link = BoardLink(self.server, clock, seeded_delay(rng, rng.choice([0.01, 0.3, 1.0])))
        name = f"r{self.lives}"
        shards = Shards(
            link,
            "auto",
            count,
            name,
            pace=PACE,
            clock=clock,
            rng=Random(rng.random()),
        )
        return Replica(name, clock, link, shards)

    async def act(self, replica: Replica) -> None:
        """Send calls for every app whenever it is allowed, as long as the fence lets each be."""
        loop, rng = asyncio.get_running_loop(), Random(self.rng.random())
        count = len(replica.shards.reigns)
        names = lease_names("auto", count)[0]
        while True:
            await replica.clock.sleep(rng.uniform(0.05, 0.5))
            app = rng.choice(APPS)
            index, reign = replica.shards.part_of(app), replica.shards.of(app)
            left_s, term = reign.left_s(), reign.term
            if left_s > 0 and term is not None:
                now = loop.time()
                until_s = now + min(left_s, rng.choice([0.01, 0.2, 15.0]))
                lease = f"{names[index]} {term.lease_id}"
                call = Sent(now, until_s, replica.name, lease, term.number)
                self.sent.setdefault(app, []).append(call)
                replica.until_s[index] = max(replica.until_s.get(index, 0.0), until_s)
                await asyncio.sleep(0 if until_s - now > 1.0 else until_s - now)

    async def _befall(self, index: int) -> None:
        rng, replica = self.rng, self.replicas[index]
        for_s = rng.choice([1.0, 6.0, 14.0, 17.0, 40.0])
        what = rng.choice(["kill", "stop", "cut", "freeze", "delete", "slow"])
        self.faults[what] += 1
        match what:
            case "kill" | "stop":
                await (replica.kill() if what == "kill" else replica.stop())
                await asyncio.sleep(for_s)
                self.replicas[index] = self.make()
                self.replicas[index].start(self)
            case "cut":
                replica.link.set_cut(cut=True)
                await asyncio.sleep(for_s)
                replica.link.set_cut(cut=False)
            case "freeze":
                replica.clock.awake.clear()
                await asyncio.sleep(for_s)
                replica.clock.awake.set()
            case "delete":
                rng.choice(list(self.server.servers.values())).delete()
            case _:
                before = replica.link.delay
                replica.link.delay = seeded_delay(rng, 2.0)
                await asyncio.sleep(for_s)
                replica.link.delay = before

    # -- judgement ----------------------------------------------------------------------------

    def broken(self) -> str:
        """Return what was broken first; empty if nothing."""
        for app, calls in self.sent.items():
            numbers: dict[str, int] = {}
            latest: Sent | None = None
            for call in sorted(calls, key=lambda call: call.at_s):
                if latest and call.replica != latest.replica and call.at_s < latest.until_s:
                    return f"{app}: two at once: {latest} and {call}"
                if call.number < numbers.get(call.lease, 0):
                    return f"{app}: an older term after {numbers[call.lease]}: {call}"
                numbers[call.lease] = call.number
                if latest is None or call.until_s > latest.until_s:
                    latest = call
        return ""

    def owned(self) -> Counter[str]:
        """Return how many shards each living replica may act for now."""
        return Counter({each.name: each.shards.owned for each in self.replicas})


def run_world(seed: int, counts: tuple[int, ...] = ()) -> tuple[World, Counter[str]]:
    """Live through a seed; return the world, and who had how many shards at the end.

    ``counts``: of shards; replicas that do not agree where there are several.
    """
    made: list[tuple[World, Counter[str]]] = []

    async def live() -> None:
        rng = Random(seed)
        world = World(rng, counts or (rng.choice([3, 6, 12]),))
        await world.live(rng.choice([2, 3, 4]))
        made.append((world, world.owned()))
        await world.end()

    run_virtual(live())
    return made[0]


class _Watch:
    """Looks, ten times a second, who may act: the single leader, or whoever has shards."""

    def __init__(self) -> None:
        self.single: list[Elector] = []
        self.shards: list[Replica] = []
        self.turns: list[str] = []
        self.wrong = ""

    async def look(self) -> None:
        while True:
            acting = {
                "single": any(each.left_s() > 0 for each in self.single),
                "shards": any(each.shards.left_s() > 0 for each in self.shards),
            }
            if all(acting.values()):
                self.wrong = f"both act at {asyncio.get_running_loop().time():.1f}"
            for who, acts in acting.items():
                if acts and self.turns[-1:] != [who]:
                    self.turns.append(who)
            await asyncio.sleep(0.1)


def change_of_mind(seed: int) -> tuple[list[str], str]:
    """Let a single leader be followed by replicas with shards, and these by a single leader.

    As in a roll-out, whoever is to follow is there before the others go. Return who acted, in
    order, and what was wrong.
    """
    watch = _Watch()

    async def live() -> None:
        world = World(Random(seed), (4,))
        tasks = [asyncio.create_task(watch.look())]

        def single() -> Elector:
            clock = SkewedClock(world.rng.uniform(-9, 9), world.rng.uniform(0.997, 1.003))
            link = LeaseLink(world.server.of("auto"), clock, seeded_delay(world.rng, 0.3))
            watch.single.append(
                Elector(link, f"s{len(watch.single)}", pace=PACE, clock=clock, rng=world.rng)
            )
            tasks.append(asyncio.create_task(watch.single[-1].run()))
            return watch.single[-1]

        first = single()
        await asyncio.sleep(world.rng.uniform(20.0, 40.0))
        watch.shards = world.replicas = [world.make(), world.make()]
        for replica in watch.shards:
            replica.start(world)
        await asyncio.sleep(world.rng.uniform(5.0, 40.0))
        tasks[1].cancel()
        await asyncio.gather(tasks[1], return_exceptions=True)
        await (first.release() if seed % 2 else asyncio.sleep(0))
        await asyncio.sleep(world.rng.uniform(60.0, 90.0))
        single()
        await asyncio.sleep(60.0)
        await world.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(live())
    return watch.turns, watch.wrong
