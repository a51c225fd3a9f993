"""The definition on a real API server: `kubectl get`, `explain`, the status, and an upgrade."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from autoscaler.cli.crd import text
from autoscaler.settings import DEFINITION_NAME, KIND, Age, age_of, definition
from autoscaler.settings.resource import API_VERSION, MARK_ANNOTATION, PROGRAM_ANNOTATION
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.custom_objects import Objects, custom_objects

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

TIME = "2026-01-02T03:04:05Z"
STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "workers": 3,
    "free": 1,
    "busy": 2,
    "starting": 0,
    "queue": 7,
    "desired": 5,
    "minWorkers": 1,
    "maxWorkers": 8,
    "lastScaleTime": TIME,
    "lastDecision": {
        "at": TIME, "action": "scale up by 2", "reason": "TooFewWorkers", "message": "7 wait",
    },
    "conditions": [
        {"type": kind, "status": "True", "reason": "AsWanted", "message": "all is well",
         "lastTransitionTime": TIME, "observedGeneration": 1}
        for kind in ("Ready", "Active", "Limited")
    ],
}  # fmt: skip


@pytest.fixture
def objects(worker_autoscalers: ApiServer) -> Iterator[Objects]:
    with custom_objects(worker_autoscalers) as made:
        yield made


def eventually(what: Callable[[], bool]) -> None:
    """Wait: the server takes a changed definition into use a moment after it has stored it."""
    for _ in range(300):
        if what():
            return
        time.sleep(0.1)
    pytest.fail("it never became true")


def get(objects: Objects, server: ApiServer, *args: str) -> list[list[str]]:
    table = server.kubectl("get", "was", "-n", objects.namespace, *args)
    return [[cell.strip() for cell in line.split("  ") if cell.strip()]
            for line in table.splitlines()]  # fmt: skip


def contained(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what was sent and did not come back."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from contained(value, found.get(key), f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from contained(one, other, f"{path}[{index}]")
    elif wanted != found:
        yield path


def test_the_server_keeps_every_field_of_it(worker_autoscalers: ApiServer) -> None:
    """What it does not know it would drop in silence."""
    live = json.loads(worker_autoscalers.kubectl("get", "crd", DEFINITION_NAME, "-o", "json"))

    assert list(contained(definition(), live)) == []


def test_kubectl_get_answers_at_a_glance(objects: Objects, worker_autoscalers: ApiServer) -> None:
    objects.make({"max_workers": 9, "name": "SD_15"}, name="sd15")
    objects.write_status("sd15", STATUS).raise_for_status()

    head, row = get(objects, worker_autoscalers)
    wide_head, wide = get(objects, worker_autoscalers, "-o", "wide")

    assert head == ["NAME", "MIN", "MAX", "WORKERS", "DESIRED", "QUEUE", "READY", "REASON", "AGE"]
    assert row[:-1] == ["sd15", "1", "8", "3", "5", "7", "True", "TooFewWorkers"]
    assert wide_head[1] == "APP"
    assert "LAST SCALE" in wide_head
    assert wide[1] == "SD_15"
    assert "7 wait" in wide


def test_the_status_is_written_by_its_subresource_alone(objects: Objects) -> None:
    made = objects.make({"max_workers": 8}, name="sd15")
    written = objects.write_status("sd15", STATUS).json()

    assert written["status"] == STATUS
    assert written["metadata"]["generation"] == made["metadata"]["generation"]
    assert written["spec"] == made["spec"]
    assert "status" not in objects.make({"max_workers": 8, "paused": True})


@pytest.mark.parametrize(
    ("status", "path"),
    [
        ({"workers": -1}, "status.workers"),
        ({"lastScaleTime": "yesterday"}, "status.lastScaleTime"),
        ({"conditions": [{**STATUS["conditions"][0], "status": "Maybe"}]}, "conditions[0].status"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "conditions[0].lastTransitionTime"),
        ({"conditions": [STATUS["conditions"][0]] * 2}, "status.conditions[1]"),
    ],
)
def test_a_status_that_is_none_is_refused(
    objects: Objects, status: dict[str, Any], path: str
) -> None:
    objects.make({"max_workers": 8}, name="sd15")
    answer = objects.write_status("sd15", status)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert path in answer.json()["message"]


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ({"workers": 0}, {"workers": 0}),
        ({"conditions": []}, {"conditions": []}),
        ({"workers": 3, "queue": None}, {"workers": 3}),
    ],
)
def test_a_status_need_not_be_whole(
    objects: Objects, status: dict[str, Any], kept: dict[str, Any]
) -> None:
    objects.make({"max_workers": 8}, name="sd15")
    assert objects.write_status("sd15", status).json()["status"] == kept


def test_a_spec_comes_back_as_it_was_given(objects: Objects) -> None:
    """Null means "none, whatever `defaults` say"; keys of plug-ins are theirs."""
    spec = {
        "max_workers": 8,
        "max_utilization": None,
        "paused": "down",
        "policies": [{"type": "of-a-plug-in", "deep": {"er": [1, "x"]}}, {"type": "queue"}],
    }
    made = objects.make(spec, name="sd15")

    assert made["spec"] == spec


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("was", "One app of the EverAI platform"),
        ("was.spec", "Never more workers than this"),
        ("was.spec.behavior.scale_down", "a stabilization window of 300s"),
        ("was.spec.interval", "Built-in default: 15s."),
        ("was.spec.policies.target", "For queue: requests"),
        ("was.status.lastDecision", "The reason in a sentence"),
    ],
)
def test_kubectl_explain_reads_well(worker_autoscalers: ApiServer, path: str, words: str) -> None:
    explained = " ".join(worker_autoscalers.kubectl("explain", path).split())
    assert words in explained


def test_an_old_definition_is_known_and_brought_up_to_date(worker_autoscalers: ApiServer) -> None:
    server = worker_autoscalers

    def live() -> dict[str, Any]:
        return dict(json.loads(server.kubectl("get", "crd", DEFINITION_NAME, "-o", "json")))

    def spec_of_the_kept() -> Any:
        return server.get("was", "kept", namespace)["spec"]

    assert age_of(live()) is Age.SAME
    namespace = server.make_namespace("was")
    kept = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "kept"}}
    server.apply({**kept, "spec": {"max_workers": 8, "combine": "min"}}, namespace=namespace)
    old = definition()
    old["metadata"]["annotations"] = {MARK_ANNOTATION: "0" * 16, PROGRAM_ANNOTATION: "0.0.1"}
    spec = old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["combine"]
    server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(old))
    try:
        assert age_of(live()) is Age.OLDER
        eventually(lambda: spec_of_the_kept() == {"max_workers": 8})
    finally:
        server.kubectl("apply", "-f", "-", stdin=text())

    assert age_of(live()) is Age.SAME
    eventually(lambda: spec_of_the_kept() == {"max_workers": 8, "combine": "min"})
