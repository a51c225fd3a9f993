"""The main job, end to end, on one machine: an emulated platform, and the daemon as its client.

Both talk over real HTTP on free ports; the daemon is a process of its own, as a user runs it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import httpx
import yaml

from autoscaler.app.clock import SystemClock
from autoscaler.emulator import Emulator, Scenario
from autoscaler.model.errors import AutoscalerError

RAMP_S, PLATEAU_S, SILENCE_S = 40.0, 35.0, 45.0
REFRESH_S = 0.5
MIN_WORKERS, MAX_WORKERS = 1, 8
_APP = "default/demo"


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of the demo.

    Attributes:
        elapsed_s: real seconds since the start. phase: what the load does.
        status: the app as the daemon's API shows it; ``None`` until it does.
    """

    elapsed_s: float
    phase: str
    status: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended: the platform's books, and the daemon's exit status."""

    books: dict[str, Any]
    exit_status: int
    log: Path

    @property
    def clean(self) -> bool:
        """Whether nothing was lost or left waiting, no rule broken, and the daemon ended well."""
        served_all = self.lost == 0 and self.books["requests"]["waiting"] == 0
        return served_all and self.books["broken_count"] == 0 and self.exit_status == 0

    @property
    def lost(self) -> int:
        """Requests lost, for whatever cause."""
        return sum(v for k, v in self.books["requests"].items() if k.startswith("lost"))


class Demo:
    """A demo at a speed: every duration of it is divided by ``speed`` (> 0)."""

    def __init__(self, folder: Path, speed: float) -> None:
        self._folder = folder
        self._speed = speed
        self._clock = SystemClock()
        self._emulator = Emulator(_scenario(speed), now=self._clock.now, token=token_urlsafe(16))
        self.address = ""

    async def run(self, show: Callable[[Frame], None]) -> Result:
        """Run from start to end, showing a frame twice a second.

        Raises:
            AutoscalerError: the daemon did not start, or ended early.
        """
        async with self._emulator, self._daemon() as daemon:
            async with httpx.AsyncClient(base_url=self.address, trust_env=False) as client:
                await self._watch(daemon, client, show)
            daemon.terminate()
            status = await asyncio.wait_for(daemon.wait(), 15)
            return Result(self._emulator.books()["apps"][_APP], status, self._log)

    @property
    def _log(self) -> Path:
        return self._folder / "daemon.log"

    async def _watch(
        self,
        daemon: asyncio.subprocess.Process,
        client: httpx.AsyncClient,
        show: Callable[[Frame], None],
    ) -> None:
        started_at = self._clock.now()
        total_s = (RAMP_S + PLATEAU_S + SILENCE_S) / self._speed
        while (elapsed_s := self._clock.now() - started_at) < total_s:
            if daemon.returncode is not None:
                raise AutoscalerError(f"the daemon ended early; its log is {self._log}")
            reply = await client.get("/api/v1/apps/default/demo")
            status = reply.json() if reply.is_success else None
            show(Frame(elapsed_s, _phase(elapsed_s * self._speed), status))
            await self._clock.sleep(REFRESH_S)

    @asynccontextmanager
    async def _daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        config = self._folder / "autoscaler.yaml"
        config.write_text(
            yaml.safe_dump(_config(self._folder, self._emulator.address, self._speed))
        )
        environ = {k: v for k, v in os.environ.items() if not k.startswith("AUTOSCALER_")}
        environ |= {"EVERAI_TOKEN": self._emulator.token, "NO_PROXY": "127.0.0.1"}
        environ.pop("EVERAI_ENDPOINT", None)
        with self._log.open("wb") as log:
            daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "autoscaler", "run", "--config", str(config),
                stderr=log, env=environ,
            )  # fmt: skip
        try:
            self.address = await self._await_address(daemon)
            yield daemon
        finally:
            if daemon.returncode is None:
                daemon.kill()
                await daemon.wait()

    async def _await_address(self, daemon: asyncio.subprocess.Process) -> str:
        """Read the daemon's address from its log; it takes a free port."""
        for _ in range(300):
            for line in self._log.read_text().splitlines():
                event = json.loads(line) if line.startswith("{") else {}
                if event.get("event") == "started":
                    return str(event["url"])
            if daemon.returncode is not None:
                break
            await self._clock.sleep(0.1)
        raise AutoscalerError(f"the daemon did not start:\n{self._log.read_text()}")


def _phase(elapsed_s: float) -> str:
    if elapsed_s < RAMP_S:
        return "ramp"
    return "plateau" if elapsed_s < RAMP_S + PLATEAU_S else "silence"


def _scenario(speed: float) -> Scenario:
    peak_per_s = 2.5 * speed
    return Scenario.model_validate(
        {
            "seed": 7,
            "apps": [
                {
                    "name": "demo",
                    "initial_workers": 1,
                    "max_workers": MAX_WORKERS,
                    "cold_start": {"type": "uniform", "low_s": 4 / speed, "high_s": 8 / speed},
                    "removal_s": 2 / speed,
                    "load": {
                        "phases": [
                            {
                                "phase": "ramp",
                                "for_s": RAMP_S / speed,
                                "from_per_s": 0.1 * speed,
                                "to_per_s": peak_per_s,
                            },
                            {"phase": "plateau", "for_s": PLATEAU_S / speed, "per_s": peak_per_s},
                            {"phase": "silence"},
                        ],
                        "service": {
                            "type": "lognormal",
                            "median_s": 1.6 / speed,
                            "sigma": 0.4,
                            "max_s": 6 / speed,
                        },
                    },
                    "rules": {"min_workers": MIN_WORKERS, "max_workers": MAX_WORKERS},
                }
            ],
        }
    )


def _config(folder: Path, endpoint: str, speed: float) -> dict[str, Any]:
    return {
        "version": 1,
        "everai": {"endpoint": endpoint},
        "state": {"path": str(folder / "state.db")},
        "server": {"listen": "127.0.0.1:0"},
        "log": {"format": "json"},
        "apps": [
            {
                "name": "demo",
                "min_workers": MIN_WORKERS,
                "max_workers": MAX_WORKERS,
                "interval": max(0.2, 1 / speed),
                "policies": [{"type": "queue", "target": 1}],
                "behavior": {"scale_down": {"stabilization_window": 12 / speed}},
            }
        ],
    }
