"""A daemon on a shared PostgreSQL: what it remembers, and what it does while that is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.fakes.postgres import new_database, postgres
from tests.process.process_support import Daemon, StartDaemon, emulated, eventually

__all__ = ["postgres"]
pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

PASSWORD = "a-password-that-must-never-be-seen"
APPS = [{"name": "sd15"}]
SCENARIO = {
    "seed": 3,
    "apps": [{"name": "sd15", "initial_workers": 2, "max_workers": 8, "load": {"phases": []}}],
}


def configured(address: str, file: Path) -> dict[str, Any]:
    """Return the section ``state`` for an address with a password; the server asks for none."""
    parts = urlsplit(address)
    file.write_text(f"{parts.scheme}://test:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}\n")
    return {"state": {"url_file": str(file)}, "history": {"enabled": False}}


def rows(address: str, query: str) -> list[Any]:
    with psycopg.connect(address.replace("+psycopg", "")) as db:
        return db.execute(query.encode()).fetchall()


async def everything_said(daemon: Daemon) -> str:
    """Return all that anybody can get out of a daemon."""
    text = daemon.log_path.read_text()
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/", "/metrics", "/api/v1/config", "/api/v1/health", "/api/v1/apps"):
            text += (await client.get(f"{daemon.url}{path}")).text
    return text


async def test_a_restart_finds_what_was_written(
    start_daemon: StartDaemon, tmp_path: Path, postgres: str
) -> None:
    address = new_database(postgres)
    extra = configured(address, tmp_path / "database")
    async with emulated(SCENARIO) as emulator:
        first = await start_daemon(emulator, APPS, extra=extra)
        await eventually(lambda: decided(first))
        assert PASSWORD not in await everything_said(first)
        await eventually(lambda: remembered(address))
        assert await first.stop() == 0
        assert rows(address, "SELECT app, part, shards FROM autoscaler_memory") == [("sd15", 0, 1)]
        assert rows(address, "SELECT closed FROM autoscaler_reign") == [(True,)]
        second = await start_daemon(emulator, APPS, extra=extra)
        await eventually(lambda: decided(second))
        health = (await second.client.get(f"{second.url}/api/v1/health")).json()
        assert health["state_trust"] == "whole"


async def test_without_its_database_it_scales_all_the_same(
    start_daemon: StartDaemon, tmp_path: Path, postgres: str
) -> None:
    address = postgres.rpartition("/")[0] + "/not_there_yet"
    extra = configured(address, tmp_path / "database")
    defaults = {"interval": 0.2, "min_workers": 4, "max_workers": 8, "order_deadline": 1.5}
    async with emulated(SCENARIO) as emulator:
        daemon = await start_daemon(emulator, APPS, extra=extra | {"defaults": defaults})

        async def grown() -> bool:
            seen = (await daemon.app("sd15")).get("observation") or {"workers": []}
            return len(seen["workers"]) >= 4

        await eventually(grown)
        said = await everything_said(daemon)
        assert "the state store cannot be used" in said
        assert "does not exist" in said
        assert PASSWORD not in said
        with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as db:
            db.execute("CREATE DATABASE not_there_yet")
        await eventually(lambda: remembered(address))


async def remembered(address: str) -> bool:
    """Whether an app's memory is in the database."""
    tables = rows(address, "SELECT to_regclass('autoscaler_memory')::text")
    return tables == [("autoscaler_memory",)] and bool(
        rows(address, "SELECT app FROM autoscaler_memory")
    )


async def decided(daemon: Daemon) -> bool:
    return bool(await daemon.reason("sd15"))
