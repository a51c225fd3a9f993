"""``autoscaler emulator`` as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMAND = (
    sys.executable,
    "-c",
    "import typer; from autoscaler.cli.emulator import emulator; typer.run(emulator)",
)


@contextmanager
def running(*options: str, token: str = "") -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    env = {**os.environ, "EVERAI_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        try:
            yield process, [process.stdout.readline() for _ in range(4 if token else 5)]
        finally:
            process.kill()


def exported(lines: list[str], name: str) -> str:
    return next(
        line.split("=", 1)[1].strip() for line in lines if line.startswith(f"export {name}")
    )


@pytest.mark.process
def test_serves_the_demo_app_and_prints_how_to_reach_it() -> None:
    with running("--speed", "50", "--seed", "3") as (process, lines):
        assert "default/demo (seed 3, speed 50)" in lines[0]
        address, token = exported(lines, "EVERAI_ENDPOINT"), exported(lines, "EVERAI_TOKEN")
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{address}/api/apps/v1/namespaces/default/apps/demo/workers",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            assert len(json.load(reply)["workers"]) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.process
def test_a_given_token_is_not_printed() -> None:
    with running(token="very-secret") as (process, lines):
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert "very-secret" not in "".join(lines) + process.stdout.read()
        assert process.wait(timeout=10) == 0


@pytest.mark.process
def test_a_bad_scenario_is_refused_by_path_and_value(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("apps: [{name: demo, max_workers: -3}]")
    done = subprocess.run(
        [*COMMAND, "--scenario", str(file)], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert "apps.0.max_workers" in done.stderr
    assert "-3" in done.stderr


@pytest.mark.process
def test_a_port_in_use_is_said() -> None:
    with running(token="t") as (_, lines):
        port = exported(lines, "EVERAI_ENDPOINT").rsplit(":", 1)[1]
        done = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, check=False, timeout=30
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
