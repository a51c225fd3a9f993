"""Whole daemons in virtual time, several of them: one acts, whatever happens to lease and process.

Everything between the lease and the platform is the real thing: elector, reign, store, supervisor,
reconciler, actuator, client. The platform's referee judges every scale call; beside it stand the
rules of failover: terms never go back, and who takes over without the memory of the last leader
orders nothing before a deadline, and removes nothing before a window.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, decides everything
from tempfile import TemporaryDirectory

import httpx

from autoscaler.control.election import Elector, LeasePace
from autoscaler.control.fleet import Fleet as Ceiling
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.pacing import Pacer
from autoscaler.control.reconciler import Reconciler
from autoscaler.control.reign import Reign
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision import AppSpec
from autoscaler.emulator import Fleet, Handler, Reply
from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Term
from autoscaler.simulator.soak.journal import Journal
from autoscaler.simulator.soak.network import Exchange, Network, ProcessTransport
from autoscaler.simulator.soak.plan import Plan, draw_plan
from autoscaler.simulator.soak.process import ENDPOINT, Disk, open_store
from autoscaler.simulator.soak.recorder import SoakRecorder
from autoscaler.simulator.soak.virtual_loop import run_virtual
from autoscaler.simulator.soak.world import EPOCH_S, TOKEN
from autoscaler.state import ReignState
from tests.fakes.lease import LeaseLink, LeaseServer, seeded_delay
from tests.simulation.election_world import SkewedClock

PACE = LeasePace(15.0, 10.0, 2.0)
HOURS = 0.5
SLACK_S = 2.0
CALM = frozenset(
    {"delay", "hang", "hang-after", "reset-before", "reset-after", "429", "500", "500-after"}
)
"""Faults of the platform that leave its lists true."""


class SleepyTransport(ProcessTransport):
    """The way to the platform of a process that may be frozen."""

    awake: asyncio.Event

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        await self.awake.wait()
        return response


@dataclass(slots=True)
class Replica:
    """One daemon. ``began_s``: loop time at which its present reign began."""

    name: str
    clock: SkewedClock
    elector_clock: SkewedClock
    link: LeaseLink
    reign: Reign
    state: ReignState
    supervisor: Supervisor
    client: EverAIClient
    began_s: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        loop = asyncio.get_running_loop()

        async def begin(term: Term) -> None:
            self.began_s = loop.time()
            try:
                await self.state.open(term)
            except StateError:
                return

        follow = self.reign.follow(self.supervisor, begin=begin, end=self.state.close)
        work = (self.reign.elector.run(), follow, self._ticks())
        self.tasks = [loop.create_task(each) for each in work]

    async def _ticks(self) -> None:
        for tick in range(10**9):
            await self.clock.sleep(0.2)
            self.supervisor.tick()
            if tick % 25 == 0:
                await self.supervisor.flush()

    async def stop(self) -> None:
        """End as with SIGTERM."""
        await self.supervisor.stop(1.0)
        await self._cancel()
        await self.supervisor.stand_by()
        await self.state.close()
        await self.reign.elector.release()

    async def kill(self) -> None:
        """End as with SIGKILL: nothing is written or given back."""
        store = self.state._store
        self.state._store = None
        if store is not None and hasattr(store, "abandon"):
            store.abandon()
        await self._cancel()
        await self.supervisor.stand_by()

    async def _cancel(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@dataclass(slots=True)
class Referee:
    """Implements the network's witness."""

    fleet: Fleet
    journal: Journal
    specs: dict[AppKey, AppSpec]
    replicas: dict[str, Replica] = field(default_factory=dict)
    newest: dict[AppKey, tuple[int, str]] = field(default_factory=dict)
    sent_at: dict[str, int] = field(default_factory=dict)

    def sent(self, exchange: Exchange) -> None:
        replica = self.replicas[exchange.process]
        if replica.reign.term is None:
            self.journal.count("requests while not leading")
        if not exchange.scales or replica.state.proven:
            return
        led_s = exchange.sent_s - replica.began_s
        spec = self.specs[exchange.app]
        if exchange.operation == "scale-up" and led_s < spec.order_deadline_s - SLACK_S:
            self._fail("ordered-too-soon", exchange, f"{led_s:.0f} s after taking over")
        early = led_s < spec.down.stabilization_window_s - SLACK_S
        if exchange.operation == "scale-down" and early and not spec.drain.clear_failed:
            self._fail("removed-too-soon", exchange, f"{led_s:.0f} s after taking over")

    def may_be_emptied(self, exchange: Exchange) -> bool:
        return False

    def delivered(self, exchange: Exchange) -> None:
        if not exchange.scales:
            return
        words = exchange.request.headers["user-agent"].partition("term ")[2].rstrip(")")
        if not words:
            self._fail("no-term", exchange, "a scale call of nobody")
            return
        turn = (int(words), exchange.process)
        last = self.newest.get(exchange.app, turn)
        if turn[0] < last[0] or (turn[0] == last[0] and turn[1] != last[1]):
            self._fail("two-actors", exchange, f"{turn} after {last}")
        self.newest[exchange.app] = turn
        self.journal.count(f"{exchange.operation} arrived")

    def answered(self, exchange: Exchange, reply: Reply) -> None:
        books = self.fleet.app(exchange.app.name, exchange.app.namespace).books
        for breach in books.broken.kept:
            self.journal.fail(breach.rule, breach.app, breach.detail)
        books.broken.kept.clear()
        if books.lost_to_scale_down:
            self._fail("lost-to-scale-down", exchange, f"{books.lost_to_scale_down} requests")

    def ended(self, exchange: Exchange, reply: Reply | None) -> None:
        pass

    def _fail(self, rule: str, exchange: Exchange, detail: str) -> None:
        self.journal.fail(rule, str(exchange.app), f"{exchange.process}: {detail}")


