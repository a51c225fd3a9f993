"""A made-up fleet for the status page: loads are invented, everything that is decided is real.

Each app of the stage is a small model of workers and a queue; what it shows goes through the real
``decide``, and everything is recorded by the real recorders into a real history store. So days of
past, with true explanations, are there within seconds.

    python -m tests.fakes.stage FOLDER APPS HOURS [PORT]

serves one, with the action token ``act-0123456789-abcdef``, until its standard input ends.
"""

from __future__ import annotations

import asyncio
import math
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random  # noqa: TID251 - made-up loads, from a seed
from typing import Any

from autoscaler.app.clock import SystemClock
from autoscaler.app.prices import Prices
from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.expectations import (
    down_order_ended,
    open_down_order,
    open_up_order,
    up_order_ended,
)
from autoscaler.decision.interventions import with_order, without_orders
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import acted
from autoscaler.history import HistoryStore, Retention
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    Intervention,
    InterventionKind,
    Observation,
    Reason,
    ScaleDown,
    ScaleUp,
    Unobserved,
    Worker,
    WorkerState,
)
from autoscaler.ports import Clock
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.settings import Settings
from autoscaler.settings.convert import to_spec
from autoscaler.telemetry import Metrics, Recorders
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

ACTION_TOKEN = "act-0123456789-abcdef"
READ_TOKEN = "read-0123456789-abcdef"
DAY_S = 86_400.0
PAST_STEP_S = 30.0

NAMES = (
    "sd15", "sdxl-turbo", "llama-70b", "whisper-large", "qwen-72b-chat", "flux-dev", "musicgen",
    "clip-embed", "tts-multi", "rerank-v2", "ocr-docs", "video-upscale", "bge-m3", "moderation",
)  # fmt: skip


@dataclass
class StageClock:
    """Real time; or, while a past is being made, whatever moment that has reached."""

    real: Clock = field(default_factory=SystemClock)
    replayed: float | None = None

    def now(self) -> float:
        return self.real.now() if self.replayed is None else self.replayed

    async def sleep(self, seconds: float) -> None:
        await self.real.sleep(seconds)


@dataclass
class Machine:
    """A made-up worker."""

    id: str
    created_at: float
    ready_at: float
    served: int = 0
    last_serve_at: float | None = None


@dataclass
class Model:
    """An app: workers that serve a queue, and the load that fills it.

    ``peak``: requests per second at the top of the day; ``service_s``: of one request;
    ``noon``: when the stage was built, which is the same time of its day on every clock.
    """

    spec: AppSpec
    peak: float
    service_s: float
    cold_start_s: float
    phase: float
    rng: Random
    noon: float
    trouble: Reason | None = None
    machines: list[Machine] = field(default_factory=list)
    queue: float = 0.0
    memory: AppMemory = field(default_factory=AppMemory)
    stepped_at: float | None = None
    scaled_up_at: float | None = None
    scaled_down_at: float | None = None
    made: int = 0
    extra_load: float = 0.0

    def load(self, now: float) -> float:
        """Requests per second: a day's curve, a wave within the hour, and now and then a burst."""
        at = now - self.noon + DAY_S / 2
        day = 0.5 - 0.5 * math.cos(2 * math.pi * ((at + self.phase) % DAY_S) / DAY_S)
        wave = 0.85 + 0.15 * math.sin(2 * math.pi * at / 1700 + self.phase)
        burst = 1.9 if (at + 7 * self.phase) % 10_800 < 420 else 1.0
        shape = 0.08 + 0.92 * math.pow(day, 1.4)
        return self.peak * shape * wave * burst + self.extra_load

    def live_on(self, now: float) -> int:
        """Let time pass until now; return how many serve now."""
        step_s = 0.0 if self.stepped_at is None else now - self.stepped_at
        self.stepped_at = now
        ready = [each for each in self.machines if each.ready_at <= now]
        rate = self.load(now) * self.rng.uniform(0.8, 1.2)
        demand = self.queue + rate * step_s
        served = min(demand, len(ready) * step_s / self.service_s)
        self.queue = demand - served if demand - served >= 1 else 0.0
        busy = len(ready) if self.queue else min(len(ready), math.ceil(rate * self.service_s))
        for machine in ready[:busy]:
            machine.served += round(served / max(1, busy))
            machine.last_serve_at = now
        return busy

    def seen(self, now: float) -> Observation | Unobserved:
        """What a list shows now."""
        busy = self.live_on(now)
        if self.trouble is not None:
            return Unobserved(self.spec.key, self.trouble, now, "503 Service Unavailable")
        ready = [each for each in self.machines if each.ready_at <= now]
        waiting = {each.id for each in self.machines if each.ready_at > now}
        busy_ids = {each.id for each in ready[:busy]}
        workers = tuple(_worker(each, busy_ids, waiting) for each in self.machines)
        return Observation(
            app=self.spec.key,
            workers=workers,
            queue_size=round(self.queue),
            requested_at=now,
            received_at=now,
            platform_now=now,
            max_workers=64,
            last_scale_up_at=self.scaled_up_at,
            last_scale_down_at=self.scaled_down_at,
        )

    def look(self, now: float, recorder: Recorder) -> None:
        """One pass: look, decide, act, record."""
        seen = self.seen(now)
        decision, self.memory = decide(self.spec, seen, self.memory, now)
        if isinstance(seen, Observation):
            recorder.observed(seen)
        recorder.decided(decision)
        if isinstance(seen, Observation) and not isinstance(decision.action, Hold):
            self._act(decision, seen, now, recorder)

    def _act(self, decision: Decision, seen: Observation, now: float, recorder: Recorder) -> None:
        deadline_s = self.spec.order_deadline_s
        match decision.action:
            case ScaleUp(count):
                ids = tuple(self.order(count, now))
                self.scaled_up_at = now
                opened = open_up_order(self.memory, count, now, deadline_s)
                ended = up_order_ended(opened, OrderOutcome.ACCEPTED, ids, now)
                self.memory = acted(ended, count, now)
                recorder.scaled(decision, decision.action, Outcome.APPLIED, "")
            case ScaleDown():
                going = set(decision.action.worker_ids)
                self.machines = [each for each in self.machines if each.id not in going]
                self.scaled_down_at = now
                chosen = tuple(each for each in seen.workers if each.id in going)
                opened = open_down_order(self.memory, chosen, now, deadline_s)
                ended = down_order_ended(opened, OrderOutcome.ACCEPTED)
                self.memory = acted(ended, -len(chosen), now)
                recorder.scaled(decision, decision.action, Outcome.APPLIED, "")

    def order(self, count: int, now: float, *, ready: bool = False) -> list[str]:
        """Add workers; return their ids."""
        ids = []
        for _ in range(count):
            self.made += 1
            ids.append(f"{self.spec.key.name}-{self.made:04d}")
            wait_s = 0.0 if ready else self.cold_start_s * self.rng.uniform(0.8, 1.4)
            self.machines.append(Machine(ids[-1], now, now + wait_s))
        return ids


