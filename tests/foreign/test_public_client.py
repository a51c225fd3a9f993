"""The emulator, driven by the platform's own public command line and generated client.

Nobody of this project wrote that client, so it proves the emulator's wire format. It pins an old
pydantic and so lives in a virtual environment of its own, made once (this needs the network).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(600)]

VERSION = "0.2.41"
TOKEN = "foreign-token"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HOME = CACHE / "everai-worker-autoscaler" / f"foreign-everai-{VERSION}"
SCENARIO = {
    "apps": [
        {
            "name": "idle",
            "initial_workers": 2,
            "max_workers": 8,
            "cold_start": 1,
            "removal_s": 60,
        },
        {
            "name": "loaded",
            "initial_workers": 1,
            "load": {
                "phases": [{"phase": "burst", "requests": 5, "for_s": 0.001}],
                "service": 3600,
            },
        },
    ]
}
Run = Callable[..., str]


@pytest.fixture(scope="session")
def client_home() -> Path:
    """Return the virtual environment with the public client; make it where it is not whole."""
    done = HOME / ".complete"
    if not done.exists():
        shutil.rmtree(HOME, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        pip = str(HOME / "bin" / "pip")
        subprocess.run([pip, "install", "--quiet", f"everai=={VERSION}"], check=True)
        done.touch()
    return HOME


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """Serve the emulator as a process of its own."""
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump(SCENARIO))
    start = "import typer; from autoscaler.cli.emulator import emulator; typer.run(emulator)"
    command = [sys.executable, "-c", start, "--port", "0", "--scenario", str(file)]
    env = {**os.environ, "EVERAI_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("export EVERAI_ENDPOINT="))
        try:
            yield line.strip().partition("=")[2]
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture
def run(client_home: Path, endpoint: str, tmp_path: Path) -> Run:
    """Run a program of the public client's environment; return what it printed."""

    def run_it(program: str, *arguments: str, token: str = TOKEN) -> str:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "EVERAI_HOME": str(tmp_path / "everai"),
            "EVERAI_ENDPOINT": endpoint,
            "EVERAI_TOKEN": token,
        }
        done = subprocess.run(
            [str(client_home / "bin" / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=env,
            cwd=tmp_path,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_it


def test_the_command_line_lists_workers(run: Run) -> None:
    rows = json.loads(run("everai", "worker", "list", "idle", "--output", "json"))
    assert len(rows) == 2
    assert "FREE" in json.dumps(rows)
    assert "FREE" in run("everai", "worker", "list", "idle", "--all", "--recent-days", "1")


def test_the_command_line_lists_the_queue(run: Run) -> None:
    rows = json.loads(run("everai", "app", "queue", "loaded", "--output", "json"))
    assert len(rows) == 4  # five arrived, one is served
    assert "WorkerBusy" in json.dumps(rows)


def test_the_command_line_reads_and_pauses_an_app(run: Run) -> None:
    assert "idle" in run("everai", "app", "list")
    run("everai", "app", "pause", "idle")
    assert "PAUSED" in run("everai", "app", "get", "idle").upper()
    assert "ready" in run("everai", "app", "events", "idle")


def test_the_generated_client_scales_up_and_down(run: Run) -> None:
    script = str(Path(__file__).with_name("foreign_client.py"))
    seen: dict[str, Any] = json.loads(run("python", script, "idle"))
    assert seen["before"] == ["DETAIL_STATUS_FREE"] * 2
    assert seen["max_workers"] == 8
    assert seen["queue_size"] is None  # zero is left out
    assert len(set(seen["started"])) == 2
    assert seen["at_once"] == ["DETAIL_STATUS_IN_FLIGHT"] * 2
    assert seen["ready"] == ["DETAIL_STATUS_FREE"] * 2
    assert seen["after"] == ["DETAIL_STATUS_REMOVE"] * 2
    assert seen["scaler"] == 1
    assert seen["apps"] == ["idle", "loaded"]


def test_a_wrong_token_is_refused(run: Run) -> None:
    said = run("everai", "worker", "list", "idle", token="wrong")
    assert "invalid token" in said
