"""Many apps side by side: none waits for another, none runs twice, none is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.fleet import Ceilings, Fleet
from autoscaler.control.pacing import Pacer
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision import AppMemory
from autoscaler.decision.memory import OrderOutcome
from autoscaler.model import AppKey, Reason
from autoscaler.model.errors import AppNotFound, StateError, Unauthorized, Unreachable
from autoscaler.state import VolatileState
from tests.fakes.bench import Bench
from tests.fakes.clock import settle
from tests.fakes.stories import Wish

A, B, C = (AppKey("default", name) for name in "abc")


@dataclass(slots=True)
class House:
    """A supervisor over the bench, ticked by hand."""

    bench: Bench
    supervisor: Supervisor
    faults: list[tuple[AppKey, Exception]] = field(default_factory=list)

    def apply(self, *keys: AppKey) -> None:
        self.supervisor.apply([self.bench.spec(key) for key in keys])

    async def run(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time go by, tick by tick."""
        for _ in range(int(seconds / step_s)):
            self.bench.clock.jump(step_s)
            self.supervisor.tick()
            await settle(20)

    def passes(self, key: AppKey) -> int:
        return sum(app == key for app, _, _ in self.bench.recorder.passes)


def build(bench: Bench, concurrency: int = 8) -> House:
    faults: list[tuple[AppKey, Exception]] = []
    supervisor = Supervisor(
        bench.reconciler(),
        pacer=Pacer(Random(1)),
        on_fault=lambda app, error: faults.append((app, error)),
        concurrency=concurrency,
    )
    return House(bench, supervisor, faults)


@pytest.fixture
async def house(bench: Bench) -> AsyncIterator[House]:
    house = build(bench)
    yield house
    await house.supervisor.stop(0.0)


async def test_every_app_gets_its_passes_at_its_own_pace(house: House) -> None:
    house.bench.app("x", key=A, interval_s=10)
    house.bench.app("y", key=B, interval_s=30)
    house.apply(A, B)
    await house.run(120)
    assert 11 <= house.passes(A) <= 13
    assert 4 <= house.passes(B) <= 5


async def test_one_hanging_app_delays_no_other_and_runs_never_twice(house: House) -> None:
    for key in (A, B, C):
        house.bench.app("x", key=key, interval_s=10)
    gate = house.bench.platform.hang("list", app=A)
    house.apply(A, B, C)
    await house.run(60)
    assert house.passes(A) == 0
    assert len([c for c in house.bench.platform.made("list") if c.app == A]) == 1
    late = [lateness for app, _, lateness in house.bench.recorder.passes if app != A]
    assert len(late) >= 10
    assert max(late) <= 0.5, "no later than the tick is long"
    gate.set()
    await house.run(20)
    assert house.passes(A) >= 2


async def test_more_passes_than_slots_wait_for_one(bench: Bench) -> None:
    house = build(bench, concurrency=2)
    keys = [AppKey("default", f"a{i}") for i in range(6)]
    running = most = 0

    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1

    bench.platform.on("list", count)
    for key in keys:
        bench.app("x", key=key)
    house.apply(*keys)
    assert await house.supervisor.run_once()
    assert most == 2
    assert {app for app, _, _ in bench.recorder.passes} == set(keys)
    await house.supervisor.stop(0.0)


async def test_a_failing_app_is_asked_less_and_less_often(house: House) -> None:
    house.bench.app("x", key=A, interval_s=10)
    house.bench.app("x", key=B, interval_s=10)
    house.bench.platform.fail("list", Unreachable("down"), app=A, times=10_000)
    house.apply(A, B)
    await house.run(600)
    assert house.passes(B) >= 50
    assert 8 <= house.passes(A) <= 14


async def test_a_fault_of_ours_in_one_app_is_said_and_stops_no_other(house: House) -> None:
    house.bench.app("x", key=A, interval_s=10)
    house.bench.app("x", key=B, interval_s=10)
    house.bench.platform.fail("list", RuntimeError("a bug"), app=A, times=2)
    house.apply(A, B)
    await house.run(60)
    assert [(app, str(error)) for app, error in house.faults] == [(A, "a bug")] * 2
    assert house.bench.recorder.reasons_of(A)[:3] == ["InternalError", "InternalError", "AtTarget"]
    assert set(house.bench.recorder.reasons_of(B)) == {"AtTarget"}