def _worker(machine: Machine, busy: set[str], waiting: set[str]) -> Worker:
    state = WorkerState.BUSY if machine.id in busy else WorkerState.FREE
    return Worker(
        machine.id,
        WorkerState.IN_FLIGHT if machine.id in waiting else state,
        created_at=machine.created_at,
        last_serve_at=machine.last_serve_at or machine.ready_at,
        success_count=machine.served,
        gpu_model="L40S",
        gpu_num=1,
    )


@dataclass
class StageOrders:
    """Implements ports.Interventions over the models' memories."""

    stage: Stage

    def knows(self, app: AppKey) -> bool:
        return app in self.stage.models

    def in_force(self, app: AppKey) -> tuple[Intervention, ...]:
        model, now = self.stage.models.get(app), self.stage.clock.now()
        held = () if model is None else model.memory.interventions
        return tuple(one for one in held if one.in_force(now))

    async def intervene(self, app: AppKey, intervention: Intervention) -> None:
        model = self.stage.models[app]
        model.memory = with_order(model.memory, intervention)
        self.stage.recorder.intervened(app, intervention, self.stage.clock.now(), "")
        model.look(self.stage.clock.now(), self.stage.recorder)

    async def end(
        self, app: AppKey, kinds: frozenset[InterventionKind], who: str, why: str
    ) -> tuple[Intervention, ...]:
        model, now = self.stage.models[app], self.stage.clock.now()
        model.memory, ended = without_orders(model.memory, kinds)
        for one in ended:
            self.stage.recorder.intervened(app, one, now, f"{who}: {why}")
        model.look(now, self.stage.recorder)
        return ended


