"""Do sick apps make the others late? And how short is the gap between last list and removal?

    python tests/bench/isolation.py [SECONDS]

Twenty healthy apps are looked at every half second, alone and then beside four sick ones: one whose
platform never answers, one refused with 401, one deleted, one with 1000 workers. The emulator is a
process of its own; client, guard, reconciler and store are the daemon's. Prints the lateness of the
healthy apps' passes both times, and the time from the reply of a confirming list to the sending of
its scale-down.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - seeded instances to inject
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from autoscaler.app.clock import SystemClock
from autoscaler.control.fleet import Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.pacing import Pacer
from autoscaler.control.reconciler import Reconciler
from autoscaler.control.supervisor import Supervisor
from autoscaler.decision.spec import AppSpec, Direction
from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import AppKey, Observation
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.state import SqliteState
from autoscaler.telemetry import SilentRecorder

TOKEN = "secret-of-the-bench"
WELL = tuple(f"well{number}" for number in range(20))
SICK = ("hanging", "denied", "deleted", "huge")


@dataclass
class Lateness(SilentRecorder):
    """Keeps how late each pass of a healthy app began, seconds."""

    values_s: list[float] = field(default_factory=list)

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        if app.name in WELL:
            self.values_s.append(lateness_s)


@dataclass(frozen=True)
class Gaps(GuardedPlatform):
    """Keeps the time from the last list's reply to the sending of a scale-down, seconds."""

    clock: SystemClock = field(default_factory=SystemClock)
    listed_at: dict[AppKey, float] = field(default_factory=dict)
    gaps_s: list[float] = field(default_factory=list)

    async def list_workers(
        self, app: AppKey, *, show_all: bool = False, recent_days: int | None = None
    ) -> Observation:
        look = await GuardedPlatform.list_workers(
            self, app, show_all=show_all, recent_days=recent_days
        )
        self.listed_at[app] = self.clock.now()
        return look

    async def scale_down(self, app: AppKey, worker_ids: tuple[str, ...]) -> None:
        self.gaps_s.append(self.clock.now() - self.listed_at[app])
        await GuardedPlatform.scale_down(self, app, worker_ids)


def scenario() -> dict[str, Any]:
    waves = {"phase": "steps", "per_s": [6, 0], "each_s": 4}
    load = {"phases": [waves], "service": 0.3}
    apps: list[dict[str, Any]] = [
        {"name": name, "initial_workers": 1, "cold_start": 0.3, "load": load} for name in WELL
    ]
    apps += [{"name": name, "initial_workers": 1} for name in ("hanging", "denied")]
    apps.append({"name": "huge", "initial_workers": 1000})
    faults = [
        {"kind": "hang", "apps": ["default/hanging"]},
        {"kind": "401", "apps": ["default/denied"]},
    ]
    return {"apps": apps, "faults": faults}


def start_emulator(folder: Path) -> tuple[subprocess.Popen[str], str]:
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(scenario()))
    command = [sys.executable, "-m", "autoscaler", "emulator", "--port", "0", "--scenario"]
    environ = {**os.environ, "EVERAI_TOKEN": TOKEN}
    emulator = subprocess.Popen(
        [*command, str(file)], env=environ, stdout=subprocess.PIPE, text=True
    )
    assert emulator.stdout is not None
    for line in emulator.stdout:
        if "EVERAI_ENDPOINT=" in line:
            return emulator, line.strip().partition("EVERAI_ENDPOINT=")[2]
    raise SystemExit("the emulator did not start")


def spec(name: str) -> AppSpec:
    many = name == "huge"
    return AppSpec(
        AppKey("default", name),
        max_workers=2000 if many else 8,
        min_workers=1000 if many else 1,
        policies=(QueuePolicy(QueueParams()),),
        interval_s=0.5,
        down=Direction(stabilization_window_s=1.0),
    )


def _fault(app: AppKey, error: Exception) -> None:
    raise SystemExit(f"{app}: {error!r}")


async def measure(
    endpoint: str, folder: Path, names: tuple[str, ...], seconds: float
) -> tuple[list[float], list[float]]:
    clock, recorder = SystemClock(), Lateness()
    client = EverAIClient(endpoint, TokenSource.from_value(TOKEN), clock=clock, rng=Random(1))
    platform = Gaps(client, Budget(clock, None), Breaker(clock))
    state = SqliteState(folder / f"state-{len(names)}.db", endpoint)
    reconciler = Reconciler(platform, state, clock, recorder, Fleet())
    supervisor = Supervisor(reconciler, pacer=Pacer(Random(2)), on_fault=_fault, concurrency=64)
    supervisor.apply(map(spec, names))
    until = clock.now() + seconds
    while clock.now() < until:
        supervisor.tick()
        await clock.sleep(0.02)
    await supervisor.stop(0.5)
    await client.aclose()
    await state.close()
    return recorder.values_s, platform.gaps_s


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def line(name: str, values_s: list[float]) -> str:
    p50, p99, top = (1000 * quantile(values_s, share) for share in (0.5, 0.99, 1.0))
    return f"{name:34} n={len(values_s):5}  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  max {top:6.1f} ms"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        emulator, endpoint = start_emulator(folder)
        try:
            alone, gaps = asyncio.run(measure(endpoint, folder, WELL, seconds))
            beside, more = asyncio.run(measure(endpoint, folder, WELL + SICK, seconds))
        finally:
            emulator.terminate()
            emulator.wait()
    ratio = quantile(beside, 0.99) / quantile(alone, 0.99)
    rows = (
        line("lateness, healthy apps alone", alone),
        line("lateness, beside four sick ones", beside),
        f"p99 beside / alone: {ratio:.2f}",
        line("last list to scale-down", gaps + more),
    )
    sys.stdout.writelines(f"{row}\n" for row in rows)


if __name__ == "__main__":
    main()
