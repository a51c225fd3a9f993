"""One pass: platform trouble becomes a hold with its reason; what must not be touched is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autoscaler.control.reconciler import APP_FACTS_EVERY_S
from autoscaler.decision import AppMemory
from autoscaler.decision.spec import Drain
from autoscaler.model import (
    AppKey,
    AppStatus,
    Hold,
    NoData,
    PolicyInput,
    Reason,
    Scaler,
    ScaleUp,
    WorkerState,
)
from autoscaler.model.errors import (
    AppNotFound,
    Forbidden,
    MalformedReply,
    PlatformError,
    Rejected,
    ServerFault,
    StateError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from autoscaler.policies import Answer, Policy
from autoscaler.ports import Outcome, Trust
from autoscaler.state import VolatileState
from tests.fakes.bench import Bench
from tests.fakes.stories import KEY, Wish, worker

OTHER = AppKey("default", "other")

ERRORS = [
    (Unreachable, Reason.PLATFORM_UNREACHABLE),
    (ServerFault, Reason.PLATFORM_ERROR),
    (Throttled, Reason.THROTTLED),
    (MalformedReply, Reason.MALFORMED_REPLY),
    (Rejected, Reason.REQUEST_REJECTED),
    (AppNotFound, Reason.APP_NOT_FOUND),
    (Unauthorized, Reason.UNAUTHORIZED),
    (Forbidden, Reason.FORBIDDEN),
]


@pytest.mark.parametrize(("error", "reason"), ERRORS)
async def test_each_platform_error_holds_with_its_reason_and_other_apps_go_on(
    bench: Bench, error: type[PlatformError], reason: Reason
) -> None:
    bench.app("a", "b", wants=0)
    bench.app("c", key=OTHER, wants=3)
    bench.platform.fail("list", error("told to fail"), app=KEY, times=5)
    held = await bench.pass_()
    assert (held.action, held.reason) == (Hold(), reason)
    assert "told to fail" in held.message
    assert (await bench.pass_(OTHER)).action == ScaleUp(2)
    assert {call.app for call in bench.platform.made("up") + bench.platform.made("down")} == {OTHER}


async def test_failures_are_counted_and_end_with_the_first_good_look(bench: Bench) -> None:
    bench.app("a")
    bench.platform.fail("list", Throttled("slow down", status=429, retry_after_s=40), times=2)
    await bench.pass_()
    assert (bench.runs[KEY].failures, bench.runs[KEY].retry_after_s) == (1, 40)
    await bench.pass_()
    assert bench.runs[KEY].failures == 2
    assert (await bench.pass_()).reason is Reason.AT_TARGET
    assert (bench.runs[KEY].failures, bench.runs[KEY].retry_after_s) == (0, 0)


async def test_an_unknown_app_is_held_until_it_appears(bench: Bench) -> None:
    bench.app(wants=1)
    unknown = bench.platform.apps.pop(KEY)
    assert (await bench.pass_()).reason is Reason.APP_NOT_FOUND
    bench.platform.apps[KEY] = unknown
    assert (await bench.pass_()).action == ScaleUp(1)


@pytest.mark.parametrize("status", [AppStatus.PAUSED, AppStatus.TERMINATING, AppStatus.DELETED])
async def test_an_app_that_is_paused_or_going_is_left_alone(
    bench: Bench, status: AppStatus
) -> None:
    app = bench.app("a", wants=5)
    app.info = replace(app.info, status=status)
    held = await bench.pass_()
    assert (held.action, held.reason) == (Hold(), Reason.APP_PAUSED)


@pytest.mark.parametrize("scaler", [Scaler.BUILTIN, Scaler.CONTAINER, Scaler.THIRD_PARTY])
async def test_an_app_that_the_platform_scales_is_left_alone(bench: Bench, scaler: Scaler) -> None:
    app = bench.app("a", wants=5)
    app.info = replace(app.info, scaler=scaler)
    held = await bench.pass_()
    assert (held.action, held.reason) == (Hold(), Reason.PLATFORM_SCALED)
    assert scaler.value in held.message


async def test_it_is_noticed_within_minutes_that_the_platform_took_over(bench: Bench) -> None:
    app = bench.app("a", wants=1)
    await bench.pass_()
    app.info = replace(app.info, scaler=Scaler.BUILTIN)
    bench.clock.jump(APP_FACTS_EVERY_S)
    assert (await bench.pass_(wants=4)).reason is Reason.PLATFORM_SCALED


async def test_after_a_resume_orders_wait_for_one_deadline(bench: Bench) -> None:
    app = bench.app("a", wants=3)
    app.info = replace(app.info, status=AppStatus.PAUSED)
    await bench.pass_()
    app.info = replace(app.info, status=AppStatus.DEPLOYED)
    bench.clock.jump(APP_FACTS_EVERY_S)
    assert (await bench.pass_()).reason is Reason.JUST_RESUMED
    bench.clock.jump(60)
    assert (await bench.pass_()).action == ScaleUp(2)


async def test_nothing_is_done_before_it_is_known_who_scales_the_app(bench: Bench) -> None:
    bench.app("a", wants=5)
    bench.platform.fail("app", Unreachable("told to fail"), times=2)
    for _ in range(2):
        held = await bench.pass_()
        assert (held.action, held.reason) == (Hold(), Reason.NO_DATA)
    assert (await bench.pass_()).action == ScaleUp(4)


async def test_an_app_whose_facts_are_never_told_is_scaled_all_the_same(bench: Bench) -> None:
    bench.app("a", wants=5)
    bench.platform.fail("app", Forbidden("told to fail"), times=1000)
    for _ in range(2):
        await bench.pass_()
    assert (await bench.pass_()).action == ScaleUp(4)
    asked = len(bench.platform.made("app"))
    await bench.pass_()
    assert len(bench.platform.made("app")) == asked, "asked again only after minutes"


async def test_a_pause_that_empties_the_list_is_seen_before_anything_is_ordered(
    bench: Bench,
) -> None:
    app = bench.app("a", "b", wants=2)
    await bench.pass_()
    app.info = replace(app.info, status=AppStatus.PAUSED)
    app.workers.clear()
    held = await bench.pass_()
    assert held.reason is Reason.APP_PAUSED
    assert bench.platform.made("up") == []


async def test_vanished_workers_are_looked_for_at_once_with_failed_ones(bench: Bench) -> None:
    app = bench.app("a", "b", wants=2)
    await bench.pass_()
    bench.platform.change(KEY, "b", state=WorkerState.ERROR)
    assert (await bench.pass_()).action == ScaleUp(1)
    assert [call.show_all for call in bench.platform.made("list")] == [False, False, True]
    assert app.present == 2


async def test_ten_thousand_workers_in_a_list(bench: Bench) -> None:
    names = [f"w{i:05}" for i in range(10_000)]
    bench.app(*names, wants=9_990, max_workers=20_000).max_workers = None
    assert (await bench.pass_()).reason is Reason.LOAD_BELOW_CAPACITY
    (call,) = bench.platform.made("down")
    assert call.worker_ids == tuple(names[:10])
    await bench.pass_()
    assert (await bench.pass_(wants=12_000)).action == ScaleUp(2_010)
    assert (await bench.pass_()).reason is Reason.ORDER_PENDING
    assert bench.platform.apps[KEY].present == 12_010


async def test_a_dry_run_sends_nothing_and_asks_no_more_than_needed(bench: Bench) -> None:
    bench.dry_run = True
    bench.app("a", "b", wants=5)
    for wants in (5, 5, 1, 1):
        await bench.pass_(wants=wants)
    assert bench.platform.made("up") == bench.platform.made("down") == []
    assert bench.recorder.outcomes() == [Outcome.DRY_RUN] * 4
    assert len(bench.platform.made("app")) == 1
    assert not bench.memory().up_orders
    assert not bench.memory().down_orders


class AgePolicy(Wish):
    """A policy that needs the queue's requests one by one."""

    needs = frozenset({"request_queue"})


