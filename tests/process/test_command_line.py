"""The commands as processes, against a real daemon that scales on an emulated platform."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import signal
import sys
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autoscaler.emulator import Emulator
from tests.process.process_support import (
    TOKEN,
    Daemon,
    StartDaemon,
    emulated,
    environ,
    eventually,
)

pytestmark = pytest.mark.process

PLATFORM: dict[str, Any] = {
    "apps": [
        {
            "name": "sd15",
            "initial_workers": 1,
            "cold_start": 0.3,
            "load": {"phases": [{"phase": "burst", "requests": 12}], "service": 600},
        },
        {"name": "llama", "initial_workers": 2},
        {"name": "auto", "scaler": "builtin"},
    ]
}
PATIENCE_S = 60.0
ACTION_TOKEN = "act-0123456789-abcdef"
PROGRAM = Path(sys.executable).with_name("autoscaler")
"""The console script: its name is what the shell completes."""


@dataclass
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs commands with the addresses of the daemon and of the platform."""

    daemon: Daemon
    emulator: Emulator

    def variables(self, **changes: str) -> dict[str, str]:
        known = {
            "AUTOSCALER_URL": self.daemon.url,
            "EVERAI_ENDPOINT": self.emulator.address,
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "TERM": "xterm",
        }
        return environ(**(known | changes))

    async def start(self, *arguments: str, **more: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(PROGRAM), *arguments,
            **{"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE,
               "env": self.variables(), **more},
        )  # fmt: skip

    async def run(self, *arguments: str, **more: Any) -> Ended:
        process = await self.start(*arguments, **more)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def shell(start_daemon: StartDaemon, tmp_path: Path) -> AsyncIterator[Shell]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ann:{ACTION_TOKEN}\n")
    server = {"listen": "127.0.0.1:0", "action_token_file": str(tokens)}
    async with emulated(PLATFORM) as emulator:
        daemon = await start_daemon(
            emulator,
            [{"name": "sd15"}, {"name": "llama", "price_per_hour": 3.6}],
            extra={"server": server},
        )

        async def settled() -> bool:
            return await daemon.reason("sd15") == "AtMaximum" and bool(await daemon.reason("llama"))

        await eventually(settled)
        yield Shell(daemon, emulator)


async def test_what_a_daemon_does_and_why(shell: Shell) -> None:
    shown = await shell.run("status")
    assert (shown.status, shown.err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines()}
    assert rows["sd15"][:6] == ["limited", "8", "8", "8", "4", "AtMaximum"]
    assert max(map(len, shown.out.splitlines())) <= 80
    explained = await shell.run("explain", "sd15")
    assert explained.status == 0
    assert "AtMaximum changed 12 to 8: the maximum is 8" in explained.out
    assert "The last time it acted" in explained.out
    once = await shell.run("top")
    assert "2 apps" in once.out
    assert TOKEN not in shown.out + explained.out + once.out


async def test_straight_from_the_platform(shell: Shell) -> None:
    shown = await shell.run("status", "--platform")
    assert (shown.status, shown.err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines()}
    assert rows["sd15"] == ["manual", "8", "0", "8", "0", "4", "-"]
    assert rows["auto"][0] == "builtin"
    one = await shell.run("status", "llama", "--platform")
    assert [line.split()[1] for line in one.out.splitlines()[3:4]] == ["STATE"]
    assert {line.split()[1] for line in one.out.splitlines()[4:]} <= {"free", "removing"}
    data = json.loads((await shell.run("status", "sd15", "--platform", "-o", "json")).out)
    assert (data["queue_size"], len(data["workers"])) == (4, 8)
    nobody = await shell.run("status", "sd15", "nobody", "--platform")
    assert (nobody.status, "sd15" in nobody.out) == (3, True)
    assert "default/nobody" in nobody.err
    wrong = await shell.run(
        "status", "--platform", env=shell.variables(EVERAI_TOKEN="another-token")
    )
    assert (wrong.status, wrong.out) == (1, "")
    assert "another-token" not in wrong.err


async def test_watching_ends_with_ctrl_c(shell: Shell) -> None:
    for arguments in (("status", "-w"), ("status", "-w", "-o", "json", "--interval", "0.2")):
        process = await shell.start(*arguments)
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        assert b"NAME" in first or json.loads(first)["name"] == "llama"
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert (process.returncode, err) == (130, b"")


async def test_watching_goes_on_while_the_daemon_is_away(shell: Shell) -> None:
    process = await shell.start("status", "-w", "--interval", "0.2")
    assert process.stdout is not None
    assert process.stderr is not None
    await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
    assert await shell.daemon.stop() == 0
    said = await asyncio.wait_for(process.stderr.readline(), PATIENCE_S)
    assert b"no daemon answers" in said
    assert process.returncode is None
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 130


