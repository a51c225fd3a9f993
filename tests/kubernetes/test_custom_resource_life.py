"""The whole life of an object on a real API server, with the rights that the chart gives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from autoscaler.emulator import Emulator
from autoscaler.settings.resource import DEFINITION_NAME, MARK_ANNOTATION, definition
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.object_life import ObjectLife, chart_account, read_by
from tests.process.process_support import Daemon, StartDaemon, emulated, eventually, start_daemon

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

__all__ = ["start_daemon"]

FILE_APP = {"name": "of-the-file", "min_workers": 1, "max_workers": 2}
TYPO = [{"type": "queue", "targt": 2}]  # the definition lets a plug-in's parameters through


@pytest.fixture
def life(worker_autoscalers: ApiServer) -> ObjectLife:
    namespace = worker_autoscalers.make_namespace("life")
    account = chart_account(worker_autoscalers, namespace)
    return ObjectLife(worker_autoscalers, namespace, account)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    apps = [
        {"name": name, "cold_start": 0.3, "removal_s": 0.2}
        for name in ("sd15", "of-the-file")
    ]  # fmt: skip
    apps.append({"name": "slow", "cold_start": 600})
    async with emulated({"apps": apps}) as made:
        yield made


def books(emulator: Emulator, app: str = "sd15") -> dict[str, Any]:
    return dict(emulator.books()["apps"][f"default/{app}"])


def workers(emulator: Emulator, app: str = "sd15") -> int:
    kept = books(emulator, app)["workers"]
    return int(kept["started"] - kept["stopped"])


async def has(emulator: Emulator, count: int, app: str = "sd15") -> None:
    async def is_so() -> bool:
        return workers(emulator, app) == count

    await eventually(is_so)


async def stays(emulator: Emulator, count: int, app: str = "sd15", seconds: float = 2.0) -> None:
    """See that nothing changes through several looks."""
    calls = books(emulator, app)["scale_calls"]
    await asyncio.sleep(seconds)
    assert workers(emulator, app) == count
    assert books(emulator, app)["scale_calls"] == calls


async def test_create_change_break_repair_delete(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    daemon = await read_by(life, start_daemon, emulator, [FILE_APP])
    # create
    life.apply("sd15", min_workers=2, max_workers=6)
    await has(emulator, 2)
    ready = await life.until_ready("sd15", "True", "Accepted")
    assert ready["observedGeneration"] == 1
    await life.until(lambda: life.status("sd15").get("workers") == 2)
    await life.until(lambda: life.condition("sd15", "Active").get("status") == "True")
    await life.until(lambda: "ScaledUp" in life.reasons("sd15"))
    # change
    life.apply("sd15", min_workers=4, max_workers=6)
    await has(emulator, 4)
    await life.until(lambda: life.status("sd15").get("observedGeneration") == 2)
    await life.until(lambda: life.status("sd15").get("minWorkers") == 4)
    # break: the definition lets it through, the rules do not
    life.apply("sd15", min_workers=5, max_workers=6, policies=TYPO)
    ready = await life.until_ready("sd15", "False", "InvalidSpec")
    assert "spec.policies[0].targt: unknown key (did you mean target?)" in ready["message"]
    assert ready["message"].endswith("generation 2 stays in force")
    assert life.status("sd15")["lastGood"]["spec"]["min_workers"] == 4
    await life.until(lambda: "InvalidSpec" in life.reasons("sd15"))
    await stays(emulator, 4)
    assert life.condition("sd15", "Active")["status"] == "True"
    # repair
    life.apply("sd15", min_workers=5, max_workers=6)
    await life.until_ready("sd15", "True", "Accepted")
    await has(emulator, 5)
    assert "lastGood" not in life.status("sd15")
    await life.until(lambda: "Accepted" in life.reasons("sd15"))
    # delete
    life.delete("sd15")

    async def forgotten() -> bool:
        return await daemon.app("sd15") == {}

    await eventually(forgotten)
    await stays(emulator, 5)
    assert books(emulator)["broken"] == []
    # the file's app was never disturbed
    assert workers(emulator, "of-the-file") == 1


async def test_the_table_answers_at_a_glance(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    await read_by(life, start_daemon, emulator)
    life.apply("sd15", min_workers=2, max_workers=6)
    await life.until(lambda: life.status("sd15").get("workers") == 2)
    await life.until(
        lambda: life.status("sd15").get("lastDecision", {}).get("reason") == "AtTarget"
    )
    head, row = life.table().splitlines()
    assert head.split() == [
        "NAME", "MIN", "MAX", "WORKERS", "DESIRED", "QUEUE", "READY", "REASON", "AGE",
    ]  # fmt: skip
    assert row.split()[:-1] == ["sd15", "2", "6", "2", "2", "0", "True", "AtTarget"]
    assert "2 wanted and there" in life.table("-o", "wide")


async def test_two_objects_for_one_app_and_the_younger_takes_over(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    life.apply("older", name="sd15", min_workers=2, max_workers=6)
    await asyncio.sleep(1.1)  # times of creation are whole seconds
    life.apply("younger", name="sd15", min_workers=3, max_workers=6)
    await read_by(life, start_daemon, emulator)
    refused = await life.until_ready("younger", "False", "DuplicateApp")
    assert refused["message"] == (
        f"app default/sd15 is given twice: here and by WorkerAutoscaler {life.namespace}/older,"
        " which counts; remove one"
    )
    await life.until_ready("older", "True", "Accepted")
    await has(emulator, 2)
    await life.until(lambda: life.condition("younger", "Active").get("status") == "False")
    await life.until(lambda: "DuplicateApp" in life.reasons("younger"))
    assert "workers" not in life.status("younger")
    life.delete("older")
    await life.until_ready("younger", "True", "Accepted")
    await has(emulator, 3)


async def test_the_file_goes_before_objects(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    life.apply("mine", name="of-the-file", min_workers=2, max_workers=2)
    await read_by(life, start_daemon, emulator, [FILE_APP])
    refused = await life.until_ready("mine", "False", "DuplicateApp")
    assert "/autoscaler.yaml: apps[0], which counts" in refused["message"]
    await has(emulator, 1, "of-the-file")
    await stays(emulator, 1, "of-the-file", 1.0)


async def test_a_wrong_spec_outlives_the_daemon(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    first = await read_by(life, start_daemon, emulator)
    life.apply("sd15", min_workers=2, max_workers=6)
    await has(emulator, 2)
    life.apply("sd15", min_workers=3, max_workers=6, policies=TYPO)
    await life.until_ready("sd15", "False", "InvalidSpec")
    told = life.reasons("sd15").count("InvalidSpec")
    await first.stop()
    second = await read_by(life, start_daemon, emulator)

    async def scaled() -> bool:
        return (await second.app("sd15")).get("workers") == 2

    await eventually(scaled)
    life.apply("sd15", min_workers=3, max_workers=6)
    await life.until_ready("sd15", "True", "Accepted")
    await has(emulator, 3)
    assert life.reasons("sd15").count("InvalidSpec") == told


async def test_an_object_deleted_while_an_order_is_open(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    daemon = await read_by(life, start_daemon, emulator)
    life.apply("slow", min_workers=2, max_workers=6)
    await life.until(lambda: life.status("slow").get("starting") == 2)
    life.delete("slow")

    async def forgotten() -> bool:
        return await daemon.app("slow") == {}

    await eventually(forgotten)
    await stays(emulator, 2, "slow")
    # and made again: what was ordered is not ordered twice
    life.apply("slow", min_workers=2, max_workers=6)
    await life.until(lambda: life.status("slow").get("workers") == 2)
    await stays(emulator, 2, "slow")
    assert books(emulator, "slow")["broken"] == []


async def test_a_frozen_api_server_stops_no_scaling_and_news_arrive_afterwards(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    daemon = await read_by(life, start_daemon, emulator)
    life.apply("sd15", min_workers=2, max_workers=6)
    await has(emulator, 2)
    with life.server.frozen():
        kept = books(emulator)
        await asyncio.sleep(2.0)
        assert (await daemon.app("sd15"))["workers"] == 2
        assert books(emulator)["scale_calls"] == kept["scale_calls"]
    life.apply("sd15", min_workers=3, max_workers=6)
    await has(emulator, 3)


@contextmanager
def defined(server: ApiServer, made: dict[str, Any]) -> Iterator[None]:
    """Put another definition in place for a while."""
    replace = ("replace", "-f", "-")
    server.kubectl(*replace, stdin=json.dumps(made))
    try:
        yield
    finally:
        server.kubectl(*replace, stdin=json.dumps(definition()))


def other_definition(version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a definition of another program version, and the properties of its spec."""
    made = definition()
    annotations = made["metadata"]["annotations"]
    annotations[MARK_ANNOTATION] = "0123456789abcdef"
    annotations[next(key for key in annotations if key.endswith("program-version"))] = version
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return made, schema


