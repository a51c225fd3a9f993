"""A real daemon tells a real receiver; a receiver that is dead holds nothing up."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.emulator import Fault
from tests.fakes.receiver import Receiver, receiving
from tests.process.process_support import StartDaemon, emulated, environ, eventually

pytestmark = pytest.mark.process

SECRET = "key-to-it"  # the last part of the receiver's address
LOAD = {"phases": [{"phase": "burst", "requests": 4}], "service": 600}
SCENARIO = {"apps": [{"name": "demo", "initial_workers": 1, "cold_start": 0.3, "load": LOAD}]}
EVERYTHING = ["began", "ended", "scaled", "failed", "raced", "by_hand"]


def target(file: Path, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    file.write_text(receiver.url)
    return {
        "name": "ops", "url_file": str(file), "events": EVERYTHING, "after": 0, "window": 0,
    } | changes  # fmt: skip


async def test_trouble_and_orders_are_told(start_daemon: StartDaemon, tmp_path: Path) -> None:
    async with receiving() as receiver, emulated(SCENARIO) as emulator:
        told = {"notifications": [target(tmp_path / "url", receiver)]}
        daemon = await start_daemon(emulator, [{"name": "demo"}], extra=told)

        def seen(event: str, reason: str) -> bool:
            pairs = {(each["event"], each["reason"]) for each in receiver.events}
            return (event, reason) in pairs

        async def scaled() -> bool:
            return seen("scaled", "LoadAboveCapacity")

        async def began() -> bool:
            return seen("began", "Forbidden")

        async def ended() -> bool:
            return seen("ended", "Forbidden")

        await eventually(scaled)
        emulator.handler.injector.switch([Fault(kind="403")])
        await eventually(began)
        emulator.handler.injector.switch([])
        await eventually(ended)
        text = (await daemon.client.get(f"{daemon.url}/metrics")).text
        assert 'autoscaler_notifications_total{outcome="sent",target="ops"}' in text
        assert await daemon.stop() == 0
        assert SECRET not in daemon.log_path.read_text() + text


async def test_a_dead_receiver_holds_nothing_up(start_daemon: StartDaemon, tmp_path: Path) -> None:
    async with receiving() as receiver, emulated(SCENARIO) as emulator:
        receiver.answers = ["hang"] * 1000
        told = {"notifications": [target(tmp_path / "url", receiver, timeout=60)]}
        daemon = await start_daemon(emulator, [{"name": "demo"}], extra=told)

        async def serves() -> bool:
            decision = (await daemon.app("demo")).get("decision") or {}
            return bool((decision.get("census") or {}).get("busy") == 4)

        await eventually(serves)
        assert receiver.requests
        assert await daemon.stop() == 0
        events = {event["event"] for event in daemon.events()}
        assert "notifications not delivered before the end" in events


async def test_a_trial_message(tmp_path: Path) -> None:
    async with receiving() as receiver:
        config = tmp_path / "autoscaler.yaml"
        targets = [
            target(tmp_path / "url", receiver),
            target(tmp_path / "url", receiver, name="chat", format="slack"),
        ]
        apps = [{"name": "demo", "max_workers": 1}]
        config.write_text(yaml.safe_dump({"notifications": targets, "apps": apps}))

        async def notify(*names: str) -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "autoscaler", "notify", "test", "-c", str(config), *names,
                env=environ(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            assert SECRET not in out.decode()
            return process.returncode or 0, out.decode()

        assert await notify() == (0, "ops: delivered\nchat: delivered\n")
        assert {"text", "events"} < {key for each in receiver.requests for key in each.body}
        receiver.answers = [404]
        address = f"127.0.0.1:{receiver.port}"
        assert await notify("chat") == (
            1, f"chat: not delivered: {address} answered HTTP 404\n",
        )  # fmt: skip
        status, said = await notify("nobody")
        assert (status, "known: ops, chat" in said) == (4, True)