class World:
    """One seed's platform, lease, replicas and what befalls them."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = Random(seed)
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        plan = _calm(draw_plan(seed, HOURS))
        self.plan = plan
        self.journal = Journal(self.loop.time)
        self.server = LeaseServer()
        self.shared = self.rng.random() < 0.5
        fleet = Fleet(plan.scenario, epoch_s=EPOCH_S)
        handler = Handler(plan.scenario, fleet, token=TOKEN, now=lambda: EPOCH_S + self.loop.time())
        self.referee = Referee(fleet, self.journal, {spec.key: spec for spec in plan.specs})
        self.network = Network(
            handler,
            weather=plan.weather,
            rng=self.rng,
            journal=self.journal,
            witness=self.referee,
        )
        self.replicas = [self._make(index, 0) for index in range(self.rng.choice([2, 3]))]
        self.lives = [0] * len(self.replicas)

    async def live(self) -> None:
        for replica in self.replicas:
            replica.start()
        while self.loop.time() < HOURS * 3600 and not self.journal.broken:
            await asyncio.sleep(self.rng.uniform(20.0, 120.0))
            await self._befall(self.rng.randrange(len(self.replicas)))
        for replica in self.replicas:
            await replica.kill()
            await replica.link.aclose()

    async def _befall(self, index: int) -> None:
        rng, replica = self.rng, self.replicas[index]
        for_s = rng.choice([5.0, 12.0, 25.0, 60.0])
        what = rng.choice(["kill", "stop", "cut", "starve", "freeze", "freeze-server"])
        self.journal.count(what)
        match what:
            case "kill" | "stop":
                await (replica.kill() if what == "kill" else replica.stop())
                await asyncio.sleep(rng.choice([0.2, for_s]))
                self.lives[index] += 1
                self.replicas[index] = self._make(index, self.lives[index])
                self.replicas[index].start()
            case "cut":
                replica.link.cut = True
                await asyncio.sleep(for_s)
                replica.link.cut = False
            case "freeze-server":
                awake = asyncio.Event()
                for each in self.replicas:
                    each.link.frozen = awake
                await asyncio.sleep(for_s)
                awake.set()
                for each in self.replicas:
                    each.link.frozen = None
            case _:
                # Starved: the election has no turn, while passes go on as they can.
                clocks = [replica.elector_clock]
                if what == "freeze":
                    clocks.append(replica.clock)
                for clock in clocks:
                    clock.awake.clear()
                await asyncio.sleep(for_s)
                for clock in clocks:
                    clock.awake.set()

    def _make(self, index: int, life: int) -> Replica:
        rng, name = self.rng, f"r{index}-{life}"
        clock = SkewedClock(EPOCH_S + rng.uniform(-300, 300), rng.uniform(0.999, 1.001))
        elector_clock = SkewedClock(clock._offset_s, clock._rate)
        link = LeaseLink(self.server, elector_clock, seeded_delay(rng, rng.choice([0.02, 0.5])))
        elector = Elector(link, name, pace=PACE, clock=elector_clock, rng=Random(rng.random()))
        reign = Reign(elector)
        path = self.folder / ("shared.db" if self.shared else f"{index}.db")
        deadline_s = max(spec.order_deadline_s for spec in self.plan.specs)
        disk = Disk()
        state = ReignState(
            lambda: open_store(path, disk),
            path=path,
            clock=clock,
            doubt_s=deadline_s,
            run=disk.run,
        )
        transport = SleepyTransport(name, self.network)
        transport.awake = clock.awake
        client = EverAIClient(
            ENDPOINT,
            TokenSource.from_value(TOKEN),
            clock=clock,
            rng=Random(rng.random()),
            signature=lambda _: f"{name}; term {reign.term.number}" if reign.term else name,
            transport=transport,
        )
        reconciler = Reconciler(
            platform=GuardedPlatform(client, Budget(clock, None), Breaker(clock)),
            state=state,
            clock=clock,
            recorder=SoakRecorder(name, Journal(self.loop.time), TOKEN),
            fleet=Ceiling(),
            leadership=reign,
        )
        supervisor = Supervisor(
            reconciler,
            pacer=Pacer(Random(rng.random())),
            on_fault=self._fault,
            concurrency=8,
            standby=True,
        )
        supervisor.apply(self.plan.specs)
        replica = Replica(name, clock, elector_clock, link, reign, state, supervisor, client)
        self.referee.replicas[name] = replica
        return replica

    def _fault(self, app: AppKey, error: Exception) -> None:
        self.journal.fail("pass-raised", str(app), f"{type(error).__name__}: {error}")


def _calm(plan: Plan) -> Plan:
    """Return the plan without what makes lists untrue, and without calls that travel for long."""
    faults = tuple(fault for fault in plan.scenario.faults if fault.kind in CALM)
    apps = tuple(app.model_copy(update={"events": ()}) for app in plan.scenario.apps)
    scenario = plan.scenario.model_copy(update={"faults": faults, "apps": apps})
    weather = tuple(each for each in plan.weather if each.trouble in ("refused", "slow"))
    return replace(plan, scenario=scenario, weather=weather)


def run_world(seed: int) -> Journal:
    worlds: list[World] = []

    async def live(folder: Path) -> None:
        worlds.append(World(seed, folder))
        await worlds[0].live()

    with TemporaryDirectory() as name:
        run_virtual(live(Path(name)))
    return worlds[0].journal
