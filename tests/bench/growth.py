"""Whether memory grows: a simulated day of passes over changing lists, all recorders on.

    python -m tests.bench.growth [APPS] [HOURS]

The real client, decoder, guard, reconciler, store and recorders run on a clock that is moved by
hand; workers come and go, serve, and are renamed. Printed is what is allocated (tracemalloc, MiB)
every four hours, after the caches and windows have filled.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tracemalloc
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from tempfile import TemporaryDirectory

import httpx
import msgspec
import structlog

from autoscaler.control.fleet import Fleet
from autoscaler.control.guard import Breaker, Budget, GuardedPlatform
from autoscaler.control.reconciler import AppRun, Reconciler
from autoscaler.decision import AppSpec
from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import AppKey
from autoscaler.policies.slo import SloParams, SloPolicy
from autoscaler.state import SqliteState
from autoscaler.telemetry import DecisionLog, Metrics, Recorders
from autoscaler.web import Snapshot
from tests.fakes.clock import ManualClock

INTERVAL_S, FLUSH_EVERY_S, REPORT_EVERY_S = 15.0, 600.0, 4 * 3600.0


class Platform(httpx.AsyncBaseTransport):
    """Answers lists of workers that live for a while; takes no orders."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._rng = Random(1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST":
            return httpx.Response(409, json={"code": 9, "message": "no"})
        if path.endswith("/workers"):
            return httpx.Response(200, content=self._list(path))
        name = path.rpartition("/")[2]
        manual: dict[str, object] = {"autoscaler": {"manual": {}}}
        app = {"metadata": {"name": name}, "spec": manual, "status": {"status": "STATUS_DEPLOYED"}}
        return httpx.Response(200, json={"appV1alpha1": app})

    def _list(self, path: str) -> bytes:
        hour = int(self._clock.now() // 3600)
        rows = [
            {
                "id": f"{path[-20:]}-{hour + number // 4}-{number}",
                "status": "STATUS_RUNNING",
                "detailStatus": self._rng.choice(("DETAIL_STATUS_FREE", "DETAIL_STATUS_BUSY")),
                "createdAt": "2024-09-29T09:35:18.362Z",
                "successCount": int(self._clock.now() // 60) % 10_000,
            }
            for number in range(8)
        ]
        body = {"workers": rows, "queueSize": self._rng.randrange(5), "maxWorkers": 20}
        return msgspec.json.encode(body)


async def day(apps: int, hours: float, folder: Path) -> None:
    """Run, and print."""
    clock = ManualClock()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    log = DecisionLog(structlog.get_logger())
    recorder = Recorders((Metrics(version="0", dry_run=False), Snapshot(), log))
    client = EverAIClient(
        "http://platform.invalid",
        TokenSource.from_value("bench"),
        clock=clock,
        rng=Random(2),
        on_call=recorder.platform_called,
        transport=Platform(clock),
    )
    state = SqliteState(folder / "state.db", "http://platform.invalid")
    guarded = GuardedPlatform(client, Budget(clock, None), Breaker(clock))
    reconciler = Reconciler(guarded, state, clock, recorder, Fleet())
    runs = [
        AppRun(AppSpec(AppKey("default", f"app{n}"), 20, (SloPolicy(SloParams()),)))
        for n in range(apps)
    ]
    started = clock.now()
    due = started + REPORT_EVERY_S
    tracemalloc.start()
    while clock.now() - started < hours * 3600.0:
        for run in runs:
            await reconciler.reconcile(run)
        clock.jump(INTERVAL_S)
        if clock.now() % FLUSH_EVERY_S < INTERVAL_S:
            await state.flush()
        if clock.now() >= due:
            due += REPORT_EVERY_S
            gc.collect()
            now_mib, _ = tracemalloc.get_traced_memory()
            after = (clock.now() - started) / 3600
            sys.stdout.write(f"{after:5.1f} h  {now_mib / 2**20:8.3f} MiB\n")
            sys.stdout.flush()
    await client.aclose()
    await state.close()


def main() -> None:
    """Read the arguments and run."""
    apps = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else 24.0
    with TemporaryDirectory() as folder:
        asyncio.run(day(apps, hours, Path(folder)))


if __name__ == "__main__":
    main()
