"""Statuses: true at once where people wait for them, and seldom where nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.model import AppKey, Census, Reason, ScaleUp
from autoscaler.model.errors import ResourceError, ResourceRefused
from autoscaler.ports import Outcome, Resource
from autoscaler.resources import StatusKeeper, Tally
from autoscaler.resources.keeping import PAUSE_S, REST_S
from autoscaler.settings.resource import LastGood, Readiness, Verdict
from tests.fakes.clock import ManualClock, settle
from tests.fakes.resources import FakeResources, resource
from tests.unit.resources.conftest import APP, Decide

Accept = Callable[[Resource], Verdict]


@dataclass
class Kept:
    cluster: FakeResources
    keeper: StatusKeeper
    tally: Tally
    leads: bool = True
    refused: list[str] = field(default_factory=list)

    def judge(self, *pairs: tuple[Resource, Verdict]) -> None:
        objects = {one.key: self.cluster.objects.get(one.key, one) for one, _ in pairs}
        self.keeper.judged(objects, {one.key: verdict for one, verdict in pairs})

    def begin(self, accepted: Accept) -> Resource:
        """Create an object, and accept it."""
        one = self.cluster.put(resource())
        self.judge((one, accepted(one)))
        return one

    def condition(self, kind: str) -> dict[str, Any]:
        found = self.cluster.status().get("conditions", [])
        return next((dict(each) for each in found if each["type"] == kind), {})

    def counts(self) -> dict[tuple[str, str], float]:
        return {
            (sample.labels["kind"], sample.labels["outcome"]): sample.value
            for family in self.tally.collect() if family.name.endswith("writes")
            for sample in family.samples if sample.value
        }  # fmt: skip


@asynccontextmanager
async def keeping(clock: ManualClock) -> AsyncIterator[Kept]:
    cluster, tally = FakeResources(), Tally(lambda: True)
    made: list[Kept] = []
    refused: list[str] = []
    keeper = StatusKeeper(
        cluster, clock, current=cluster.objects.get, leads_for=lambda _: made[0].leads,
        tally=tally, on_refused=refused.append,
    )  # fmt: skip
    made.append(Kept(cluster, keeper, tally, refused=refused))
    task = asyncio.create_task(keeper.run())
    try:
        yield made[0]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_new_object_is_answered_and_its_app_shown(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        await settle()
        assert kept.condition("Ready")["status"] == "True"
        assert kept.condition("Active")["reason"] == "NotSeenYet"
        assert kept.cluster.status()["observedGeneration"] == 1
        await manual_clock.advance(2)
        kept.keeper.decided(decide())
        await settle()
        status = kept.cluster.status()
        assert (status["workers"], status["free"], status["busy"]) == (2, 1, 1)
        assert (status["desired"], status["queue"]) == (2, 0)
        assert (status["minWorkers"], status["maxWorkers"]) == (1, 5)
        assert status["lastDecision"]["reason"] == "AtTarget"
        assert status["lastDecision"]["action"] == "hold"
        assert kept.condition("Active")["status"] == "True"
        assert kept.condition("Limited")["reason"] == "DesiredWithinRange"
        assert "lastScaleTime" not in status


async def test_the_time_of_a_condition_is_that_of_its_last_change(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        kept.keeper.decided(decide())
        await settle()
        since = kept.condition("Active")["lastTransitionTime"]
        await manual_clock.advance(60)
        kept.keeper.decided(decide(Reason.ORDER_PENDING))
        await settle()
        assert kept.condition("Active")["lastTransitionTime"] == since
        await manual_clock.advance(60)
        kept.keeper.decided(decide(Reason.PLATFORM_UNREACHABLE, desired=None, census=None))
        await settle()
        assert kept.condition("Active")["lastTransitionTime"] > since
        assert kept.condition("Active")["reason"] == "PlatformUnreachable"
        assert kept.condition("Limited")["status"] == "Unknown"
        assert "workers" not in kept.cluster.status()


async def test_an_app_at_rest_costs_the_cluster_nothing(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        kept.keeper.decided(decide())
        await settle()
        written = len(kept.cluster.statuses)
        for _ in range(240):
            await manual_clock.advance(15)
            kept.keeper.decided(decide())
        assert len(kept.cluster.statuses) == written


async def test_a_queue_that_moves_is_written_seldom_and_more_workers_at_once(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        kept.keeper.decided(decide())
        await manual_clock.advance(REST_S)
        before = len(kept.cluster.statuses)
        for second in range(600):
            kept.keeper.decided(decide(queue_size=second + 1))
            await manual_clock.advance(1)
        seldom = len(kept.cluster.statuses) - before
        assert 600 / REST_S - 1 <= seldom <= 600 / REST_S + 2
        assert kept.cluster.status()["queue"] > 600 - 2 * REST_S
        kept.keeper.decided(decide(queue_size=601, desired=4))
        await manual_clock.advance(2)
        assert kept.cluster.status()["desired"] == 4


async def test_a_scale_request_is_dated(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        decision = decide(Reason.LOAD_ABOVE_CAPACITY, action=ScaleUp(2))
        kept.keeper.decided(decision)
        kept.keeper.scaled(decision, ScaleUp(2), Outcome.REJECTED, "no")
        await settle()
        assert "lastScaleTime" not in kept.cluster.status()
        assert kept.cluster.status()["lastDecision"]["action"] == "scale up by 2"
        await manual_clock.advance(5)
        kept.keeper.scaled(decision, ScaleUp(2), Outcome.APPLIED, "")
        await settle()
        assert kept.cluster.status()["lastScaleTime"].endswith("Z")


async def test_a_wrong_spec_keeps_the_last_good_one_in_the_status_until_it_is_repaired(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        changed = kept.cluster.change("one", min_workers=9)
        good = LastGood(1, {"max_workers": 5})
        wrong = Verdict(Readiness.INVALID_SPEC, "spec.min_workers = 9", APP, True, good)
        kept.judge((changed, wrong))
        await manual_clock.advance(2)
        status = kept.cluster.status()
        assert status["lastGood"] == {"generation": 1, "spec": {"max_workers": 5}}
        assert (kept.condition("Ready")["status"], kept.condition("Active")["status"]) == (
            "False", "True",
        )  # fmt: skip
        assert status["observedGeneration"] == 2
        assert status["workers"] == 2
        await manual_clock.advance(2)
        again = kept.cluster.change("one")
        kept.judge((again, accepted(again)))
        await manual_clock.advance(2)
        assert "lastGood" not in kept.cluster.status()
        assert kept.condition("Ready")["observedGeneration"] == 3


async def test_an_object_that_scales_nothing_shows_no_numbers(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        one = kept.begin(accepted)
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        twice = Verdict(Readiness.DUPLICATE_APP, "app default/one is given twice", APP)
        kept.judge((one, twice))
        kept.keeper.decided(decide(desired=4))
        await manual_clock.advance(2)
        status = kept.cluster.status()
        assert not {"workers", "desired", "queue", "lastDecision"} & status.keys()
        assert kept.condition("Active")["reason"] == "DuplicateApp"
        assert kept.condition("Active")["status"] == "False"


async def test_who_does_not_lead_writes_nothing_and_takes_over_what_stands(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.leads = False
        one = kept.begin(accepted)
        await manual_clock.advance(60)
        assert kept.cluster.statuses == []
        # the leader writes meanwhile
        theirs = {
            "workers": 7,
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "Accepted",
                 "message": "app default/one is scaled as it says", "observedGeneration": 1,
                 "lastTransitionTime": "2026-01-01T00:00:00.000Z"},
                {"type": "Active", "status": "True", "reason": "Scaling", "message": "",
                 "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00.000Z"},
            ],
        }  # fmt: skip
        await kept.cluster.write_status(one, theirs)
        kept.cluster.statuses.clear()
        kept.leads = True
        await manual_clock.advance(5)
        assert kept.cluster.status()["workers"] == 7
        assert kept.condition("Active")["reason"] == "Scaling"
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        assert kept.cluster.status()["workers"] == 2
        since = kept.condition("Ready")["lastTransitionTime"]
        assert since == "2026-01-01T00:00:00.000Z"


async def test_who_leads_again_trusts_no_status_it_wrote_before(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        one = kept.begin(accepted)
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        kept.leads = False
        kept.keeper.forget(APP)
        await kept.cluster.write_status(one, {"desired": 9})
        kept.leads = True
        await manual_clock.advance(2)
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        assert kept.cluster.status()["desired"] == 2


async def test_a_cluster_that_fails_is_tried_again(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        one = kept.cluster.put(resource())
        kept.cluster.faults = [ResourceError("503"), ResourceError("503")]
        kept.judge((one, accepted(one)))
        kept.keeper.decided(decide())
        await settle()
        assert kept.cluster.statuses == []
        await manual_clock.advance(3 * PAUSE_S)
        assert kept.cluster.status()["workers"] == 2
        assert kept.counts() == {("status", "failed"): 2, ("status", "done"): 1}


async def test_a_refusal_is_said_once_and_tried_seldom(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        one = kept.cluster.put(resource())
        kept.cluster.faults = [ResourceRefused("403 forbidden")] * 1000
        kept.judge((one, accepted(one)))
        for _ in range(300):
            kept.keeper.decided(decide(desired=int(manual_clock.now()) % 7))
            await manual_clock.advance(1)
        tried = 1000 - len(kept.cluster.faults)
        assert kept.refused == ["403 forbidden"]
        assert tried <= 300 / REST_S + 3


async def test_an_object_that_is_gone_or_another_is_left_alone(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        one = kept.begin(accepted)
        await settle()
        kept.cluster.put(replace(one, uid="another"))
        kept.keeper.decided(decide())
        await manual_clock.advance(2)
        assert kept.counts()["status", "gone"] == 1
        kept.judge()
        kept.keeper.decided(decide(desired=3))
        await manual_clock.advance(60)
        assert len(kept.cluster.statuses) == 1


async def test_starting_workers_are_those_listed_and_those_on_order(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        kept.keeper.decided(decide(census=Census(in_flight=1, on_order=2, present=1)))
        await settle()
        assert kept.cluster.status()["starting"] == 3


async def test_other_apps_do_not_matter(
    manual_clock: ManualClock, decide: Decide, accepted: Accept
) -> None:
    async with keeping(manual_clock) as kept:
        kept.begin(accepted)
        await settle()
        kept.keeper.decided(decide(app=AppKey("default", "of-the-file")))
        kept.keeper.forget(AppKey("default", "of-the-file"))
        await manual_clock.advance(5)
        assert len(kept.cluster.statuses) == 1
