"""A real daemon process against a real emulator, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from autoscaler.app.clock import SystemClock
from autoscaler.emulator import Emulator, Scenario

TOKEN = "a-token-that-must-never-be-seen"
PATIENCE_S = 60.0


@dataclass
class Daemon:
    """A running `autoscaler run`."""

    process: asyncio.subprocess.Process
    log_path: Path
    url: str = ""
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(trust_env=False))

    def events(self) -> list[dict[str, Any]]:
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def app(self, name: str) -> dict[str, Any]:
        reply = await self.client.get(f"{self.url}/api/v1/apps/default/{name}")
        return dict(reply.json()) if reply.is_success else {}

    async def reason(self, name: str) -> str:
        decision = (await self.app(name)).get("decision")
        return str(decision["reason"]) if decision else ""

    async def stop(self) -> int:
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 10)


StartDaemon = Callable[..., Awaitable[Daemon]]


async def eventually(
    what: Callable[[], Awaitable[bool]], *, patience_s: float = PATIENCE_S
) -> None:
    """Wait until something is true; fail if it never is."""
    async with asyncio.timeout(patience_s):
        while not await what():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def emulated(scenario: dict[str, Any], *, skew_s: float = 0.0) -> AsyncIterator[Emulator]:
    clock = SystemClock()
    emulator = Emulator(
        Scenario.model_validate(scenario), now=lambda: clock.now() + skew_s, token=TOKEN
    )
    async with emulator:
        yield emulator


def environ(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOSCALER_", "EVERAI_"))}
    return {**kept, "EVERAI_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1", **changes}


@pytest.fixture
async def start_daemon(tmp_path: Path) -> AsyncIterator[StartDaemon]:
    """Start daemons on a configuration; each is killed at the end if it still lives."""
    async with AsyncExitStack() as stack:

        async def start(
            emulator: Emulator,
            apps: list[dict[str, Any]],
            *args: str,
            extra: dict[str, Any] | None = None,
            **changes: str,
        ) -> Daemon:
            config = tmp_path / "autoscaler.yaml"
            config.write_text(
                yaml.safe_dump(
                    {
                        "everai": {
                            "endpoint": emulator.address,
                            "read_timeout": 0.5,
                            "total_timeout": 1.0,
                        },
                        "state": {"path": str(tmp_path / "state.db")},
                        "server": {"listen": "127.0.0.1:0"},
                        "defaults": {"interval": 0.2, "max_workers": 8},
                        "apps": apps,
                        **(extra or {}),
                    }
                )
            )
            number = len(list(tmp_path.glob("*.log")))
            log_path = tmp_path / f"daemon-{number}.log"
            with log_path.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "autoscaler", "run", "--config", str(config), *args,
                    stderr=log, env=environ(**changes),
                )  # fmt: skip
            daemon = Daemon(process, log_path)
            stack.push_async_callback(_kill, daemon)
            if "--once" not in args:
                await _await_start(daemon)
            return daemon

        yield start


async def _await_start(daemon: Daemon) -> None:
    async def started() -> bool:
        assert daemon.process.returncode is None, daemon.log_path.read_text()
        urls = [event["url"] for event in daemon.events() if event["event"] == "started"]
        daemon.url = urls[0] if urls else ""
        return bool(urls)

    await eventually(started)


async def _kill(daemon: Daemon) -> None:
    await daemon.client.aclose()
    if daemon.process.returncode is None:
        daemon.process.kill()
        await daemon.process.wait()