async def test_a_reader_that_has_enough_is_no_trouble(shell: Shell) -> None:
    script = f"{PROGRAM} status -A -o json | head -c 1"
    process = await asyncio.create_subprocess_shell(
        script, env=shell.variables(), stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (out, err) == (b"{", b"")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("autoscaler explain ", ["llama", "sd15"]),
        ("autoscaler explain s", ["sd15"]),
        ("autoscaler status default/l", ["default/llama"]),
        ("autoscaler status -n def", ["default"]),
        ("autoscaler his", ["history"]),
    ],
)
async def test_the_shell_completes(shell: Shell, line: str, offered: list[str]) -> None:
    words = shell.variables(
        _AUTOSCALER_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split(" ")) - 1),
    )
    shown = await shell.run(env=words)
    assert shown.out.split() == offered
    away = await shell.run(env=words | {"AUTOSCALER_URL": "http://127.0.0.1:9"})
    assert (away.err, away.out.split()) == ("", offered if "his" in line else [])


class Terminal:
    """A terminal of 80 by 24 that a test types into."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.ours, (24, 80))
        self.before = termios.tcgetattr(self.theirs)
        self.screen = b""
        os.set_blocking(self.ours, False)

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            self.screen += os.read(self.ours, 1 << 16)
        return self.screen

    def close(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)


@pytest.mark.parametrize(("end", "status"), [("q", 0), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_top_leaves_the_terminal_as_it_was(shell: Shell, end: Any, status: int) -> None:
    terminal = Terminal()
    variables = shell.variables()
    del variables["COLUMNS"]
    try:
        process = await shell.start(
            "top", "--interval", "0.2",
            stdin=terminal.theirs, stdout=terminal.theirs, stderr=terminal.theirs, env=variables,
        )  # fmt: skip

        async def shows(what: bytes) -> bool:
            assert process.returncode is None, terminal.read()
            return what in terminal.read()

        await eventually(lambda: shows(b"sort: queue"), patience_s=PATIENCE_S)
        os.write(terminal.ours, b"s")
        await eventually(lambda: shows(b"sort: workers"), patience_s=PATIENCE_S)
        if end == "q":
            os.write(terminal.ours, b"q")
        else:
            process.send_signal(end)
        ending = asyncio.create_task(process.wait())

        async def ended() -> bool:
            terminal.read()
            return ending.done()

        await eventually(ended, patience_s=PATIENCE_S)
        assert await ending == status
        assert termios.tcgetattr(terminal.theirs) == terminal.before
        told = terminal.read()
        assert told.rfind(b"\x1b[?1049l") > told.rfind(b"\x1b[?1049h") >= 0
        assert told.rfind(b"\x1b[?25h") > told.rfind(b"\x1b[?25l")
        assert b"Traceback" not in told
    finally:
        terminal.close()


async def test_orders_by_hand_are_obeyed_and_told_in_the_past(shell: Shell) -> None:
    token = {"env": shell.variables(AUTOSCALER_TOKEN=ACTION_TOKEN)}
    before = await shell.run("explain", "llama")
    scaled = await shell.run("scale", "llama", "4", "--for", "1h", "--reason", "a fair", **token)
    assert scaled.status == 0
    assert "to undo: autoscaler resume default/llama" in scaled.err

    async def four() -> bool:
        decision = (await shell.daemon.app("llama"))["decision"]
        ready = decision["census"]["free"] + decision["census"]["busy"]
        return bool(decision["reason"] == "Overridden" and ready == 4)

    await eventually(four)
    paused = await shell.run("pause", "llama", "--reason", "an update", **token)
    assert paused.status == 0
    await eventually(lambda: _reason_is(shell, "Paused"))
    resumed = await shell.run("resume", "llama", "--reason", "done", **token)
    assert resumed.status == 0

    async def back() -> bool:
        return await shell.daemon.reason("llama") not in ("Paused", "Overridden")

    await eventually(back)
    told = await shell.run("history", "llama", "--since", "1h", "-o", "json")
    assert told.status == 0
    assert "override by ann" in told.out
    assert "ended: ended by ann" in told.out
    reasons = {event["reason"] for event in json.loads(told.out)["items"]}
    assert {"Overridden", "Paused"} <= reasons
    then = await shell.run("explain", "llama", "--at", _moment_of("Overridden", told.out))
    assert then.status == 0
    assert "override to 4" in then.out
    assert then.out != before.out
    cost = await shell.run("cost", "llama", "--since", "1h")
    assert cost.status == 0
    assert shell.daemon.log_path.read_text().count(ACTION_TOKEN) == 0


async def test_an_order_without_the_token_is_refused(shell: Shell) -> None:
    refused = await shell.run("pause", "llama", "--reason", "an update")
    assert refused.status == 2
    assert "needs a token" in refused.err
    wrong = {"env": shell.variables(AUTOSCALER_TOKEN="not-the-right-one-at-all")}
    assert (await shell.run("pause", "llama", "--reason", "x", **wrong)).status == 1
    assert await shell.daemon.reason("llama") != "Paused"


async def _reason_is(shell: Shell, reason: str) -> bool:
    return await shell.daemon.reason("llama") == reason


def _moment_of(reason: str, told: str) -> str:
    events = [event for event in json.loads(told)["items"] if event["reason"] == reason]
    return str(events[-1]["at"])
