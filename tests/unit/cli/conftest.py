"""A daemon's real API over a socket, with a past and orders that a test fills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from autoscaler.app.clock import SystemClock
from autoscaler.cli import program
from autoscaler.model import (
    Action,
    AppKey,
    Census,
    Decision,
    Hold,
    Observation,
    Reason,
    Worker,
    WorkerState,
)
from autoscaler.ports import Event, EventKind
from autoscaler.settings import Settings
from autoscaler.telemetry import Metrics
from autoscaler.telemetry.serialize import decision_fields
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
from tests.fakes.api import HeldOrders, TellingHistory

ACTION_TOKEN = "act-0123456789abcdef"
READ_TOKEN = "read-0123456789abcdef"
Run = Callable[..., Awaitable[Result]]


class Site:
    """What the daemon shows; apps are added by what was decided for them."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.snapshot = Snapshot()
        self.history: TellingHistory | None = TellingHistory(price=2.0)
        self.orders = HeldOrders(self.clock, set())
        self.configuration = ConfigurationView()
        self.url = ""
        self.read = False
        self._folder = folder
        self._apps: list[dict[str, Any]] = []

    @property
    def past(self) -> TellingHistory:
        assert self.history is not None
        return self.history

    @property
    def now(self) -> float:
        return self.clock.now()

    def decided(
        self,
        name: str,
        reason: Reason = Reason.AT_TARGET,
        *,
        namespace: str = "default",
        action: Action | None = None,
        queue: int = 0,
        **fields: Any,
    ) -> Decision:
        """Add an app with two workers, one of them free, and a decision on it."""
        app = AppKey(namespace, name)
        workers = (Worker("w0", WorkerState.FREE), Worker("w1", WorkerState.BUSY))
        now = self.now
        self.snapshot.observed(Observation(app, workers, queue, now, now, now))
        values: dict[str, Any] = {
            "message": "as many workers as wanted",
            "desired": 2,
            "census": Census(free=1, busy=1, present=2),
            "queue_size": queue,
            "min_workers": 1,
            "max_workers": 8,
        }
        decision = Decision(app, now, action or Hold(), reason, **(values | fields))
        self.snapshot.decided(decision)
        if all((each["namespace"], each["name"]) != app for each in self._apps):
            self._apps.append({"namespace": namespace, "name": name, "max_workers": 8})
        self.configuration.show(Settings.model_validate({"apps": self._apps}))
        self.orders.apps.add(app)
        return decision

    def told(self, decision: Decision, at: float) -> Event:
        """Put a decision into the history."""
        number = len(self.past.told) + 1
        fields = decision_fields(replace(decision, at=at))
        event = Event(
            number,
            decision.app,
            at,
            EventKind.DECISION,
            fields["action"],
            decision.reason.value,
            decision.message,
            fields,
        )
        self.past.told.append(event)
        return event

    def tokens(self, name: str, text: str) -> TokenFile:
        path = self._folder / name
        path.write_text(text)
        return TokenFile(path, self.clock, lambda _: None)

    def build(self) -> Any:
        access = Access(
            read=self.tokens("read", f"{READ_TOKEN}\n") if self.read else None,
            action=self.tokens("action", f"ops:{ACTION_TOKEN}\n"),
        )
        sources = Sources(
            snapshot=self.snapshot,
            health=Health(self.clock),
            clock=self.clock,
            version="1.2.3",
            started_at=self.now,
            configuration=self.configuration,
            changes=Changes(),
            doorkeeper=Doorkeeper(access, self.clock),
            history=self.history,
            interventions=self.orders,
        )
        return build_app(metrics=Metrics(version="1.2.3", dry_run=False), sources=sources)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A running daemon's API without an app."""
    made = Site(tmp_path)
    async with WebServer(made.build(), "127.0.0.1", 0) as server:
        made.url = server.url
        yield made


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "TZ": "UTC",
        "AUTOSCALER_URL": "",
        "AUTOSCALER_TOKEN": "",
        "AUTOSCALER_TOKEN_FILE": "",
        "AUTOSCALER_NAMESPACE": "",
        "EVERAI_TOKEN": "",
        "EVERAI_HOME": str(tmp_path),
    }


@pytest.fixture
def run(site: Site, environ: dict[str, str]) -> Run:
    """Run a command of the program against the daemon; ``env`` changes its environment."""

    async def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
        variables = {**environ, "AUTOSCALER_URL": site.url, **(env or {})}
        given: Sequence[str] = list(arguments)
        return await asyncio.to_thread(CliRunner().invoke, program, given, env=variables)

    return invoke


@pytest.fixture
def acting(run: Run) -> Run:
    """The same with the token that may act."""

    async def invoke(*arguments: str, env: dict[str, str] | None = None) -> Result:
        return await run(*arguments, env={"AUTOSCALER_TOKEN": ACTION_TOKEN, **(env or {})})

    return invoke
