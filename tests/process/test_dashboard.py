"""Every query of the dashboard, and every rule, on a real Prometheus that scrapes a real daemon."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from autoscaler.app.clock import SystemClock
from autoscaler.decision import AppMemory
from autoscaler.emulator import Fault
from autoscaler.model import AppKey, Intervention, InterventionKind
from autoscaler.state import SqliteState
from tests.fakes.receiver import receiving
from tests.process.process_support import StartDaemon, emulated, eventually

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/chart/files/dashboards/autoscaler.json").read_text())
RULES = ROOT / "deploy/chart/files/prometheus-rules.yaml"
VARIABLES = {"$__rate_interval": "10s", "$namespace": ".*", "$app": ".*"}
RANGE_S = 15

pytestmark = [
    pytest.mark.process,
    pytest.mark.prometheus,
    pytest.mark.skipif(
        not shutil.which("prometheus") and not os.environ.get("CI"),
        reason="prometheus is not installed (Debian package prometheus)",
    ),
]

WAVES = [
    {"phase": "plateau", "per_s": 6, "for_s": 4},
    {"phase": "silence", "for_s": 6},
] * 12


@dataclass(frozen=True)
class Question:
    """A query with what asks it."""

    asker: str
    expr: str
    instant: bool = False


def questions() -> Iterator[Question]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            asker = f"{panel['title']} {target['refId']}"
            yield Question(asker, target["expr"], target["instant"])
    for mark in DASHBOARD["annotations"]["list"]:
        yield Question(mark["name"], mark["expr"])


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


@dataclass(frozen=True)
class Prometheus:
    """A server, asked over its HTTP API."""

    client: httpx.AsyncClient

    async def get(self, path: str, **params: str) -> Any:
        reply = await self.client.get(f"/api/v1/{path}", params=params)
        answer = reply.json()
        assert answer["status"] == "success", (params, answer)
        return answer["data"]

    async def has_data(self, question: Question) -> bool:
        """Whether the answer has a sample; fails where the query is no PromQL."""
        expr = filled(question.expr)
        if question.instant:
            return bool((await self.get("query", query=expr))["result"])
        end = SystemClock().now()
        times = {"start": f"{end - RANGE_S:.3f}", "end": f"{end:.3f}", "step": "1"}
        found = await self.get("query_range", query=expr, **times)
        return any(series["values"] for series in found["result"])


@asynccontextmanager
async def prometheus(target: str, folder: Path) -> AsyncIterator[Prometheus]:
    folder.mkdir()
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = "1s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    job = {
        "job_name": "autoscaler",
        "honor_labels": True,
        "static_configs": [{"targets": [target.removeprefix("http://")]}],
    }
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus", f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}",
            stderr=log, stdout=log,
        )  # fmt: skip
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:

        async def ready() -> bool:
            assert process.returncode is None, (folder / "log").read_text()
            try:
                return (await client.get("/-/ready")).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        try:
            await eventually(ready)
            yield Prometheus(client)
        finally:
            process.kill()
            await process.wait()


async def order_by_hand(path: Path, endpoint: str) -> None:
    """Put a boost and a pause without end into the store, as a daemon before this one would."""
    now = SystemClock().now()
    boost = Intervention(InterventionKind.BOOST, now, now + 3600, "ada", "launch", workers=2)
    pause = Intervention(InterventionKind.PAUSE, now, None, "ada", "repair")
    state = SqliteState(path, endpoint)
    for name, order in (("boosted", boost), ("paused", pause)):
        await state.write_intent(AppKey("default", name), AppMemory(interventions=(order,)))
    await state.close()


def apps(*names: str) -> list[dict[str, Any]]:
    quick = {"scale_down": {"stabilization_window": 1, "policies": []}}
    watching = [{"type": "queue", "target": 3, "name": "queue of 3"}]
    more = {"behavior": quick, "shadow": watching, "price_per_hour": 0.5}
    return [{"name": name, **more} for name in names]


@pytest.mark.timeout(120)
async def test_every_query_returns_data(start_daemon: StartDaemon, tmp_path: Path) -> None:
    names = ("busy", "boosted", "paused")
    load = {"phases": WAVES, "service": 1.0}
    emulator_apps = [
        {"name": name, "initial_workers": 1, "cold_start": 0.3, "removal_s": 0.2, "load": load}
        for name in names
    ]
    async with receiving() as receiver, emulated({"apps": emulator_apps}) as emulator:
        flaky = Fault(kind="503", probability=0.05, operations=frozenset({"list"}))
        emulator.handler.injector.switch([flaky])
        await order_by_hand(tmp_path / "state.db", emulator.address)
        target = {"name": "ops", "url": receiver.url, "events": ["scaled"]}
        told = {"notifications": [target]}
        daemon = await start_daemon(emulator, apps(*names), extra=told)
        async with prometheus(daemon.url, tmp_path / "prometheus") as server:
            waiting = list(questions())
            assert len(waiting) > 50

            async def all_answered() -> bool:
                asked = [q for q in waiting if not await server.has_data(q)]
                waiting[:] = asked
                return not asked

            try:
                await eventually(all_answered, patience_s=50)
            except TimeoutError:
                pytest.fail(f"no data for {waiting}")
            await every_rule_is_well(server)
            await the_variables_have_values(server, names)


async def every_rule_is_well(server: Prometheus) -> None:
    async def well() -> bool:
        groups = (await server.get("rules"))["groups"]
        states = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
        assert "err" not in states.values(), states
        return set(states.values()) == {"ok"} and len(states) > 30

    await eventually(well)


async def the_variables_have_values(server: Prometheus, names: tuple[str, ...]) -> None:
    asked = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "query"]
    found = {}
    for variable in asked:
        inner, label = variable["definition"].removeprefix("label_values(")[:-1].rsplit(", ", 1)
        found[label] = await server.get(f"label/{label}/values", **{"match[]": filled(inner)})
    assert found == {"namespace": ["default"], "app": sorted(names)}
