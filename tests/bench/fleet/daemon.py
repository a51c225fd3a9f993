"""The daemon as a process of its own, on a CPU of its own, watched from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SERVER_CPU, DAEMON_CPU = 0, 1
_BUCKET = re.compile(r'autoscaler_reconcile_lateness_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)')


@dataclass(frozen=True)
class Reading:
    """What a look from outside told: times in seconds, memory in MiB."""

    wall_s: float
    cpu_s: float
    polls: int
    resident_mib: float


@dataclass
class Daemon:
    """A running daemon."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str
    platform: str
    client: httpx.Client

    def read(self) -> Reading:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        polls = self.client.get(f"{self.platform}/stats").json()["polls"]
        cpu_s = (int(stat[11]) + int(stat[12])) / TICKS_PER_S
        return Reading(time.perf_counter(), cpu_s, polls, pages * PAGE / 2**20)

    def scrape(self) -> tuple[str, float]:
        """Return all metrics, and how long that took, seconds."""
        started = time.perf_counter()
        text = self.client.get(f"{self.url}/metrics", timeout=60).text
        return text, time.perf_counter() - started

    def lateness(self) -> dict[float, float]:
        """Return the cumulative lateness histogram: upper bound in seconds, count."""
        return {float(le): float(count) for le, count in _BUCKET.findall(self.scrape()[0])}

    def wait_for(self, event: str, count: int = 1, limit_s: float = 120.0) -> None:
        """Wait until the log has this event so often."""
        deadline = time.perf_counter() + limit_s
        needle = f'"event":"{event}"'
        while self.log.read_text().replace('": "', '":"').count(needle) < count:
            if time.perf_counter() > deadline or self.process.poll() is not None:
                raise SystemExit(f"no {event!r}: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def wait_for_round(self, apps: int, before: int, limit_s: float = 180.0) -> float:
        """Wait until each app was asked for, on average; return when, by perf_counter."""
        deadline = time.perf_counter() + limit_s
        while self.read().polls - before < apps:
            if time.perf_counter() > deadline:
                raise SystemExit("no full round")
            time.sleep(0.05)
        return time.perf_counter()


def configuration(
    platform: str, apps: int, interval_s: float, folder: Path, ca: str | None
) -> Path:
    """Write a configuration; JSON is YAML."""
    everai: dict[str, Any] = {"endpoint": platform}
    if ca is not None:
        everai["ca_bundle"] = ca
    file = folder / "config.yaml"
    file.write_text(
        json.dumps(
            {
                "version": 1,
                "everai": everai,
                "state": {"path": str(folder / "state.db")},
                "server": {"listen": "127.0.0.1:0"},
                "log": {"format": "json", "level": "info"},
                "defaults": {"interval": f"{interval_s}s", "min_workers": 1, "max_workers": 2000},
                "apps": [
                    {"name": f"app{n}", "policies": [{"type": "free-workers", "buffer": 1}]}
                    for n in range(apps)
                ],
            }
        )
    )
    return file


def pinned(command: list[str], cpu: int) -> list[str]:
    """Return a command that stays on one CPU."""
    return ["taskset", "-c", str(cpu), *command]


@contextmanager
def server(workers: int, tls: tuple[str, str] | None, *, lively: bool = False) -> Iterator[str]:
    """Run the platform; give its address."""
    kind = "lively" if lively else "still"
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(workers), kind]
    command = pinned([*command, *(tls or ())], SERVER_CPU)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", "autoscaler", "run", "--config", str(config)]


@contextmanager
def daemon(
    config: Path, platform: str, client: httpx.Client, checkout: Path | None = None
) -> Iterator[Daemon]:
    """Run the daemon on its CPU, this version or that of a checkout; give it when it listens."""
    command = pinned(_command(config), DAEMON_CPU)
    with _running(command, config, platform, client, {}, checkout) as running:
        yield running


@contextmanager
def unpinned_daemon(
    config: Path, platform: str, client: httpx.Client, variables: dict[str, str]
) -> Iterator[Daemon]:
    """Run the daemon wherever the kernel puts it, with more environment variables."""
    with _running(_command(config), config, platform, client, variables) as running:
        yield running


@contextmanager
def _running(
    command: list[str],
    config: Path,
    platform: str,
    client: httpx.Client,
    variables: dict[str, str],
    folder: Path | None = None,
) -> Iterator[Daemon]:
    log = config.with_name("log")
    own = {"EVERAI_TOKEN": "bench", "XDG_STATE_HOME": str(config.parent), **variables}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            env={**os.environ, **own},
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        running = Daemon(process, log, "", platform, client)
        try:
            running.wait_for("started")
            found = re.search(r'"url":\s*"([^"]+)"', log.read_text())
            assert found is not None
            running.url = found[1]
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
