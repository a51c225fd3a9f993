"""How large the history gets, how long questions take, and what a pass costs.

    python tests/bench/history_size.py [APPS] [DAYS]

Apps under a load that rises and falls by day (Poisson arrivals, requests of half a minute, a third
of the apps with few, some and many) are looked at every 15 s and decided by
the daemon's own pipeline (policy ``queue``, two free workers more at most); what that reports goes
through recorder, writer and packing into a file. Printed: bytes for an app and a day, and that
times 1,000 apps and 30 days; the time of a question over all days; microseconds a pass.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import sys
import time
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from tempfile import TemporaryDirectory

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.history import HistoryStore, Retention
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.model import AppKey, Hold, Observation, ScaleDown, ScaleUp, Worker, WorkerState
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.ports import EventQuery, Outcome
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.platform import APP
from autoscaler.telemetry.serialize import decision_fields

START = 1_764_000_000.0
INTERVAL_S = 15.0
FLUSH_PASSES = 20
SERVICE_S = 30.0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class App:
    """Workers that serve what comes, as many as the pipeline wants."""

    def __init__(self, number: int, rng: Random) -> None:
        self.key = APP._replace(name=f"app{number}")
        policies = (QueuePolicy(QueueParams()),)
        self._driver = PipelineDriver(AppSpec(self.key, 20, policies))
        self._rng = rng
        self._mean = rng.choice([0.3, 1.5, 4.0])
        self._load = self._made = 0
        self._served: dict[str, int] = {}
        self._up_at: float | None = None
        self._down_at: float | None = None
        self._start(1)

    def _start(self, count: int) -> tuple[str, ...]:
        names = tuple(f"JYdCWQfbKLAhEf8Wn{self._made + n:05d}" for n in range(count))
        self._made += count
        self._served |= dict.fromkeys(names, 0)
        return names

    def step(self, now: float, recorder: HistoryRecorder) -> None:
        waiting = self._serve(now)
        busy = self._load - waiting
        workers = tuple(
            Worker(
                name, WorkerState.BUSY if n < busy else WorkerState.FREE, now - 7200.0,
                last_serve_at=now - 20.0 * (n + 1), success_count=count,
            )
            for n, (name, count) in enumerate(self._served.items())
        )  # fmt: skip
        look = Observation(
            self.key, workers, waiting, now, now, now, 20, self._up_at, self._down_at
        )
        recorder.observed(look)
        action = self._driver.decide(look)
        decision = self._driver.last_decision
        assert decision is not None
        recorder.decided(decision)
        match action:
            case ScaleUp(count=count):
                self._up_at = now
                self._driver.carried_out(action, self._start(count))
            case ScaleDown(worker_ids=ids):
                self._down_at = now
                for name in ids:
                    del self._served[name]
                self._driver.carried_out(action, ids)
        if not isinstance(action, Hold):
            recorder.scaled(decision, action, Outcome.APPLIED, "")

    def _serve(self, now: float) -> int:
        """Let requests come and go for one interval; return how many wait."""
        for name in list(self._served)[: self._load]:
            if self._rng.random() < INTERVAL_S / SERVICE_S:
                self._served[name] += 1
                self._load -= 1
        day = 1 - math.cos(now / 86_400 * 2 * math.pi)
        rate, until = self._mean * day / SERVICE_S, self._rng.expovariate(1.0)
        while until < rate * INTERVAL_S:
            self._load += 1
            until += self._rng.expovariate(1.0)
        return max(0, self._load - len(self._served))


async def fill(store: HistoryStore, clock: Clock, apps: list[App], days: float) -> None:
    for number in range(int(days * 86_400 / INTERVAL_S)):
        clock.time = START + number * INTERVAL_S
        for app in apps:
            app.step(clock.time, store.recorder)
        if number % FLUSH_PASSES == 0:
            await store.flush()


async def measure(count: int, days: float) -> None:
    clock = Clock()
    recorder = HistoryRecorder(clock, decision_fields, lambda _: lambda _: 0.5)
    apps = [App(number, Random(number)) for number in range(count)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "history.db"
        store = HistoryStore(
            f"sqlite:///{file}", "bench", recorder=recorder, clock=clock, retention=Retention(),
            on_trouble=say, on_recovery=say,
        )  # fmt: skip
        await fill(store, clock, apps, days)
        for _ in range(5):
            clock.time += 3600
            await store.flush()
        size = (await store.health()).size_bytes or 0
        events = await store.events(EventQuery(limit=10_000_000))
        each = size / count / days
        say(f"{count} apps, {days:g} days: {size / 2**20:.1f} MiB, {len(events)} events")
        say(f"{each / 1024:.1f} KiB for an app and a day")
        say(f"1,000 apps and 30 days: {each * 30_000 / 2**30:.2f} GiB")
        minutes = samples_bytes(file) / count / days
        say(f"of that, minutes: {minutes / 1024:.1f} KiB, {minutes * 30_000 / 2**30:.2f} GiB")
        for name, question in (
            ("samples", store.samples(apps[0].key, START, clock.time, points=1440)),
            ("cost of all", store.cost(None, START, clock.time)),
            ("100 events", store.events(EventQuery(app=apps[0].key))),
        ):
            began = time.perf_counter()
            await question
            say(f"{name}: {(time.perf_counter() - began) * 1000:.0f} ms")
        await store.close()


def samples_bytes(file: Path) -> int:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        sizes = [
            db.execute(f"SELECT total(length(body)) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in ("minute", "hour")
        ]
    db.close()
    return int(sum(sizes))


def cost_of_a_pass() -> None:
    clock = Clock()
    recorder = HistoryRecorder(clock, decision_fields, lambda _: lambda _: 0.5)
    workers = tuple(Worker(f"w{n}", WorkerState.BUSY, success_count=n) for n in range(10))
    key = AppKey("default", "app")
    looks = [
        Observation(key, workers, 0, at, at, at)
        for at in (START + n * INTERVAL_S for n in range(20_000))
    ]
    spec = AppSpec(key, 20, (QueuePolicy(QueueParams()),))
    decision, _ = decide(spec, looks[0], AppMemory(), START)
    began = time.process_time()
    for look in looks:
        recorder.observed(look)
        recorder.decided(decision)
    spent = time.process_time() - began
    say(f"a pass of 10 workers at rest: {spent / len(looks) * 1e6:.1f} us")


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    asyncio.run(measure(int(given[0]) if given else 6, given[1] if len(given) > 1 else 7.0))
    cost_of_a_pass()