# Configuration


async def test_a_changed_app_keeps_its_memory(house: House) -> None:
    app = house.bench.app("x", key=A, wants=3, interval_s=10)
    app.lag_s = 1000
    house.apply(A)
    await house.run(5)
    assert len(house.bench.platform.made("up")) == 1
    changed = replace(house.bench.spec(A), max_workers=4)
    house.bench.wishes[A].answer = 9
    house.supervisor.apply([changed])
    await house.run(12)
    (_, second) = house.bench.platform.made("up")
    assert second.count == 1, "three are there or on order, and four are allowed"


async def test_an_app_that_left_is_left_alone_and_forgotten(house: House) -> None:
    house.bench.app("x", key=A, interval_s=10)
    house.bench.app("x", key=B, interval_s=10)
    house.apply(A, B)
    await house.run(20)
    house.apply(B)
    seen = house.passes(A)
    await house.run(60)
    assert house.passes(A) == seen
    assert house.supervisor.apps == (B,)
    assert house.bench.recorder.forgotten == [A]


async def test_an_app_that_left_during_its_pass_takes_no_place_in_the_fleet(bench: Bench) -> None:
    bench.fleet = Fleet(Ceilings(10))
    house = build(bench)
    bench.app(*(f"x{i}" for i in range(8)), key=A, wants=8)
    gate = bench.platform.hang("list", app=A)
    house.apply(A)
    await house.run(5)
    house.apply()
    gate.set()
    await settle()
    assert bench.fleet.grant(B, 10, bench.clock.now()) == 10
    assert bench.recorder.forgotten == [A]
    await house.supervisor.stop(0.0)


async def test_an_app_that_left_and_came_back_during_its_pass_does_not_order_twice(
    house: House,
) -> None:
    app = house.bench.app("x", key=A, wants=3, interval_s=5)
    app.lag_s = 30
    gate = house.bench.platform.hang("up", app=A, after_applying=True)
    house.apply(A)
    await house.run(3)
    house.apply()
    house.apply(A)
    await house.run(10)
    assert house.passes(A) == 0, "the pass under way goes first"
    gate.set()
    await house.run(100)
    assert house.passes(A) > 5
    assert len(house.bench.platform.made("up")) == 1
    assert app.present == 3


async def test_an_app_that_left_and_came_back_remembers_what_is_not_on_disk_yet(
    house: House,
) -> None:
    app = house.bench.app("x", key=A, wants=3, interval_s=5)
    app.lag_s = 30
    house.apply(A)
    await house.run(3)
    house.apply()
    house.apply(A)
    await house.run(10)
    assert house.bench.recorder.reasons_of(A)[-1] == Reason.ORDER_PENDING.value
    assert len(house.bench.platform.made("up")) == 1


# One pass, and the end


async def test_run_once_says_whether_every_app_could_be_observed(house: House) -> None:
    house.bench.app("x", key=A)
    house.bench.app("x", key=B)
    house.apply(A, B)
    assert await house.supervisor.run_once()
    house.bench.platform.fail("list", Unreachable("down"), app=A)
    assert not await house.supervisor.run_once()


async def test_stop_waits_for_a_pass_that_ends_in_time(house: House) -> None:
    house.bench.app("x", key=A, wants=3)
    gate = house.bench.platform.hang("up", app=A, after_applying=True)
    house.apply(A)
    await house.run(3)
    stopping = asyncio.create_task(house.supervisor.stop(30.0))
    await settle()
    gate.set()
    await stopping
    stored = await house.bench.state.load(A)
    assert stored is not None
    assert [o.outcome for o in stored.up_orders] == [OrderOutcome.ACCEPTED]