async def test_a_request_queue_that_cannot_be_read_is_missing_not_empty(bench: Bench) -> None:
    bench.app("a", wants=1)
    seen: list[object] = []

    class Watching(AgePolicy):
        def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
            seen.append(given.observation.queue)
            return super().recommend(given, state)

    policy: Policy = Watching(1)
    bench.runs[KEY].spec = replace(bench.spec(), policies=(policy,))
    bench.platform.fail("queue", ServerFault("told to fail"))
    assert (await bench.pass_()).reason is Reason.AT_TARGET
    assert (await bench.pass_()).reason is Reason.AT_TARGET
    assert isinstance(seen[0], NoData)
    assert seen[1] == ()


async def test_clearing_failed_workers_looks_at_those_that_default_lists_hide(
    bench: Bench,
) -> None:
    bench.app("a", worker("e", "error"), wants=1, drain=Drain(clear_failed=True))
    assert (await bench.pass_()).reason is Reason.CLEARING_FAILED
    (call,) = bench.platform.made("down")
    assert call.worker_ids == ("e",)


async def test_a_raced_removal_is_reported(bench: Bench) -> None:
    bench.app("a", "b", wants=1)

    async def served_meanwhile() -> None:
        bench.platform.change(KEY, "a", success_count=1)

    bench.platform.on("down", served_meanwhile)
    await bench.pass_()
    await bench.pass_()
    assert bench.recorder.races == [(KEY, "a")]


