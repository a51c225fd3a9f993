"""Real processes and sockets: faults on and off, and ten kills, under load; nothing is lost."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, for the order of the faults
from typing import Any

import httpx
import pytest
import yaml

from tests.process.process_support import TOKEN, environ, eventually

pytestmark = [pytest.mark.process, pytest.mark.chaos, pytest.mark.timeout(300)]

KILLS = 10
MAX_WORKERS = 8
APPS = ("steady", "waves")
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "reset-before", "probability": 0.3},
    {"kind": "reset-after", "probability": 0.3},
    {"kind": "hang", "probability": 0.2},
    {"kind": "hang-after", "probability": 0.3, "operations": ["scale-up", "scale-down"]},
    {"kind": "500-after", "probability": 0.4, "operations": ["scale-up", "scale-down"]},
    {"kind": "html", "probability": 0.3},
    {"kind": "garbage", "probability": 0.3},
    {"kind": "truncated", "probability": 0.3},
    {"kind": "stale-list", "probability": 0.3, "age_s": 2},
    {"kind": "429", "probability": 0.3, "retry_after_s": 1},
    {"kind": "duplicate-rows", "probability": 0.5},
    {"kind": "unknown-enums", "probability": 0.3},
    {"kind": "delay", "probability": 0.3, "delay_s": 0.4},
)


def scenario() -> dict[str, Any]:
    waves = {"phase": "steps", "per_s": [0.2, 4, 8, 1, 0], "each_s": 4, "for_s": 70}
    loads = {
        "steady": [{"phase": "plateau", "per_s": 6, "for_s": 70}, {"phase": "silence"}],
        "waves": [waves, {"phase": "silence"}],
    }
    return {
        "seed": 11,
        "apps": [
            {
                "name": name,
                "initial_workers": 1,
                "max_workers": MAX_WORKERS,
                "cold_start": {"type": "uniform", "low_s": 0.5, "high_s": 2},
                "removal_s": 0.5,
                "list_lag_s": 0.5,
                "load": {
                    "phases": loads[name],
                    "service": {"type": "lognormal", "median_s": 0.5, "sigma": 0.5, "max_s": 3},
                },
                "rules": {"min_workers": 1, "max_workers": MAX_WORKERS},
            }
            for name in APPS
        ],
    }


def configuration(folder: Path, endpoint: str) -> dict[str, Any]:
    return {
        "everai": {
            "endpoint": endpoint,
            "connect_timeout": 0.5,
            "read_timeout": 0.5,
            "total_timeout": 1,
        },
        "state": {"path": str(folder / "state.db")},
        "server": {"listen": "127.0.0.1:0"},
        "defaults": {
            "interval": 0.3,
            "min_workers": 1,
            "max_workers": MAX_WORKERS,
            "order_deadline": 3,
            "behavior": {"scale_down": {"stabilization_window": 2}},
        },
        "apps": [{"name": name} for name in APPS],
    }


@asynccontextmanager
async def emulator_process(folder: Path) -> AsyncIterator[str]:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario()))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autoscaler", "emulator", "--port", "0", "--scenario", str(path),
        env=environ(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if b"EVERAI_ENDPOINT=" in line:
                yield line.decode().strip().partition("EVERAI_ENDPOINT=")[2]
                break
    finally:
        process.terminate()
        await process.wait()


async def start_daemon(folder: Path, number: int) -> asyncio.subprocess.Process:
    with (folder / f"daemon-{number}.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoscaler", "run", "--config", str(folder / "config.yaml"),
            stderr=log, env=environ(),
        )  # fmt: skip


async def kill_ten_times(folder: Path, platform: httpx.AsyncClient) -> asyncio.subprocess.Process:
    """Run daemons one after the other, each killed in the middle of some fault."""
    rng = Random(5)
    for number in range(KILLS):
        daemon = await start_daemon(folder, number)
        await asyncio.sleep(2.0)
        faults = rng.sample(FAULTS, 2)
        (await platform.put("/emulator/faults", json={"faults": faults})).raise_for_status()
        await asyncio.sleep(rng.uniform(2.5, 4.5))
        assert daemon.returncode is None, f"daemon {number} ended by itself"
        daemon.send_signal(signal.SIGKILL)
        await daemon.wait()
        if number % 2:
            (await platform.delete("/emulator/faults")).raise_for_status()
    (await platform.delete("/emulator/faults")).raise_for_status()
    return await start_daemon(folder, KILLS)


async def test_ten_kills_under_load_and_faults(tmp_path: Path) -> None:
    async with (
        emulator_process(tmp_path) as endpoint,
        httpx.AsyncClient(base_url=endpoint, trust_env=False) as platform,
    ):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(configuration(tmp_path, endpoint)))
        last = await kill_ten_times(tmp_path, platform)

        async def books() -> dict[str, Any]:
            return dict((await platform.get("/emulator/books")).json()["apps"])

        async def calm() -> bool:
            reports = (await books()).values()
            return all(
                report["requests"]["waiting"] + report["requests"]["in_service"] == 0
                and report["workers"]["now"].get("free", 0) == 1
                and sum(report["workers"]["now"].values()) == 1
                for report in reports
            )

        await eventually(calm, patience_s=90)
        last.terminate()
        assert await asyncio.wait_for(last.wait(), 10) == 0
        for name, report in (await books()).items():
            lost = report["requests"]["lost_to_scale_down"]
            assert (name, report["broken"], lost) == (name, [], 0)
            assert report["scale_calls"]["up"] > 0
            assert report["scale_calls"]["down"] > 0
    assert not any(TOKEN in log.read_text() for log in tmp_path.glob("*.log"))
