"""One suite over every history store: the file, and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from autoscaler.history import HistoryStore
from autoscaler.model import AppKey, Intervention, InterventionKind, Reason, ScaleUp
from autoscaler.model.errors import HistoryError
from autoscaler.ports import EventKind, EventQuery, Outcome
from tests.fakes.clock import ManualClock
from tests.fakes.past import PRICE, A, B, decision, look
from tests.fakes.postgres import new_database
from tests.fakes.stores import Make, make_store

START = 1_764_000_000.0


@pytest.fixture
async def make(make_history: Make) -> AsyncIterator[Make]:
    """Make stores over the same place, one after the other; close the last one."""
    made: list[HistoryStore] = []

    def another(clock: ManualClock | None = None, **how: object) -> HistoryStore:
        made.append(make_history(clock, **how))
        return made[-1]

    yield another
    for store in made:
        await store.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def store(make: Make, clock: ManualClock) -> HistoryStore:
    return make(clock)


async def test_what_was_reported_a_moment_ago_is_in_the_answer(store: HistoryStore) -> None:
    store.recorder.decided(decision(START, up=2, reason=Reason.LOAD_ABOVE_CAPACITY))
    (event,) = await store.events(EventQuery(app=A))
    assert (event.app, event.at, event.kind) == (A, START, EventKind.DECISION)
    assert (event.action, event.reason) == ("scale_up", "LoadAboveCapacity")
    assert event.fields["count"] == 2
    assert event.fields["proposals"][0]["policy"] == "queue"


async def test_only_decisions_that_act_or_change_the_reason_are_kept(store: HistoryStore) -> None:
    for n in range(5):
        store.recorder.decided(decision(START + n))
    store.recorder.decided(decision(START + 5, reason=Reason.ORDER_PENDING))
    store.recorder.decided(decision(START + 6, up=1, reason=Reason.ORDER_PENDING))
    store.recorder.decided(decision(START + 7, up=1, reason=Reason.ORDER_PENDING))
    found = await store.events(EventQuery(app=A))
    assert [event.at - START for event in found] == [7, 6, 5, 0]


async def test_every_kind_of_event(store: HistoryStore, clock: ManualClock) -> None:
    acting = decision(START, up=1)
    pause = Intervention(InterventionKind.PAUSE, START, None, "ann", "an update")
    store.recorder.scaled(acting, ScaleUp(1), Outcome.UNKNOWN, "no reply")
    store.recorder.raced(A, "w7")
    store.recorder.intervened(A, pause, START, "")
    store.recorder.intervened(A, pause, START + 9, "ended by bob: done")
    store.recorder.platform_called("list_workers", "503", 0.1)
    store.recorder.platform_called("list_workers", "503", 0.1)
    store.recorder.platform_called("list_workers", "200", 0.1)
    clock.jump(61)
    found = await store.events(EventQuery())
    kinds = [event.kind for event in reversed(found)]
    assert kinds == [
        EventKind.SCALE,
        EventKind.RACED,
        EventKind.INTERVENTION,
        EventKind.INTERVENTION,
        EventKind.TROUBLE,
    ]
    trouble, ended, *_, scale = found
    assert (trouble.app, trouble.fields["count"], trouble.fields["code"]) == (None, 2, "503")
    assert ended.fields["ended"] == "ended by bob: done"
    assert scale.fields["outcome"] == "unknown"


async def test_pages_filters_and_cursors(store: HistoryStore) -> None:
    for n in range(25):
        reason = Reason.LOAD_ABOVE_CAPACITY if n % 5 == 0 else Reason.BELOW_MINIMUM
        app = B if n % 2 else A
        store.recorder.decided(decision(START + n, up=1, reason=reason, app=app))
    everything = await store.events(EventQuery())
    pages, before = [], None
    while page := await store.events(EventQuery(before=before, limit=7)):
        pages.append(page)
        before = page[-1].id
    assert [len(page) for page in pages] == [7, 7, 7, 4]
    assert [event for page in pages for event in page] == list(everything)
    of_b = await store.events(EventQuery(app=B, reasons=frozenset({"LoadAboveCapacity"})))
    assert [event.at - START for event in of_b] == [15, 5]
    some = await store.events(EventQuery(start=START + 3, end=START + 6))
    assert [event.at - START for event in some] == [5, 4, 3]
    assert await store.events(EventQuery(actions=frozenset({"scale_down"}))) == ()
    assert await store.events(EventQuery(kinds=frozenset({EventKind.RACED}))) == ()


async def test_the_decision_in_force_at_a_moment(store: HistoryStore) -> None:
    store.recorder.decided(decision(START, reason=Reason.AT_TARGET))
    store.recorder.raced(A, "w1")
    store.recorder.decided(decision(START + 100, up=1, reason=Reason.BELOW_MINIMUM))
    assert await store.event_at(A, START - 1) is None
    for at, reason in (
        (START, "AtTarget"),
        (START + 99, "AtTarget"),
        (START + 1e6, "BelowMinimum"),
    ):
        found = await store.event_at(A, at)
        assert found is not None
        assert found.reason == reason
    assert await store.event_at(B, START + 100) is None


async def test_samples_and_cost_of_packed_hours_and_fresh_minutes(
    make: Make, clock: ManualClock
) -> None:
    store = make(clock)
    for n in range(4 * 150 + 1):
        at = START + 15 * n
        clock.jump(START + 15 * n - clock.now())
        store.recorder.observed(look(at, busy=2, free=1, queue=1, served=n))
        store.recorder.decided(decision(at))
        if n % 100 == 0:
            await store.flush()
    whole = await store.samples(A, START, START + 9000)
    assert len(whole) == 150
    assert {(s.busy, s.free, s.queue, s.desired) for s in whole} == {(2.0, 1.0, 1.0, 2)}
    assert sum(sample.served for sample in whole) == 599
    few = await store.samples(A, START, START + 9000, points=10)
    assert len(few) <= 10
    cost = await store.cost(A, START, START + 9000)
    assert cost.seen_s == pytest.approx(9000)
    assert cost.worker_s == pytest.approx(27_000)
    assert cost.busy_s == pytest.approx(18_000)
    assert cost.cost == pytest.approx(27_000 * PRICE / 3600)
    assert cost.always_max == pytest.approx(8 * 9000 * PRICE / 3600)
    assert cost.fixed_workers == 3
    assert cost.fixed == pytest.approx(3 * 9000 * PRICE / 3600)
    part = await store.cost(None, START + 600, START + 8400, fixed_workers=5)
    assert part.worker_s == pytest.approx(3 * 7800)
    assert part.fixed == pytest.approx(5 * 7800 * PRICE / 3600)
    assert part.price_per_hour == pytest.approx(PRICE)
    assert await store.samples(B, START, START + 9000) == ()


async def test_everything_is_there_after_a_restart(make: Make, clock: ManualClock) -> None:
    first = make(clock)
    first.recorder.observed(look(START, busy=1, served=5))
    first.recorder.observed(look(START + 20, busy=1, served=6))
    first.recorder.decided(decision(START, up=1))
    await first.close()
    clock.jump(30)
    second = make(clock)
    second.recorder.observed(look(START + 30, busy=1, served=6))
    second.recorder.observed(look(START + 60, busy=1, served=8))
    second.recorder.decided(decision(START + 30, up=1))
    assert len(await second.events(EventQuery(app=A))) == 2
    (minute,) = [s for s in await second.samples(A, START, START + 60) if s.at == START]
    assert (minute.seen_s, minute.served) == (50.0, 1)


async def test_what_is_too_old_goes(make: Make, clock: ManualClock) -> None:
    store = make(clock, age_s=7200.0)
    store.recorder.decided(decision(START, up=1))
    store.recorder.observed(look(START, free=1))
    store.recorder.observed(look(START + 500, free=1))
    await store.flush()
    clock.jump(4 * 3600)
    store.recorder.decided(decision(clock.now(), up=1))
    await store.flush()
    clock.jump(61)
    await store.flush()
    assert len(await store.events(EventQuery())) == 1
    assert await store.samples(A, START, clock.now()) == ()


async def test_too_much_makes_the_oldest_go(
    make: Make, clock: ManualClock, history_url: str
) -> None:
    store = make(clock, size_max=200_000)
    for n in range(3000):
        store.recorder.decided(decision(START + n, up=1 + n % 900))
    clock.jump(3000)
    for _ in range(60):
        clock.jump(61)
        await store.flush()
    health = await store.health()
    assert health.size_bytes is not None
    if not history_url.startswith("sqlite"):
        assert len(await store.events(EventQuery(limit=5000))) == 3000, "bounded by age alone"
        return
    assert health.size_bytes <= 260_000
    assert health.oldest is not None
    assert health.oldest > START
    newest = await store.events(EventQuery(limit=1))
    assert newest[0].at == START + 2999


async def test_another_endpoint_sees_nothing_of_it(make: Make, clock: ManualClock) -> None:
    store = make(clock)
    store.recorder.decided(decision(START, up=1))
    await store.close()
    other = make(clock, endpoint="https://other")
    assert await other.events(EventQuery()) == ()
    assert await other.event_at(A, START + 9) is None
    assert (await other.cost(None, 0, START + 9)).seen_s == 0


async def test_replicas_write_to_one_database_and_pack_it_side_by_side(
    postgres: str, clock: ManualClock
) -> None:
    """Each writes its own apps; all of them find the same hours to pack."""
    url, said = new_database(postgres), list[str]()
    stores = [make_store(url, clock, said=said) for _ in range(3)]
    for n in range(200):
        at = START + 30 * n
        clock.jump(START + 30 * n - clock.now())
        for index, store in enumerate(stores):
            store.recorder.observed(look(at, busy=1, served=n, app=AppKey("default", f"a{index}")))
        if n % 50 == 0:
            await asyncio.gather(*(store.flush() for store in stores))
    clock.jump(7200)
    for _ in range(3):
        await asyncio.gather(*(store.flush() for store in stores))
        clock.jump(61)
    assert said == []
    served = set()
    for index in range(3):
        samples = await stores[0].samples(AppKey("default", f"a{index}"), START - 60, START + 9000)
        served.add(sum(sample.served for sample in samples))
    # the newest looks may still be in memory; nothing is counted twice, and the same for each
    assert len(served) == 1
    assert 190 < served.pop() < 200
    for store in stores:
        await store.close()


async def test_a_closed_store_says_so(store: HistoryStore) -> None:
    await store.flush()
    await store.close()
    await store.close()
    with pytest.raises(HistoryError):
        await store.events(EventQuery())
