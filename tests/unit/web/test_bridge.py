"""The platform asks, the engine answers: Factors in, DecideResult out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from autoscaler.decision.spec import AppSpec, Direction
from autoscaler.model import AppKey
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.telemetry import SilentRecorder
from autoscaler.web.bridge import PATH, Bridge, build_bridge
from tests.fakes.clock import ManualClock

NOW = 1_800_000_000.0
SPEC = AppSpec(
    AppKey("default", "demo"),
    max_workers=6,
    policies=(QueuePolicy(QueueParams()),),
    down=Direction(),
)


@dataclass
class Platform:
    clock: ManualClock
    bridge: Bridge

    def asks(self, *statuses: str, queue: dict[str, int] | None, idle_s: float = 60) -> Any:
        workers = [
            {
                "worker_id": f"w{number}",
                "gpu_type": "RTX 4090",
                "region": "x",
                "started_at": int(self.clock.now() - 600),
                "last_service_time": int(self.clock.now() - idle_s - number),
                "number_of_successes": 3,
                "number_of_failures": 0,
                "number_of_sessions": 0,
                "average_response_time": 1.5,
                "current_request": 0,
                "status": status,
            }
            for number, status in enumerate(statuses)
        ]
        factors = {"queue": queue, "workers": workers, "queue_histories": {}, "utilization": 0.5}
        return self.bridge.answer(json.dumps(factors).encode())


@pytest.fixture
def platform() -> Platform:
    clock = ManualClock(NOW)
    return Platform(clock, Bridge(SPEC, clock, SilentRecorder()))


def test_waiting_requests_bring_workers(platform: Platform) -> None:
    answer = platform.asks("Busy", queue={"QueueDueBusy": 2, "NotDispatch": 1})
    assert answer == {"max_workers": 6, "actions": [{"action": "ScaleUp", "count": 3}]}


def test_an_order_counts_until_its_workers_show(platform: Platform) -> None:
    platform.asks("Busy", queue={"QueueDueBusy": 2})
    platform.clock.jump(5)
    assert platform.asks("Busy", queue={"QueueDueBusy": 2})["actions"] == []


def test_a_request_that_waits_for_its_sessions_worker_brings_none(platform: Platform) -> None:
    assert platform.asks("Busy", queue={"QueueDueSession": 9})["actions"] == []


def test_the_longest_idle_goes_by_id(platform: Platform) -> None:
    answer = platform.asks("Busy", "Free", "Free", queue={})
    assert answer["actions"] == [
        {"action": "ScaleDown", "worker_id": "w2"},
        {"action": "ScaleDown", "worker_id": "w1"},
    ]


def test_an_unknown_queue_lowers_nothing(platform: Platform) -> None:
    assert platform.asks("Free", "Free", queue=None)["actions"] == []


def test_a_worker_listed_twice_is_a_contradiction() -> None:
    clock = ManualClock(NOW)
    bridge = Bridge(replace(SPEC, min_workers=5), clock, SilentRecorder())
    twice = [{"worker_id": "a", "status": "Free"}, {"worker_id": "a", "status": "Busy"}]
    assert bridge.answer(json.dumps({"workers": twice, "queue": {}}).encode())["actions"] == []


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"workers": 7}', b"\xff\xfe"])
async def test_nonsense_is_refused_and_nothing_is_done(platform: Platform, body: bytes) -> None:
    transport = httpx.ASGITransport(build_bridge(platform.bridge))
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
        reply = await client.post(PATH, content=body)
        assert reply.status_code == httpx.codes.BAD_REQUEST
        assert reply.headers["content-type"] == "application/problem+json"
        good = await client.post(PATH, json={"workers": [], "queue": {"NotDispatch": 1}})
    assert good.json()["actions"] == [{"action": "ScaleUp", "count": 1}]


@pytest.mark.parametrize(
    ("factors", "orders"),
    [
        ({"workers": None}, []),  # not told is not none
        ({"workers": None, "worker": {"Free": 2, "Busy": 0}}, []),
        ({"workers": None, "worker": {"Free": 0}}, [{"action": "ScaleUp", "count": 1}]),
        ({}, [{"action": "ScaleUp", "count": 1}]),
    ],
)
def test_workers_that_are_not_told_are_not_none(
    platform: Platform, factors: dict[str, Any], orders: list[Any]
) -> None:
    body = json.dumps({"queue": {"NotDispatch": 1}, **factors}).encode()
    assert platform.bridge.answer(body)["actions"] == orders
