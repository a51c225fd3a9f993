"""Events: each thing once, with a count, and never more than the cluster can bear."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from autoscaler.model import (
    AppKey,
    Candidate,
    Intervention,
    InterventionKind,
    Reason,
    ScaleDown,
    ScaleUp,
)
from autoscaler.model.errors import ResourceError, ResourceRefused
from autoscaler.ports import EventType, Occurrence, Outcome, Resource
from autoscaler.resources import EventDesk, Tally
from autoscaler.resources.telling import DISTINCT_BURST, PAUSE_S, SERIES_MAX, WINDOW_S
from autoscaler.settings.resource import Readiness, Verdict
from tests.fakes.clock import ManualClock, settle
from tests.fakes.resources import FakeResources, resource
from tests.unit.resources.conftest import APP, Decide

Accept = Callable[[Resource], Verdict]
WRONG = Verdict(Readiness.INVALID_SPEC, "spec.max_workers: is required", None)


@dataclass
class Told:
    cluster: FakeResources
    desk: EventDesk
    clock: ManualClock
    leads: bool = True
    refused: list[str] = field(default_factory=list)

    def judge(self, one: Resource, verdict: Verdict) -> None:
        self.desk.judged({one.key: one}, {one.key: verdict})

    def begin(self, accepted: Accept) -> Resource:
        """Let there be an object that is accepted."""
        one = resource()
        self.judge(one, accepted(one))
        return one

    async def events(self) -> list[Occurrence]:
        await settle()
        await self.clock.advance(120)
        return list(self.cluster.events.values())

    async def reasons(self) -> list[tuple[str, int]]:
        return [(each.reason, each.count) for each in await self.events()]


@asynccontextmanager
async def telling(clock: ManualClock) -> AsyncIterator[Told]:
    cluster = FakeResources()
    made: list[Told] = []
    refused: list[str] = []
    desk = EventDesk(
        cluster, clock, lambda _: made[0].leads, Tally(lambda: True),
        refused.append,
    )  # fmt: skip
    made.append(Told(cluster, desk, clock, refused=refused))
    task = asyncio.create_task(desk.run())
    try:
        yield made[0]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_done_is_told_in_words(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        one = told.begin(accepted)
        up = decide(Reason.LOAD_ABOVE_CAPACITY, message="4 wanted, 2 there")
        told.desk.scaled(up, ScaleUp(2), Outcome.APPLIED, "")
        down = ScaleDown((Candidate("w1", 60.0, "idle longest"),))
        told.desk.scaled(decide(Reason.LOAD_BELOW_CAPACITY), down, Outcome.APPLIED, "")
        told.desk.scaled(up, ScaleUp(2), Outcome.UNKNOWN, "timed out")
        told.desk.scaled(up, ScaleUp(2), Outcome.NOT_SENT, "")
        told.desk.raced(APP, "w1")
        order = Intervention(InterventionKind.PAUSE, 0.0, None, "ops", "model swap")
        told.desk.intervened(APP, order, 0.0, "")
        events = await told.events()
        assert [(each.type.value, each.reason) for each in events] == [
            ("Normal", "ScaledUp"), ("Normal", "ScaledDown"), ("Warning", "ScaleFailed"),
            ("Warning", "RemovalRaced"), ("Normal", "OrderByHand"),
        ]  # fmt: skip
        assert events[0].text == "order 2 workers: done. 4 wanted, 2 there"
        assert "model swap" in events[-1].text
        assert {each.about for each in events} == {one.key}
        assert {each.uid for each in events} == {one.uid}


async def test_trouble_is_told_when_it_begins_and_when_it_is_over(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        for reason in (
            Reason.AT_TARGET, Reason.PLATFORM_UNREACHABLE, Reason.PLATFORM_UNREACHABLE,
            Reason.UNAUTHORIZED, Reason.AT_TARGET, Reason.AT_TARGET,
        ):  # fmt: skip
            told.desk.decided(decide(reason))
            await manual_clock.advance(15)
        events = await told.events()
        assert [each.reason for each in events] == [
            "PlatformUnreachable", "Unauthorized", "Recovered",
        ]  # fmt: skip
        assert events[-1].text == "Unauthorized is over after 45 s; now AtTarget"
        assert events[-1].type is EventType.NORMAL


async def test_the_same_again_counts_up_and_later_it_is_another(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        began = manual_clock.now()
        for _ in range(5):
            told.desk.raced(APP, "w1")
            await manual_clock.advance(60)
        [event] = await told.events()
        assert (event.count, event.first_at, event.last_at) == (5, began, began + 240)
        await manual_clock.advance(WINDOW_S)
        told.desk.raced(APP, "w1")
        assert await told.reasons() == [("RemovalRaced", 5), ("RemovalRaced", 1)]


async def test_a_flood_of_different_things_becomes_few_events_that_count_them_all(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        for second in range(500):
            told.desk.raced(APP, f"worker-{second}")
            await manual_clock.advance(1)
        events = await told.events()
        assert len(events) <= DISTINCT_BURST + 500 / 60 + 2
        assert sum(each.count for each in events) == 500
        assert any(each.text.endswith("(and others like it)") for each in events)
        assert told.cluster.written <= 500 + len(events)


async def test_a_burst_is_written_at_a_pace_the_cluster_can_bear(
    manual_clock: ManualClock, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        many = {one.key: one for one in (resource(f"app-{i}") for i in range(1000))}
        told.desk.judged(many, {key: accepted(one) for key, one in many.items()})
        for key in many:
            told.desk.raced(AppKey("default", key.name), "w")
        await settle()
        await manual_clock.advance(10)
        assert 40 <= told.cluster.written <= 55
        await manual_clock.advance(300)
        assert told.cluster.written == 1000


async def test_memory_is_bounded(manual_clock: ManualClock, accepted: Accept) -> None:
    async with telling(manual_clock) as told:
        names = [f"app-{i}" for i in range(SERIES_MAX + 500)]
        many = {one.key: one for one in map(resource, names)}
        told.desk.judged(many, {key: accepted(one) for key, one in many.items()})
        for name in names:
            told.desk.raced(AppKey("default", name), "w")
        assert len(told.desk._series) <= SERIES_MAX
        assert len(told.desk._due) <= SERIES_MAX


async def test_a_refused_spec_is_told_and_so_is_its_repair(
    manual_clock: ManualClock, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        one = told.begin(accepted)
        assert await told.reasons() == []
        told.judge(one, WRONG)
        told.judge(one, WRONG)
        told.judge(one, accepted(one))
        events = await told.events()
        assert [(each.type.value, each.reason) for each in events] == [
            ("Warning", "InvalidSpec"), ("Normal", "Accepted"),
        ]  # fmt: skip
        assert events[0].text == WRONG.message


async def test_a_restart_does_not_tell_again_what_the_status_says(
    manual_clock: ManualClock,
) -> None:
    async with telling(manual_clock) as told:
        ready = {
            "type": "Ready", "status": "False", "reason": "InvalidSpec", "message": WRONG.message,
        }  # fmt: skip
        told.judge(replace(resource(), status={"conditions": [ready]}), WRONG)
        assert await told.reasons() == []


async def test_who_does_not_lead_tells_nothing_of_specs(manual_clock: ManualClock) -> None:
    async with telling(manual_clock) as told:
        told.leads = False
        told.judge(resource(), WRONG)
        assert await told.reasons() == []


async def test_events_that_the_cluster_dropped_begin_anew(
    manual_clock: ManualClock, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        told.desk.raced(APP, "w1")
        await manual_clock.advance(5)
        told.cluster.events.clear()
        told.desk.raced(APP, "w1")
        assert await told.reasons() == [("RemovalRaced", 2)]


async def test_a_cluster_that_fails_gets_them_later(
    manual_clock: ManualClock, accepted: Accept
) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        told.cluster.faults = [ResourceError("503"), ResourceError("503")]
        told.desk.raced(APP, "w1")
        await manual_clock.advance(1)
        assert told.cluster.events == {}
        await manual_clock.advance(3 * PAUSE_S)
        assert await told.reasons() == [("RemovalRaced", 1)]


async def test_a_refusal_is_said_once(manual_clock: ManualClock, accepted: Accept) -> None:
    async with telling(manual_clock) as told:
        told.begin(accepted)
        told.cluster.faults = [ResourceRefused("403 forbidden")] * 3
        for worker in ("w1", "w2", "w3"):
            told.desk.raced(APP, worker)
        await manual_clock.advance(10)
        assert told.refused == ["403 forbidden"]
        assert told.cluster.events == {}


async def test_an_app_that_nobody_gives_has_no_events(
    manual_clock: ManualClock, decide: Decide
) -> None:
    async with telling(manual_clock) as told:
        told.desk.decided(decide(Reason.UNAUTHORIZED))
        told.desk.raced(APP, "w1")
        told.desk.forget(APP)
        assert Counter(await told.reasons()) == Counter()
