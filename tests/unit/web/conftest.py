"""A server on a free port over recorders that have seen one app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

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
from autoscaler.settings import Settings
from autoscaler.telemetry import Metrics
from autoscaler.web import (
    Access,
    Changes,
    ConfigurationView,
    Doorkeeper,
    Health,
    Snapshot,
    Sources,
    TokenFile,
    WebServer,
    build_app,
)
from autoscaler.web.api.guard import ActingGuard
from autoscaler.web.limits import Allowance
from tests.fakes.api import HeldOrders, TellingHistory

NOW = 1_764_000_000.0


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Parts:
    """What the server shows, and whom it lets in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.metrics = Metrics(version="1.2.3", dry_run=False)
        self.snapshot = Snapshot()
        self.health = Health(self.clock, beat_limit_s=30.0)
        self.changes = Changes()
        self.configuration = ConfigurationView()
        self.history: TellingHistory | None = TellingHistory()
        self.interventions: HeldOrders | None = HeldOrders(self.clock, set())
        self.access = Access()
        self.limits: dict[str, Allowance] = {}
        self.secrets: list[str] = []
        self.details: dict[str, Any] = {"platform_circuit_open": False, "state_trust": "whole"}

    @property
    def past(self) -> TellingHistory:
        assert self.history is not None
        return self.history

    @property
    def orders(self) -> HeldOrders:
        assert self.interventions is not None
        return self.interventions

    def tokens(self, name: str, text: str) -> TokenFile:
        path = self.folder / name
        path.write_text(text)
        return TokenFile(path, self.clock, self.secrets.append)

    def configure(self, *apps: dict[str, Any], **sections: Any) -> None:
        settings = Settings.model_validate({"apps": list(apps), **sections})
        self.configuration.show(settings)
        self.orders.apps = set(self.configuration.keys())

    def sources(self) -> Sources:
        return Sources(
            snapshot=self.snapshot,
            health=self.health,
            clock=self.clock,
            version="1.2.3",
            started_at=NOW - 100.0,
            configuration=self.configuration,
            changes=self.changes,
            doorkeeper=Doorkeeper(self.access, self.clock),
            history=self.history,
            interventions=self.interventions,
            details=lambda: self.details,
        )

    def site(self) -> Starlette:
        sources = self.sources()
        guard = ActingGuard(sources.doorkeeper, self.clock, **self.limits)
        return build_app(metrics=self.metrics, sources=sources, guard=guard)


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