# Starting with and without memory


async def test_a_new_process_knows_what_the_last_one_ordered(bench: Bench) -> None:
    bench.app("a", wants=3).lag_s = 40
    await bench.pass_()
    bench.restart()
    assert (await bench.pass_()).reason is Reason.ORDER_PENDING
    assert len(bench.platform.made("up")) == 1


async def test_with_lost_memory_orders_wait_for_one_deadline(bench: Bench) -> None:
    bench.state = VolatileState(Trust.LOST)
    bench.app("a", wants=3)
    for _ in range(4):
        assert (await bench.pass_()).reason is Reason.FROZEN_AFTER_RESTART
    assert (await bench.pass_()).action == ScaleUp(2)


class BrokenState(VolatileState):
    """A store that cannot be read, nor written."""

    async def load(self, app: AppKey) -> AppMemory | None:
        raise StateError("told to fail")

    async def write_intent(self, app: AppKey, memory: AppMemory) -> None:
        raise StateError("told to fail")


async def test_a_broken_store_is_said_and_does_not_stop_scaling(bench: Bench) -> None:
    bench.state = BrokenState()
    bench.app("a", wants=3)
    assert (await bench.pass_()).reason is Reason.FROZEN_AFTER_RESTART
    bench.clock.jump(60)
    assert (await bench.pass_()).action == ScaleUp(2)
    assert bench.recorder.write_failures == [(KEY, "memory"), (KEY, "intent")]
    assert (await bench.pass_()).reason is Reason.ORDER_PENDING, "remembered all the same"


async def test_a_shadow_gets_what_it_needs_and_has_no_say(bench: Bench) -> None:
    bench.app("a", wants=1)
    seen: list[object] = []

    class Watching(AgePolicy):
        def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
            seen.append(given.observation.queue)
            return super().recommend(given, state)

    bench.runs[KEY].spec = replace(bench.spec(), shadow=(Watching(9, "other"),))
    decision = await bench.pass_()
    assert (decision.reason, seen) == (Reason.AT_TARGET, [()])
    assert [proposal.policy for proposal in decision.shadow] == ["other"]
    assert not bench.platform.made("up")
