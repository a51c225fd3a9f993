"""The image does the job as the strictest cluster would run it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from autoscaler.emulator import Emulator
from tests.image.container import USER, Container, Image, start
from tests.process.process_support import TOKEN, emulated, eventually

pytestmark = pytest.mark.image

WAITING = {"phases": [{"phase": "burst", "requests": 4}], "service": 600}
SCENARIO = {"apps": [{"name": "demo", "initial_workers": 1, "cold_start": 0.3, "load": WAITING}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))  # noqa: S104 - as the image listens
        return int(probe.getsockname()[1])


def publish(folder: Path, name: str, text: str) -> None:
    """Write a file of a volume as the kubelet does: links, and one rename that changes them all."""
    folder.mkdir(exist_ok=True)
    version = folder / f"..version-{len(list(folder.glob('..version-*')))}"
    version.mkdir()
    (version / name).write_text(text)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").rename(folder / "..data")
    if not (folder / name).is_symlink():
        (folder / name).symlink_to(f"..data/{name}")


def configure(folder: Path, endpoint: str, *, max_workers: int = 8) -> None:
    settings = {
        "everai": {"endpoint": endpoint, "token_file": "/run/secrets/token"},
        "defaults": {"interval": 0.2},
        "apps": [{"name": "demo", "max_workers": max_workers}],
    }
    publish(folder / "config", "autoscaler.yaml", yaml.safe_dump(settings))


@asynccontextmanager
async def running(
    image: Image, emulator: Emulator, folder: Path, *, token: str = TOKEN, max_workers: int = 8
) -> AsyncIterator[Container]:
    configure(folder, emulator.address, max_workers=max_workers)
    publish(folder / "secret", "token", token)
    listen = f"0.0.0.0:{free_port()}"
    container = await start(image, folder, AUTOSCALER_SERVER__LISTEN=listen)
    try:
        yield container
    finally:
        await container.kill()


def events(container: Container) -> list[dict[str, Any]]:
    lines = container.log_path.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def test_it_scales_up_and_stops_when_told(image: Image, tmp_path: Path) -> None:
    async with (
        emulated(SCENARIO) as emulator,
        running(image, emulator, tmp_path) as container,
        httpx.AsyncClient(trust_env=False) as client,
    ):

        async def scaled_up() -> bool:
            assert container.outer.returncode is None, container.log_path.read_text()
            return bool(emulator.books()["apps"]["default/demo"]["scale_calls"]["workers_granted"])

        await eventually(scaled_up)
        status = container.status()
        url = next(e["url"] for e in events(container) if e["event"] == "started")
        ready = await client.get(url.replace("0.0.0.0", "127.0.0.1") + "/readyz")  # noqa: S104
        assert ready.status_code == httpx.codes.OK
        assert await container.stop() == 0

    assert status["NSpid"].split()[1] == "1"
    assert status["Uid"].split() == [str(USER)] * 4
    assert status["Gid"].split() == [str(USER)] * 4
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
    assert [e["event"] for e in events(container)][-1] == "stopped"
    assert (tmp_path / "state/state.db").stat().st_uid == USER
    assert TOKEN not in container.log_path.read_text()


async def test_a_changed_volume_is_taken_over_without_a_restart(
    image: Image, tmp_path: Path
) -> None:
    async with (
        emulated(SCENARIO) as emulator,
        running(image, emulator, tmp_path, token="an-old-one", max_workers=1) as container,
    ):

        async def logged(event: str, text: str) -> bool:
            assert container.outer.returncode is None, container.log_path.read_text()
            return any(e["event"] == event and text in json.dumps(e) for e in events(container))

        await eventually(lambda: logged("decision", "Unauthorized"))
        publish(tmp_path / "secret", "token", TOKEN)
        await eventually(lambda: logged("decision", "AtMaximum"))
        configure(tmp_path, emulator.address, max_workers=8)
        await eventually(lambda: logged("configuration reloaded", "max_workers 1"))
        await eventually(lambda: logged("decision", "LoadAboveCapacity"))
        assert await container.stop() == 0

    assert len([e for e in events(container) if e["event"] == "started"]) == 1


async def test_a_stop_in_its_first_moment_is_heard(image: Image, tmp_path: Path) -> None:
    async with emulated(SCENARIO) as emulator, running(image, emulator, tmp_path) as container:

        async def handles_term() -> bool:
            assert container.outer.returncode is None, container.log_path.read_text()
            return container.handles(signal.SIGTERM)

        await eventually(handles_term)
        assert await container.stop() == 0

    assert [e["event"] for e in events(container)] == []


async def test_a_taken_away_configuration_is_said(image: Image, tmp_path: Path) -> None:
    container = await start(image, tmp_path)

    assert await container.outer.wait() == 2
    assert "/etc/autoscaler/autoscaler.yaml" in container.log_path.read_text()


def test_it_says_what_it_is_and_how_it_runs(image: Image) -> None:
    config = image.config

    assert config["User"] == "65532:65532"
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config["StopSignal"] == "SIGTERM"
    assert image.environment()["AUTOSCALER_SERVER__LISTEN"] == "0.0.0.0:8080"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert len(config["Labels"]["org.opencontainers.image.revision"]) == 40


def test_it_holds_what_it_needs_and_no_more(image: Image) -> None:
    libraries = next((image.root / "opt/autoscaler/lib").glob("python3.*/site-packages"))
    there = {path.name for path in libraries.iterdir()}

    assert there >= {"autoscaler", "lightkube", "psycopg", "uvloop"}
    assert not there & {"pip", "uv", "hatchling", "pytest", "matplotlib", "scipy"}
    assert list((libraries / "autoscaler").glob("__pycache__/*.pyc"))


def test_only_the_state_is_the_users_own(image: Image) -> None:
    mine = [
        os.path.relpath(Path(folder) / name, image.root)
        for folder, folders, files in os.walk(image.root)
        for name in (*folders, *files)
        if (Path(folder) / name).lstat().st_uid == USER
    ]
    program = [p for p in (image.root / "opt").rglob("*") if not p.is_symlink()]

    assert mine == ["var/lib/autoscaler"]
    assert not [p for p in program if p.stat().st_mode & (stat.S_IWOTH | stat.S_ISUID)]
