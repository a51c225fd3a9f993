"""The desk that takes orders by hand: written first, obeyed at once, told to the recorder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.interventions import Desk
from autoscaler.control.pacing import Pacer
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey, Intervention, InterventionKind
from autoscaler.model.errors import NotLeader, StateError
from autoscaler.ports import AlwaysLeader
from autoscaler.state import VolatileState
from tests.fakes.bench import Bench
from tests.fakes.clock import settle

A, NOBODY = AppKey("default", "a"), AppKey("default", "nobody")
PAUSE, OVERRIDE, BOOST = InterventionKind
ALL = frozenset(InterventionKind)


@dataclass(slots=True)
class House:
    bench: Bench
    supervisor: Supervisor
    desk: Desk

    async def run(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.bench.clock.jump(0.5)
            self.supervisor.tick()
            await settle(20)

    def order(self, kind: InterventionKind, for_s: float = 300.0, workers: int = 0) -> Intervention:
        now = self.bench.clock.now()
        return Intervention(kind, now, now + for_s, "ann", "a test", workers=workers)


@pytest.fixture
async def house(bench: Bench) -> AsyncIterator[House]:
    reconciler = bench.reconciler()
    supervisor = Supervisor(
        reconciler, pacer=Pacer(Random(1)), on_fault=lambda *_: None, concurrency=8
    )
    yield House(bench, supervisor, Desk(supervisor, reconciler))
    await supervisor.stop(0.0)


async def test_an_order_is_written_told_and_obeyed_at_once(house: House) -> None:
    house.bench.app("x", key=A, wants=1, interval_s=600)
    house.supervisor.apply([house.bench.spec(A)])
    await house.run(20)
    order = house.order(OVERRIDE, workers=4)
    await house.desk.intervene(A, order)
    stored = await house.bench.state.load(A)
    assert stored is not None
    assert stored.interventions == (order,)
    assert house.desk.in_force(A) == (order,)
    assert house.bench.recorder.interventions == [(A, order, house.bench.clock.now(), "")]
    await house.run(1)
    (call,) = house.bench.platform.made("up")
    assert call.count == 3


async def test_an_order_ends_by_itself_and_that_is_told(house: House) -> None:
    house.bench.app("x", key=A, wants=1, interval_s=10)
    house.supervisor.apply([house.bench.spec(A)])
    order = house.order(PAUSE, for_s=30)
    await house.desk.intervene(A, order)
    await house.run(60)
    assert house.desk.in_force(A) == ()
    assert [ended for *_, ended in house.bench.recorder.interventions] == ["", "its time was over"]
    assert house.bench.recorder.reasons_of(A)[0] == "Paused"
    assert house.bench.recorder.reasons_of(A)[-1] == "AtTarget"


async def test_resuming_ends_what_is_in_force_and_says_who(house: House) -> None:
    house.bench.app("x", key=A, wants=1, interval_s=10)
    house.supervisor.apply([house.bench.spec(A)])
    order = house.order(PAUSE)
    await house.desk.intervene(A, order)
    assert await house.desk.end(A, ALL, "bob", "done") == (order,)
    assert await house.desk.end(A, ALL, "bob", "done") == ()
    assert house.bench.recorder.interventions[-1][-1] == "ended by bob: done"
    stored = await house.bench.state.load(A)
    assert stored is not None
    assert stored.interventions == ()


async def test_an_order_waits_for_the_pass_under_way(house: House) -> None:
    house.bench.app("x", key=A, wants=1, interval_s=10)
    gate = house.bench.platform.hang("list", app=A)
    house.supervisor.apply([house.bench.spec(A)])
    await house.run(5)
    order = house.order(PAUSE)
    taking = asyncio.create_task(house.desk.intervene(A, order))
    await settle()
    assert not taking.done()
    gate.set()
    await taking
    assert house.desk.in_force(A) == (order,)


async def test_a_store_that_fails_is_said_and_the_order_holds(house: House) -> None:
    class Broken(VolatileState):
        async def write_intent(self, app: AppKey, memory: object) -> None:
            raise StateError("disk full")

    house.bench.state = Broken()
    reconciler = house.bench.reconciler()
    supervisor = Supervisor(
        reconciler, pacer=Pacer(Random(1)), on_fault=lambda *_: None, concurrency=8
    )
    desk = Desk(supervisor, reconciler)
    house.bench.app("x", key=A)
    supervisor.apply([house.bench.spec(A)])
    order = house.order(PAUSE)
    with pytest.raises(StateError, match="disk full"):
        await desk.intervene(A, order)
    assert desk.in_force(A) == (order,)
    await supervisor.stop(0.0)


async def test_orders_survive_a_restart(house: House) -> None:
    house.bench.app("x", key=A, wants=5)
    house.supervisor.apply([house.bench.spec(A)])
    await house.desk.intervene(A, house.order(PAUSE))
    house.bench.restart(A)
    assert (await house.bench.pass_(A)).reason.value == "Paused"


async def test_an_app_that_is_not_configured_takes_no_orders(house: House) -> None:
    assert not house.desk.knows(NOBODY)
    assert house.desk.in_force(NOBODY) == ()
    with pytest.raises(KeyError):
        await house.desk.intervene(NOBODY, house.order(PAUSE))
    with pytest.raises(KeyError):
        await house.desk.end(NOBODY, ALL, "bob", "done")


async def test_a_replica_that_does_not_lead_takes_no_orders(house: House) -> None:
    class Standby(AlwaysLeader):
        leader = "pod-1"

        def left_s(self) -> float:
            return 0.0

    house.bench.app("x", key=A)
    house.supervisor.apply([house.bench.spec(A)])
    desk = Desk(house.supervisor, house.desk.reconciler, Standby())
    with pytest.raises(NotLeader, match="pod-1 leads"):
        await desk.intervene(A, house.order(PAUSE))
    with pytest.raises(NotLeader):
        await desk.end(A, ALL, "bob", "done")
    assert await house.bench.state.load(A) is None


async def test_an_order_that_is_cut_off_by_a_stop_is_not_confirmed(house: House) -> None:
    class Slow(VolatileState):
        async def write_intent(self, app: AppKey, memory: object) -> None:
            await asyncio.Event().wait()

    house.bench.state = Slow()
    reconciler = house.bench.reconciler()
    supervisor = Supervisor(
        reconciler, pacer=Pacer(Random(1)), on_fault=lambda *_: None, concurrency=8
    )
    house.bench.app("x", key=A)
    supervisor.apply([house.bench.spec(A)])
    taking = asyncio.create_task(Desk(supervisor, reconciler).intervene(A, house.order(PAUSE)))
    await settle()
    await supervisor.stop(0.0)
    with pytest.raises(StateError, match="stopped before"):
        await taking