async def test_stop_cuts_off_a_pass_that_hangs_and_writes_what_it_had_sent(house: House) -> None:
    house.bench.app("x", key=A, wants=3)
    house.bench.platform.hang("up", app=A, after_applying=True)
    house.apply(A)
    await house.run(3)
    await house.supervisor.stop(0.01)
    stored = await house.bench.state.load(A)
    assert stored is not None
    assert [o.outcome for o in stored.up_orders] == [OrderOutcome.UNKNOWN]
    await house.run(60)
    assert len(house.bench.platform.made("list")) == 1, "nothing starts after the stop"


class FullDisk(VolatileState):
    """A store whose flush fails."""

    async def flush(self) -> None:
        raise StateError("told to fail")

    def checkpoint(self, app: AppKey, memory: AppMemory) -> None:
        super().checkpoint(app, memory)


async def test_a_store_that_cannot_be_flushed_is_counted_and_ends_nothing(bench: Bench) -> None:
    bench.state = FullDisk()
    bench.app("x", key=A)
    house = build(bench)
    house.apply(A)
    assert await house.supervisor.run_once()
    await house.supervisor.flush()
    assert bench.recorder.write_failures == [(A, "memory")]
    await house.supervisor.stop(0.0)


async def test_an_app_that_failed_and_hangs_takes_no_slot_of_the_healthy(bench: Bench) -> None:
    house = build(bench, concurrency=1)
    for key in (A, B):
        bench.app("x", key=key, interval_s=10)
    bench.platform.fail("list", Unreachable("refused"), app=A, times=1)
    house.apply(A, B)
    await house.run(5)
    gate = bench.platform.hang("list", app=A)
    before = house.passes(B)
    await house.run(60)
    assert house.passes(B) >= before + 5
    gate.set()
    await house.supervisor.stop(1.0)


async def test_every_kind_of_sick_app_leaves_the_others_lateness_as_it_was(bench: Bench) -> None:
    sick = [AppKey("sick", name) for name in ("hanging", "denied", "deleted", "huge")]
    well = [AppKey("well", f"a{number}") for number in range(20)]
    house = build(bench, concurrency=4)
    for key in (*well, *sick[:3]):
        bench.app("x", key=key, interval_s=10)
    bench.app(*(f"w{number}" for number in range(1000)), key=sick[3], wants=1000, max_workers=2000)
    gates = [bench.platform.hang("list", app=sick[0]) for _ in range(3)]
    bench.platform.fail("list", Unauthorized("no", status=401), app=sick[1], times=1000)
    bench.platform.fail("list", AppNotFound("no", status=404), app=sick[2], times=1000)
    house.apply(*well, *sick)
    await house.run(120)
    late = [lateness for app, _, lateness in bench.recorder.passes if app in well]
    assert len(late) >= 20 * 10
    assert max(late) <= 0.5, "no later than the tick is long"
    for gate in gates:
        gate.set()
    await house.supervisor.stop(1.0)


class Sleeper(Wish):
    """A wish that never rises by itself."""

    rests = True


async def asleep(house: House, key: AppKey = A) -> None:
    """Let an app rest until it is looked at every ten minutes only."""
    house.bench.app(key=key, wants=0, interval_max_s=600.0)
    run = house.bench.runs[key]
    run.spec = replace(run.spec, policies=(Sleeper(0),))
    house.apply(key)
    await house.run(3600, step_s=5.0)
    assert house.supervisor.run_of(key).interval_s == 600.0


async def test_an_app_at_rest_is_looked_at_less_often(house: House) -> None:
    await asleep(house)
    before = house.passes(A)
    assert before < 30
    await house.run(1800, step_s=5.0)
    assert 2 <= house.passes(A) - before <= 4


async def test_an_app_that_sleeps_is_looked_at_soon_after_a_reload(house: House) -> None:
    await asleep(house)
    before = house.passes(A)
    house.apply(A)
    await house.run(16)
    assert house.passes(A) == before + 1


async def test_a_failing_look_ends_the_rest(house: House) -> None:
    await asleep(house)
    house.bench.platform.fail("list", Unreachable("down"), times=2)
    before = house.passes(A)
    await house.run(620, step_s=5.0)
    await house.run(40)
    assert house.passes(A) - before >= 2