class Stage:
    """A fleet with a past, served over HTTP."""

    def __init__(
        self,
        folder: Path,
        *,
        apps: int = 12,
        seed: int = 7,
        closed: bool = False,
    ) -> None:
        self.clock = StageClock()
        self.folder = folder
        rng = Random(seed)
        names = [NAMES[i] if i < len(NAMES) else f"app-{i:04d}" for i in range(apps)]
        given = [_app(name, i, rng) for i, name in enumerate(names)]
        self.settings = Settings.model_validate({"apps": given})
        specs = to_spec(self.settings)
        noon = self.clock.now()
        self.models = {spec.key: _model(spec, i, rng, noon) for i, spec in enumerate(specs)}
        self.snapshot, self.changes = Snapshot(), Changes()
        self.health = Health(self.clock)
        self.metrics = Metrics(version="1.2.3", dry_run=False)
        self.prices = Prices()
        self.prices.show(self.settings)
        writer = HistoryRecorder(self.clock, decision_fields, self.prices.of)
        self.trouble: list[str] = []
        self.store = HistoryStore(
            f"sqlite:///{folder / 'history.db'}",
            "https://everai.example",
            recorder=writer,
            clock=self.clock,
            retention=Retention(),
            on_trouble=self.trouble.append,
            on_recovery=self.trouble.append,
        )
        self.recorder = Recorders((writer, self.snapshot, self.changes, self.metrics))
        self.access = Access(
            read=self._tokens("read", f"{READ_TOKEN}\n") if closed else None,
            action=self._tokens("action", f"ops:{ACTION_TOKEN}\n"),
        )
        self.beating: asyncio.Task[None] | None = None

    def _tokens(self, name: str, text: str) -> TokenFile:
        path = self.folder / name
        path.write_text(text)
        return TokenFile(path, self.clock, lambda _: None)

    async def live_through(self, hours: float, *, apps: int | None = None) -> None:
        """Make a past of so many hours for the first ``apps`` (all of them, if not said)."""
        end = self.clock.real.now()
        start = end - hours * 3600
        for model in list(self.models.values())[:apps]:
            await self._replay(model, start, end)
        self.clock.replayed = None
        await self.store.flush()

    async def _replay(self, model: Model, start: float, end: float) -> None:
        at, rounds = start, 0
        if not model.machines:
            model.order(max(1, model.spec.min_workers), start, ready=True)
        while at < end:
            self.clock.replayed = at
            model.look(at, self.recorder)
            at += PAST_STEP_S
            rounds += 1
            if rounds % 2000 == 0:
                await self.store.flush()

    def look_at_all(self) -> None:
        """One pass of every app."""
        now = self.clock.now()
        for model in self.models.values():
            if not model.machines:
                model.order(max(1, model.spec.min_workers), now, ready=True)
            model.look(now, self.recorder)

    async def go_on(self, interval_s: float) -> None:
        """Let all apps be looked at, spread over each interval, until cancelled."""
        while True:
            self.health.beat()
            pause_s = interval_s / max(1, len(self.models))
            for model in self.models.values():
                model.look(self.clock.now(), self.recorder)
                await asyncio.sleep(pause_s)

    def server(self, port: int = 0) -> WebServer:
        """Return the server of the stage, not started yet."""
        view = ConfigurationView()
        view.show(self.settings)
        sources = Sources(
            snapshot=self.snapshot,
            health=self.health,
            clock=self.clock,
            version="1.2.3",
            started_at=self.clock.now(),
            configuration=view,
            changes=self.changes,
            doorkeeper=Doorkeeper(self.access, self.clock),
            history=self.store,
            interventions=StageOrders(self),
            price_of=self.prices.of,
            details=lambda: {"platform_circuit_open": False, "state_trust": "whole"},
        )
        self.health.configured([])
        site = build_app(metrics=self.metrics, sources=sources)
        return WebServer(site, "127.0.0.1", port, closing=self.changes.close)


def _app(name: str, place: int, rng: Random) -> dict[str, Any]:
    policies: list[dict[str, Any]] = [
        {"type": "queue", "target": 2},
        {"type": "utilization"},
    ]
    return {
        "name": name,
        "namespace": "default" if place % 5 else "media",
        "min_workers": 1,
        "max_workers": rng.choice([6, 8, 10, 12]),
        "policies": policies,
        "price_per_hour": rng.choice([1.2, 2.1, 3.4]),
    }


def _model(spec: AppSpec, place: int, rng: Random, noon: float) -> Model:
    service_s = rng.uniform(4, 14)
    return Model(
        spec=spec,
        peak=spec.max_workers * rng.uniform(0.5, 0.95) / service_s,
        service_s=service_s,
        cold_start_s=rng.uniform(25, 70),
        phase=rng.uniform(0, 0.35 * DAY_S),
        rng=Random(place),
        noon=noon,
    )


def with_trouble(stage: Stage) -> None:
    """Let a few apps be in a state other than steady, as in any real fleet."""
    keys = list(stage.models)
    if len(keys) > 6:
        stage.models[keys[5]].trouble = Reason.PLATFORM_ERROR
        model = stage.models[keys[3]]
        now = stage.clock.now()
        order = Intervention(InterventionKind.PAUSE, now - 900, None, "ops (alice)", "model swap")
        model.memory = with_order(model.memory, order)
        model.spec = replace(model.spec)
        stage.recorder.intervened(keys[3], order, now - 900, "")


async def serve(folder: Path, apps: int, hours: float) -> None:
    """Serve until standard input ends."""
    stage = Stage(folder, apps=apps)
    await stage.live_through(hours, apps=min(apps, 14))
    with_trouble(stage)
    stage.look_at_all()
    living = asyncio.create_task(stage.go_on(5.0))
    async with stage.server(int(sys.argv[4]) if len(sys.argv) > 4 else 0) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
    living.cancel()
    await stage.store.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
