"""What a daemon takes, by its number of apps: CPU and memory of the process, over real sockets.

    python tests/bench/daemon_size.py 10 100 1000

Daemon and emulator are processes of their own. Every app has the default configuration (a look
every 15 s, policy `queue`), a steady load and about four workers; /metrics is scraped every 15 s.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

TOKEN = "token-of-the-bench"
WARM_UP_S = 45.0
MEASURE_S = 60.0
SCRAPE_S = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


def scenario(apps: int) -> dict[str, Any]:
    load = {"phases": [{"phase": "plateau", "per_s": 0.3}], "service": 10.0}
    rows = [{"name": f"app-{n}", "initial_workers": 4, "load": load} for n in range(apps)]
    return {"apps": rows}


def configuration(apps: int, endpoint: str, folder: Path) -> dict[str, Any]:
    return {
        "everai": {"endpoint": endpoint},
        "state": {"path": str(folder / "state.db")},
        "server": {"listen": "127.0.0.1:0"},
        "apps": [{"name": f"app-{n}", "max_workers": 20} for n in range(apps)],
    }


@asynccontextmanager
async def running(log: Path, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoscaler", *args, stdout=out, stderr=out,
            env={**os.environ, "EVERAI_TOKEN": TOKEN},
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def word(log: Path, before: str, after: str) -> str:
    """Wait for a line of a log; return what stands between two texts."""
    async with asyncio.timeout(60):
        while before not in (text := log.read_text()):
            await asyncio.sleep(0.1)
    return text.partition(before)[2].partition(after)[0]


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int, what: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) // 1024


async def measure(apps: int, folder: Path) -> str:
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario(apps)))
    platform_log, log = folder / "emulator.log", folder / "daemon.log"
    async with running(
        platform_log, "emulator", "--port", "0", "--scenario", str(folder / "scenario.yaml")
    ):
        endpoint = await word(platform_log, "EVERAI_ENDPOINT=", "\n")
        config = folder / "autoscaler.yaml"
        config.write_text(yaml.safe_dump(configuration(apps, endpoint, folder)))
        async with running(log, "run", "--config", str(config)) as daemon:
            url = await word(log, '"url":"', '"')
            await scrapes(url, WARM_UP_S)
            before, began = cpu_s(daemon.pid), time.monotonic()  # noqa: TID251 - a real process
            done = await scrapes(url, MEASURE_S)
            took_s = time.monotonic() - began  # noqa: TID251
            cores = (cpu_s(daemon.pid) - before) / took_s
            now, peak = memory_mib(daemon.pid, "VmRSS"), memory_mib(daemon.pid, "VmHWM")
    return f"| {apps:,} | {done / took_s:.1f} | {cores * 1000:.0f}m | {now} MiB | {peak} MiB |"


async def scrapes(url: str, for_s: float) -> float:
    """Scrape for a while; return how many passes were done meanwhile."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        first = await passes(client, url)
        last = first
        for _ in range(int(for_s / SCRAPE_S)):
            await asyncio.sleep(SCRAPE_S)
            last = await passes(client, url)
    return last - first


async def passes(client: httpx.AsyncClient, url: str) -> float:
    text = (await client.get(f"{url}/metrics")).text
    return float(text.partition("\nautoscaler_reconcile_duration_seconds_count ")[2].split()[0])


async def main() -> None:
    print("| apps | passes/s | CPU | memory | at its peak |")  # noqa: T201 - a bench prints
    print("|---:|---:|---:|---:|---:|")  # noqa: T201
    for apps in map(int, sys.argv[1:] or ["10", "100", "1000"]):
        with tempfile.TemporaryDirectory() as folder:
            print(await measure(apps, Path(folder)), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
