"""A policy's query, fetched over a real socket in a real pass, and decided upon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.decision import AppSpec
from autoscaler.model import Decision, Hold, NoData, Reason, ScaleUp
from autoscaler.policies import Policy, policies
from autoscaler.ports import NoSignals
from autoscaler.signals import SignalFetcher
from tests.fakes.bench import Bench
from tests.fakes.clock import ManualClock
from tests.fakes.platform import FakePlatform
from tests.fakes.recorder import RecordingRecorder
from tests.fakes.stories import KEY


def policy(kind: str, name: str, **params: Any) -> Policy:
    cls = policies()[kind]
    return cls(cls.Params.model_validate(params), name)


def value(number: float) -> bytes:
    result = [{"metric": {}, "value": [0.0, str(number)]}]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}}
    ).encode()


@pytest.fixture
def bench() -> Bench:
    clock = ManualClock()
    made = Bench(clock, FakePlatform(clock), RecordingRecorder())
    made.app("b1", "b2")
    return made


def wired(bench: Bench, signals: Any) -> Reconciler:
    return Reconciler(
        bench.platform, bench.state, bench.clock, bench.recorder, bench.fleet, signals=signals
    )


def app(*wanted: Policy) -> AppRun:
    return AppRun(AppSpec(KEY, 20, wanted))


async def test_each_policy_gets_its_own_answer(
    bench: Bench, site: Any, fetcher: SignalFetcher
) -> None:
    site.body = value(12)
    run = app(
        policy("prometheus", "load", url=site.url, query="sum(load)", target=3),
        policy("prometheus", "share", url=site.url, query="sum(load)", target=2),
    )
    decision = await wired(bench, fetcher).reconcile(run)
    answers = {p.policy: p.answer for p in decision.proposals}
    assert {name: getattr(a, "workers", a) for name, a in answers.items()} == {
        "load": 4,
        "share": 6,
    }
    assert decision.action == ScaleUp(4)
    assert len(site.requests) == 2


async def test_story_a_failing_source_holds_and_recovers(
    bench: Bench, site: Any, fetcher: SignalFetcher
) -> None:
    run = app(policy("prometheus", "load", url=site.url, query="x"))
    reconciler = wired(bench, fetcher)

    async def one_pass(status: int, body: bytes) -> Decision:
        site.status, site.body = status, body
        bench.clock.jump(15)
        return await reconciler.reconcile(run)

    failed = await one_pass(503, b"")
    assert (failed.action, failed.reason) == (Hold(), Reason.NO_DATA)
    assert "answered HTTP 503" in failed.message
    # zero would be an order to give up everything; no answer is none
    assert (await one_pass(200, b"<html>")).reason is Reason.NO_DATA
    assert (await one_pass(200, value(5))).action == ScaleUp(3)


async def test_without_a_way_out_it_is_no_data(bench: Bench) -> None:
    run = app(policy("webhook", "hook", url="https://example.org"))
    decision = await wired(bench, NoSignals()).reconcile(run)
    assert decision.proposals[0].answer == NoData("nothing is fetched here")


async def test_the_webhook_sees_the_list_of_this_pass(
    bench: Bench, site: Any, fetcher: SignalFetcher
) -> None:
    site.body = b"3"
    run = app(policy("webhook", "hook", url=site.url), policy("queue-age", "age"))
    decision = await wired(bench, fetcher).reconcile(run)
    assert decision.action == ScaleUp(1)
    body = json.loads(site.requests[0].partition("\r\n\r\n")[2])
    assert [worker["id"] for worker in body["workers"]] == ["b1", "b2"]
    assert not isinstance(decision.proposals[1].answer, NoData)
