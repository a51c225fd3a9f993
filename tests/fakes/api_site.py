"""The HTTP face over fakes: what tests of the API stand on, within a test or as a process.

    python -m tests.fakes.api_site FOLDER open|closed

serves a site with some apps and a past, reading open or behind a token, and prints its address; it
ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from autoscaler.app.clock import SystemClock
from autoscaler.model import (
    AppKey,
    Census,
    Decision,
    Hold,
    Intervention,
    InterventionKind,
    Observation,
    Proposal,
    Reason,
    Recommendation,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.ports import Clock, Event, EventKind, Sample
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
from autoscaler.web.api.guard import ActingGuard
from autoscaler.web.gate import WRONG_TOKENS
from autoscaler.web.limits import Allowance
from tests.fakes.api import HeldOrders, TellingHistory

NOW = 1_764_000_000.0
ACTION_TOKEN = "act-0123456789-abcdef"
READ_TOKEN = "read-0123456789-abcdef"


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

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.hand = HandClock()
        self.clock: Clock = clock or self.hand
        self.metrics = Metrics(version="1.2.3", dry_run=False)
        self.snapshot = Snapshot()
        self.health = Health(self.clock, beat_limit_s=30.0)
        self.changes = Changes()
        self.configuration = ConfigurationView()
        self.history: TellingHistory | None = TellingHistory()
        self.interventions: HeldOrders | None = HeldOrders(self.clock, set())
        self.access = Access()
        self.limits: dict[str, Allowance] = {}
        self.wrong = WRONG_TOKENS
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
            started_at=self.clock.now() - 100.0,
            configuration=self.configuration,
            changes=self.changes,
            doorkeeper=Doorkeeper(self.access, self.clock, wrong=self.wrong),
            history=self.history,
            interventions=self.interventions,
            details=lambda: self.details,
        )

    def site(self) -> Starlette:
        sources = self.sources()
        guard = ActingGuard(sources.doorkeeper, self.clock, **self.limits)
        return build_app(metrics=self.metrics, sources=sources, guard=guard)


def decision(app: AppKey, at: float, **changes: Any) -> Decision:
    """Return a decision with a bit of everything."""
    fields: dict[str, Any] = {
        "action": Hold(),
        "reason": Reason.AT_TARGET,
        "message": "As many workers as wanted.",
        "desired": 2,
        "combined": 2,
        "proposals": (Proposal("queue", Recommendation(2, "3 wait", {"queue": 3.0})),),
        "census": Census(free=1, busy=1, present=2),
        "queue_size": 3,
        "max_workers": 4,
    }
    return Decision(app, at, **(fields | changes))


def event(number: int, app: AppKey | None, at: float, kind: EventKind, **fields: Any) -> Event:
    """Return an event; that of a decision holds all of one."""
    if kind is EventKind.DECISION and app is not None:
        made = decision(app, at, **({"action": ScaleUp(1)} if number % 2 else {}))
        told = decision_fields(made)
        words = (told["action"], told["reason"], told["message"])
        return Event(number, app, at, kind, *words, fields=told)
    return Event(number, app, at, kind, message="it happened", fields=fields)


def lively(parts: Parts, now: float) -> None:
    """Let three apps have been seen, one be new, and have a past of an hour."""
    names = ("sd15", "sdxl", "llm", "new")
    parts.configure(*({"name": name, "max_workers": 4, "price_per_hour": 2.5} for name in names))
    for place, name in enumerate(names[:3]):
        app = AppKey("default", name)
        states = [WorkerState.FREE, WorkerState.BUSY, WorkerState.IN_FLIGHT][: place + 1]
        workers = tuple(Worker(f"w{i}", state) for i, state in enumerate(states))
        seen = Observation(app, workers, place, now - 2, now - 1, now - 1)
        for recorder in (parts.metrics, parts.snapshot):
            recorder.observed(seen)
            recorder.decided(decision(app, now - 1))
        parts.past.stored[app] = [
            Sample(now - 60.0 * i, workers_max=2, worker_s=90.0, looks=4) for i in range(60, 0, -1)
        ]
    sd15 = AppKey("default", "sd15")
    kinds = (EventKind.DECISION, EventKind.SCALE, EventKind.DECISION, EventKind.RACED)
    parts.past.told = [
        event(i + 1, sd15, now - 3600 + 60 * i, kinds[i % len(kinds)]) for i in range(40)
    ] + [event(41, None, now - 60, EventKind.TROUBLE, operation="list_workers", code="503")]
    parts.past.price = 2.5
    parts.orders.held[sd15, InterventionKind.BOOST] = Intervention(
        InterventionKind.BOOST, now - 10, now + 3600, "ops", "a launch", workers=3
    )


async def serve(folder: Path, *, closed: bool) -> None:
    """Serve until standard input ends."""
    clock = SystemClock()
    parts = Parts(folder, clock)
    lively(parts, clock.now())
    parts.health.configured([])
    parts.access = Access(
        read=parts.tokens("read", f"{READ_TOKEN}\n") if closed else None,
        action=parts.tokens("action", f"ops:{ACTION_TOKEN}\n"),
    )
    plenty = parts.wrong = Allowance(burst=100_000, per_minute=100_000)
    parts.limits = {"per_address": plenty, "overall": plenty}

    async def beat() -> None:
        while True:
            parts.health.beat()
            await asyncio.sleep(1)

    beating = asyncio.create_task(beat())
    async with WebServer(parts.site(), "127.0.0.1", 0, closing=parts.changes.close) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    beating.cancel()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), closed=sys.argv[2:] == ["closed"]))
