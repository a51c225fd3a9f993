"""Factories for the emulator's tests: an app in virtual time, and a handler with a client."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from autoscaler.emulator import App, AppScenario, Fleet, Handler, Reply, Scenario

EPOCH_S = 1_700_000_000.0


@dataclass
class Client:
    """Talks to a handler in virtual time. ``now``: epoch seconds, moved by the test."""

    handler: Handler
    clock: list[float]
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer secret"})

    def wait(self, seconds: float) -> None:
        self.clock[0] += seconds

    def call(self, method: str, path: str, body: object = None, **query: str) -> Reply:
        raw = b"" if body is None else json.dumps(body).encode()
        return self.handler.handle(method, path, query, self.headers, raw)

    def app(self, method: str, suffix: str, body: object = None, **query: str) -> Reply:
        return self.call(
            method, f"/api/apps/v1/namespaces/default/apps/demo{suffix}", body, **query
        )

    def workers(self, **query: str) -> dict[str, Any]:
        reply = self.app("GET", "/workers", **query)
        assert reply.status == 200, reply.body
        content: dict[str, Any] = json.loads(reply.body)
        return content

    def free_ids(self) -> list[str]:
        return [
            row["id"]
            for row in self.workers()["workers"]
            if row["detailStatus"] == "DETAIL_STATUS_FREE"
        ]

    def scale_up(self, count: int) -> Reply:
        return self.app("POST", "/workers:scale-up", {"scaleUpWorkersNum": str(count)})

    def scale_down(self, *ids: str, count: int | None = None) -> Reply:
        order = {"scaleDownWorkersNum": str(count or len(ids)), "workerIds": list(ids)}
        return self.app("POST", "/workers:scale-down", order)

    @property
    def demo(self) -> App:
        self.handler.fleet.advance(self.clock[0])
        return self.handler.fleet.app("demo")

    def broken(self) -> list[str]:
        return [breach.rule for breach in self.demo.books.broken.kept]

    def raced(self) -> list[str]:
        return [breach.rule for breach in self.demo.books.raced.kept]


@pytest.fixture
def epoch_s() -> float:
    return EPOCH_S


@pytest.fixture
def make_app() -> Callable[..., App]:
    """Make an app from scenario knobs, at the epoch."""

    def make(**knobs: Any) -> App:
        seed = knobs.pop("seed", 1)
        scenario = AppScenario.model_validate({"name": "demo", **knobs})
        return App(scenario, epoch_s=EPOCH_S, seed=seed)

    return make


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """Make a client of a platform with the one app ``default/demo``."""

    def make(*, faults: tuple[dict[str, Any], ...] = (), **knobs: Any) -> Client:
        scenario = Scenario.model_validate({"apps": [{"name": "demo", **knobs}], "faults": faults})
        clock = [EPOCH_S]
        fleet = Fleet(scenario, epoch_s=EPOCH_S)
        handler = Handler(scenario, fleet, token="secret", now=lambda: clock[0])
        return Client(handler, clock)

    return make
