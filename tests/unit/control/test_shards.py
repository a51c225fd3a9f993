"""What one replica does with its shards, seen step by step: the seat, the share, the hand-over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.election import LeasePace
from autoscaler.control.pacing import Pacer
from autoscaler.control.rendezvous import shard_of
from autoscaler.control.shards import Shards
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.ports import LeaseRecord, Outcome, Term
from tests.fakes.bench import Bench
from tests.fakes.clock import settle
from tests.fakes.lease_board import BoardLink, BoardServer

PACE = LeasePace(15.0, 10.0, 2.0)
APPS = [AppKey("default", f"app-{number}") for number in range(16)]


@dataclass(slots=True)
class Replica:
    """Shards over a supervisor, ticked by hand. ``begun``, ``ended``: shards, in order."""

    bench: Bench
    server: BoardServer
    link: BoardLink
    shards: Shards
    supervisor: Supervisor
    begun: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        async def begin(index: int, _: Term) -> None:
            self.begun.append(index)

        async def end(index: int) -> None:
            self.ended.append(index)

        run = self.shards.run(self.supervisor, begin=begin, end=end)
        self.tasks = [asyncio.create_task(run)]

    async def run(self, seconds: float, step_s: float = 0.5) -> None:
        for _ in range(int(seconds / step_s)):
            await self.bench.clock.advance(step_s)
            self.supervisor.tick()
            await settle(20)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.supervisor.stop(0.0)

    async def sit_down(self, who: str, slot: int = 3) -> None:
        """Let somebody else take a seat, or renew it."""
        store = BoardLink(self.server, self.bench.clock).lease(f"auto-replica-{slot}")
        now = self.bench.clock.now()
        await store.write(LeaseRecord(who, 15.0, 1, now, now), await store.read())


@pytest.fixture
async def replica(bench: Bench) -> AsyncIterator[Replica]:
    server = BoardServer()
    link = BoardLink(server, bench.clock)
    shards = Shards(link, "auto", 4, "me", pace=PACE, clock=bench.clock, rng=Random(1))
    bench.leadership = shards
    for app in APPS:
        bench.app("x", key=app, wants=1, interval_s=5)
    supervisor = _supervisor(bench, shards)
    supervisor.apply([bench.spec(app) for app in APPS])
    replica = Replica(bench, server, link, shards, supervisor)
    yield replica
    await replica.stop()


def _supervisor(bench: Bench, shards: Shards) -> Supervisor:
    return Supervisor(
        bench.reconciler(),
        pacer=Pacer(Random(1)),
        on_fault=_raise,
        concurrency=32,
        standby=True,
        part_of=shards.part_of,
    )


def _raise(_: object, error: Exception) -> None:
    raise error


def looked_at(bench: Bench) -> set[AppKey]:
    return {call.app for call in bench.platform.made("list")}


async def test_alone_it_takes_every_shard_and_acts_after_the_wait(replica: Replica) -> None:
    replica.start()
    await replica.run(10)
    assert (replica.shards.owned, replica.shards.replicas) == (0, 1), "the leases were not there"
    await replica.run(20)
    assert replica.shards.owned == 4
    assert sorted(replica.begun) == [0, 1, 2, 3]
    assert looked_at(replica.bench) == set(APPS)
    assert replica.shards.left_s() > 0
    assert all(replica.shards.of(app).leader == "me" for app in APPS)


async def test_half_goes_to_one_that_comes_and_its_apps_are_left_alone(replica: Replica) -> None:
    replica.start()
    await replica.run(30)
    await replica.sit_down("you")
    await replica.run(6)
    assert replica.shards.owned == 2
    given_up = set(replica.ended)
    assert len(given_up) == 2
    theirs = {app for app in APPS if shard_of(app, 4) in given_up}
    assert theirs
    assert set(replica.bench.recorder.forgotten) == theirs
    for shard in given_up:
        lease = replica.server.of(f"auto-{shard}-of-4").lease
        assert lease is not None
        assert (lease.record.holder, lease.record.duration_s) == ("", 1.0), "nobody need wait"
    before = len(replica.bench.platform.made("list"))
    await replica.run(8)
    since = {call.app for call in replica.bench.platform.made("list")[before:]}
    assert since == set(APPS) - theirs


async def test_it_takes_them_back_when_the_other_is_gone_for_long(replica: Replica) -> None:
    replica.start()
    await replica.run(30)
    await replica.sit_down("you")
    await replica.run(10)
    assert replica.shards.owned == 2
    await replica.run(12)
    assert (replica.shards.owned, replica.shards.replicas) == (4, 1)


async def test_what_is_under_way_is_finished_before_a_shard_is_given_up(replica: Replica) -> None:
    bench = replica.bench
    replica.start()
    await replica.run(30)
    gates = [bench.platform.hang("list", app=app) for app in APPS]
    await replica.run(6)
    await replica.sit_down("you")
    await replica.run(6)
    assert (replica.shards.owned, replica.ended) == (4, []), "the passes still wait for their lists"
    for gate in gates:
        gate.set()
    await replica.run(3)
    assert (replica.shards.owned, len(replica.ended)) == (2, 2)


async def test_the_seat_is_given_up_first_and_not_taken_again(replica: Replica) -> None:
    replica.start()
    await replica.run(30)
    await replica.shards.leave()
    await replica.run(8)
    seats = [replica.server.holder(f"auto-replica-{slot}") for slot in range(4)]
    assert seats == ["", "", "", ""]
    assert replica.shards.owned == 4, "until they are given back"
    for task in replica.tasks:
        task.cancel()
    await asyncio.gather(*replica.tasks, return_exceptions=True)
    await replica.supervisor.stand_by()
    await replica.shards.release()
    assert [replica.server.holder(f"auto-{shard}-of-4") for shard in range(4)] == [""] * 4


async def test_refused_it_stops_by_itself_and_says_why(replica: Replica) -> None:
    replica.start()
    await replica.run(30)
    replica.link.refuse()
    await replica.run(12)
    assert replica.shards.owned == 0
    assert replica.shards.left_s() == 0
    assert replica.shards.trouble
    assert set(replica.bench.recorder.forgotten) == set(APPS)
    lists = len(replica.bench.platform.made("list"))
    await replica.run(10)
    assert len(replica.bench.platform.made("list")) == lists


async def test_trouble_with_any_lease_is_said_once(bench: Bench) -> None:
    said: list[str] = []
    link = BoardLink(BoardServer(), bench.clock)
    shards = Shards(
        link, "auto", 3, "me", pace=PACE, clock=bench.clock, rng=Random(1), on_trouble=said.append
    )
    replica = Replica(bench, link.server, link, shards, _supervisor(bench, shards))
    replica.start()
    await replica.run(3)
    assert said == []
    for name in ("auto-0-of-3", "auto-2-of-3"):
        link.links[name].refused = True
    await replica.run(20)
    assert said == ["401 Unauthorized"]
    assert (shards.owned, shards.trouble) == (1, "401 Unauthorized")
    for name in ("auto-0-of-3", "auto-2-of-3"):
        link.links[name].refused = False
    await replica.run(20)
    assert said == ["401 Unauthorized", ""]
    assert shards.owned == 3
    await replica.stop()


async def test_few_requests_for_leases(replica: Replica) -> None:
    replica.start()
    await replica.run(40)
    before = replica.shards.calls
    await replica.run(60)
    per_s = (replica.shards.calls - before) / 60
    # 4 shards and a third of a seat each 2 s at most, and a listing each 0.8 to 1.6 s
    assert per_s < 4 / 1.5 + 1 / 0.8 + 0.3


async def test_orders_leave_only_for_shards_that_are_ours(replica: Replica) -> None:
    bench = replica.bench
    for app in APPS:
        bench.wishes[app].answer = 3
    replica.start()
    await replica.run(30)
    assert set(bench.recorder.outcomes()[-16:]) == {Outcome.APPLIED}
    await replica.sit_down("you")
    await replica.run(6)
    lost = {app for app in APPS if replica.shards.of(app).left_s() == 0}
    assert lost == {app for app in APPS if shard_of(app, 4) in replica.ended}