def warned(daemon: Daemon) -> list[str]:
    text = "the cluster's definition of the custom resource is not this program's"
    return [each["definition"] for each in daemon.events() if text in each["event"]]


async def test_a_definition_that_is_newer_brings_fields_that_are_refused_by_name(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    made, schema = other_definition("99.0.0")
    schema["spec"]["properties"]["quantum_leap"] = {"type": "integer"}
    with defined(life.server, made):
        daemon = await read_by(life, start_daemon, emulator)
        await life.until(lambda: bool(warned(daemon)))
        assert warned(daemon) == ["newer"]
        await life.until(lambda: _takes(life, quantum_leap=1))
        ready = await life.until_ready("probe", "False", "InvalidSpec")
        assert "spec.quantum_leap: unknown key" in ready["message"]
        life.apply("sd15", min_workers=2, max_workers=6)
        await has(emulator, 2)


def _takes(life: ObjectLife, **spec: Any) -> bool:
    """Whether the server knows a field yet: a definition is in use a moment after it is stored."""
    return set(spec) <= set(life.apply("probe", max_workers=6, **spec)["spec"])


async def test_a_definition_that_is_older_loses_nothing_it_knows(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    made, schema = other_definition("0.0.1")
    del schema["status"]["properties"]["lastDecision"]
    del schema["status"]["properties"]["lastGood"]
    with defined(life.server, made):
        daemon = await read_by(life, start_daemon, emulator)
        await life.until(lambda: bool(warned(daemon)))
        assert warned(daemon) == ["older"]
        life.apply("sd15", min_workers=2, max_workers=6)
        await has(emulator, 2)
        await life.until(lambda: life.status("sd15").get("workers") == 2)
        await life.until_ready("sd15", "True", "Accepted")


async def test_without_the_definition_the_file_is_scaled_and_it_is_said_what_to_do(
    kubernetes: ApiServer, life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    kubernetes.kubectl("delete", "crd", DEFINITION_NAME)
    try:
        daemon = await read_by(life, start_daemon, emulator, [FILE_APP])
        await has(emulator, 1, "of-the-file")

        async def said() -> bool:
            found = [e for e in daemon.events() if "cannot be read" in e["event"]]
            return any("autoscaler crd | kubectl apply" in each["hint"] for each in found)

        await eventually(said)
    finally:
        kubernetes.apply(definition())
        kubernetes.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION_NAME}")
    await life.until(lambda: _is_served(life))
    life.apply("sd15", min_workers=2, max_workers=6)
    await has(emulator, 2)


def _is_served(life: ObjectLife) -> bool:
    return life.table() is not None


async def test_lost_rights_stop_nothing_and_are_said_once(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    daemon = await read_by(life, start_daemon, emulator)
    life.apply("sd15", min_workers=2, max_workers=6)
    await has(emulator, 2)
    await life.until_ready("sd15", "True", "Accepted")
    life.server.kubectl("delete", "rolebinding", "--all", "-n", life.namespace)
    life.apply("sd15", min_workers=3, max_workers=6)

    async def said() -> bool:
        return any("403" in str(event.get("error", "")) for event in daemon.events())

    await eventually(said)
    assert (await daemon.app("sd15"))["workers"] >= 2
    assert daemon.process.returncode is None
    token = life.server.token(life.namespace, life.account)
    assert token[:40] not in daemon.log_path.read_text()


async def test_trouble_is_an_event_and_a_condition(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator
) -> None:
    await read_by(life, start_daemon, emulator)
    life.apply("unknown-app", min_workers=1, max_workers=2)
    await life.until(lambda: "AppNotFound" in life.reasons("unknown-app"))
    await life.until(lambda: life.condition("unknown-app", "Active").get("status") == "False")
    assert life.condition("unknown-app", "Active")["reason"] == "AppNotFound"
    assert life.condition("unknown-app", "Ready")["status"] == "True"
    described = life.server.kubectl("describe", "was", "unknown-app", "-n", life.namespace)
    assert "Warning  AppNotFound" in described
