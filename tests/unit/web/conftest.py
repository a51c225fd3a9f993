"""A server on a free port over recorders that have seen one app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from autoscaler.model import (
    Action,
    AppKey,
    Candidate,
    Census,
    Decision,
    Hold,
    Observation,
    Reason,
    ScaleDown,
    Worker,
    WorkerState,
)
from autoscaler.web import WebServer
from tests.fakes.api_site import NOW, HandClock, Parts


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def app() -> AppKey:
    return AppKey("default", "sd15")


@pytest.fixture
def observe(app: AppKey) -> Callable[..., Observation]:
    def make(**changes: Any) -> Observation:
        fields: dict[str, Any] = {
            "app": app,
            "workers": (Worker("w0", WorkerState.FREE), Worker("w1", WorkerState.BUSY)),
            "queue_size": 3,
            "requested_at": NOW,
            "received_at": NOW + 0.25,
            "platform_now": NOW + 0.25,
        }
        return Observation(**(fields | changes))

    return make


@pytest.fixture
def decide(app: AppKey) -> Callable[..., Decision]:
    def make(action: Action | None = None, **changes: Any) -> Decision:
        fields: dict[str, Any] = {
            "app": app,
            "at": NOW + 1,
            "action": action or Hold(),
            "reason": Reason.AT_TARGET,
            "message": "As many workers as wanted.",
            "desired": 2,
            "census": Census(free=1, busy=1, present=2),
            "max_workers": 4,
        }
        return Decision(**(fields | changes))

    return make


@pytest.fixture
def removal() -> ScaleDown:
    return ScaleDown((Candidate("w0", 90.0, "longest idle"),))


@pytest.fixture
def parts(
    observe: Callable[..., Observation], decide: Callable[..., Decision], tmp_path: Path
) -> Parts:
    parts = Parts(tmp_path)
    parts.configure({"name": "sd15", "max_workers": 4, "price_per_hour": 2.5})
    for recorder in (parts.metrics, parts.snapshot):
        recorder.observed(observe())
        recorder.decided(decide())
    return parts


@pytest.fixture
async def server(parts: Parts) -> AsyncIterator[WebServer]:
    async with WebServer(parts.site(), "127.0.0.1", 0, closing=parts.changes.close) as server:
        yield server


@pytest.fixture
async def client(server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        yield client
