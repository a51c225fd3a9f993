"""A supervisor that follows the elector: nothing before, nothing after, nothing remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.election import Elector, LeasePace
from autoscaler.control.pacing import Pacer
from autoscaler.control.reign import Reign
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision.memory import OrderOutcome
from autoscaler.ports import Outcome, Term, Trust
from autoscaler.state import ReignState, VolatileState
from tests.fakes.bench import Bench
from tests.fakes.clock import settle
from tests.fakes.lease import LeaseLink, LeaseServer
from tests.fakes.stories import KEY

PACE = LeasePace(15.0, 10.0, 2.0)


@dataclass(slots=True)
class Replica:
    """A supervisor under an elector, ticked by hand; ``terms``: those that began."""

    bench: Bench
    link: LeaseLink
    reign: Reign
    supervisor: Supervisor
    state: ReignState
    terms: list[Term] = field(default_factory=list)
    ended: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        async def begin(term: Term) -> None:
            self.terms.append(term)
            await self.state.open(term)

        async def end() -> None:
            self.ended += 1
            await self.state.close()

        follow = self.reign.follow(self.supervisor, begin=begin, end=end)
        self.tasks = [asyncio.create_task(self.reign.elector.run()), asyncio.create_task(follow)]

    async def run(self, seconds: float, step_s: float = 0.5) -> None:
        for _ in range(int(seconds / step_s)):
            await self.bench.clock.advance(step_s)
            self.supervisor.tick()
            await settle(20)


@pytest.fixture
async def replica(bench: Bench) -> AsyncIterator[Replica]:
    clock = bench.clock
    link = LeaseLink(LeaseServer(), clock)
    elector = Elector(link, "me", pace=PACE, clock=clock, rng=Random(1))
    state = ReignState(lambda: VolatileState(Trust.LOST), path=None, clock=clock, doubt_s=60)
    bench.state = state
    bench.leadership = reign = Reign(elector)
    supervisor = Supervisor(
        bench.reconciler(), pacer=Pacer(Random(1)), on_fault=_raise, concurrency=8, standby=True
    )
    replica = Replica(bench, link, reign, supervisor, state)
    yield replica
    for task in replica.tasks:
        task.cancel()
    await asyncio.gather(*replica.tasks, return_exceptions=True)
    await supervisor.stop(0.0)


def _raise(_: object, error: Exception) -> None:
    raise error


async def test_a_follower_asks_the_platform_nothing(replica: Replica) -> None:
    bench = replica.bench
    bench.app("x", wants=1, interval_s=10)
    replica.supervisor.apply([bench.spec()])
    await replica.run(60)
    assert bench.platform.calls == []
    replica.start()
    await replica.run(30)
    assert bench.platform.made("list")
    assert replica.terms == [Term("lease-1", 1)]


async def test_without_the_memory_of_the_last_leader_orders_wait(replica: Replica) -> None:
    bench = replica.bench
    bench.app("x", wants=3, interval_s=5, order_deadline_s=60.0)
    replica.supervisor.apply([bench.spec()])
    replica.start()
    await replica.run(50)
    assert set(bench.recorder.reasons_of(KEY)) == {"FrozenAfterRestart"}
    await replica.run(40)
    assert len(bench.platform.made("up")) == 1


async def test_losing_the_lead_cuts_off_and_forgets(replica: Replica) -> None:
    bench = replica.bench
    bench.app("x", wants=3, interval_s=5, order_deadline_s=60.0)
    replica.supervisor.apply([bench.spec()])
    replica.start()
    await replica.run(58)
    bench.platform.hang("up")
    await replica.run(10)
    assert len(bench.platform.made("up")) == 1
    kept = {}
    flush = replica.state.flush

    async def remember() -> None:
        await flush()
        kept["memory"] = await replica.state.load(KEY)

    replica.state.close, closing = remember, replica.state.close  # type: ignore[method-assign]  # to look at what is written
    replica.link.refused = True
    await replica.run(11)
    assert replica.ended == 1
    assert bench.recorder.outcomes()[-1] is Outcome.UNKNOWN
    memory = kept["memory"]
    assert memory is not None
    assert [order.outcome for order in memory.up_orders] == [OrderOutcome.UNKNOWN]
    assert bench.recorder.forgotten == [KEY]
    await closing()
    lists = len(bench.platform.made("list"))
    await replica.run(60)
    assert len(bench.platform.made("list")) == lists
    assert replica.supervisor.apps == (KEY,)


async def test_a_new_reign_is_not_the_old_one(replica: Replica) -> None:
    bench = replica.bench
    bench.app("x", wants=1, interval_s=5)
    replica.supervisor.apply([bench.spec()])
    replica.start()
    await replica.run(20)
    first = replica.reign.term
    assert first is not None
    replica.link.refused = True
    await replica.run(12)
    assert replica.reign.term is None
    replica.link.refused = False
    await replica.run(20)
    assert replica.terms == [first, Term(first.lease_id, first.number + 1)]
    for _ in range(10):
        if replica.reign.left_s() > 0:
            break
        # its tries have a limit in real time, which a busy machine may reach
        await replica.run(2)
    assert replica.reign.left_s() > 0
    assert bench.recorder.reasons_of(KEY)[-1] == "AtTarget"


async def test_apps_that_come_and_go_while_standing_by(replica: Replica) -> None:
    bench = replica.bench
    bench.app("x", wants=1, interval_s=5)
    replica.supervisor.apply([bench.spec()])
    replica.supervisor.apply([])
    assert replica.supervisor.apps == ()
    replica.supervisor.apply([bench.spec()])
    replica.start()
    await replica.run(30)
    assert bench.platform.made("list")
