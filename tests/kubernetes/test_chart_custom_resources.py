"""The custom resource by the chart: who may do what, and how the definition is kept up to date."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.settings import DEFINITION_NAME, Age, age_of, definition
from autoscaler.settings.resource import MARK_ANNOTATION, PROGRAM_ANNOTATION
from tests.chart.chart import CHART
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.custom_objects import custom_objects
from tests.kubernetes.releases import (
    HelmError,
    Release,
    make_cluster_release,
    make_release,
)

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

WAS = "workerautoscalers.autoscaler.everai.dev"
DEFINITION = f"customresourcedefinitions.apiextensions.k8s.io/{DEFINITION_NAME}"
TAKE = "--take-ownership"
"""Other tests of the session have applied the definition by hand."""

APART: dict[str, Any] = {
    "customResources": {"enabled": True, "installDefinition": False},
    "rbac": {"readDefinition": False},
}
WHOLE: dict[str, Any] = {"customResources": {"enabled": True, "namespaces": ["*"]}}


def live(server: ApiServer) -> dict[str, Any]:
    return dict(json.loads(server.kubectl("get", "crd", DEFINITION_NAME, "-o", "json")))


def may(release: Release, where: str = "") -> set[str]:
    """Return what the daemon's account may do of all that could matter."""
    namespace = ("-n", where) if where else ()
    verbs = ("get", "list", "watch", "create", "patch", "update", "delete")
    found = {verb for verb in verbs if release.can(verb, WAS, *namespace)}
    status = ("--subresource=status", *namespace)
    found |= {f"{verb} status" for verb in verbs if release.can(verb, WAS, *status)}
    return found | {f"{verb} events" for verb in verbs if release.can(verb, "events", *namespace)}


READS_AND_TELLS = {
    "get", "list", "watch", "patch status", "update status",
    "create events", "patch events", "update events",
}  # fmt: skip


def test_one_namespace_needs_no_rights_in_the_cluster(worker_autoscalers: ApiServer) -> None:
    release = make_release(worker_autoscalers)
    notes = release.helm("install", values=APART)

    assert f"WorkerAutoscaler objects of {release.namespace}." in " ".join(notes.split())
    assert release.config()["custom_resources"] == {"enabled": True, "namespaces": []}
    assert may(release) == READS_AND_TELLS
    assert may(release, "default") == set()
    assert not release.can("get", DEFINITION)
    assert not release.can("get", "secrets")


def test_the_account_tells_and_changes_nothing(worker_autoscalers: ApiServer) -> None:
    release = make_release(worker_autoscalers)
    release.helm("install", values=APART)
    token = release.server.token(release.namespace, release.account)
    with custom_objects(release.server, namespace=release.namespace) as ours:
        made = ours.make({"max_workers": 8}, name="sd15")

    with custom_objects(release.server, token=token, namespace=release.namespace) as daemons:
        written = daemons.write_status("sd15", {"workers": 3})
        assert written.json()["status"] == {"workers": 3}
        assert "is forbidden" in daemons.refused_change(made, {"max_workers": 9})
        assert "is forbidden" in daemons.refusal({"max_workers": 9})


def test_every_namespace_and_a_definition_that_outlives_the_release(
    worker_autoscalers: ApiServer,
) -> None:
    release = make_cluster_release(worker_autoscalers)
    notes = release.helm("install", TAKE, values=WHOLE)

    assert "objects of every namespace." in " ".join(notes.split())
    assert may(release) == may(release, "default") == READS_AND_TELLS
    assert release.can("get", DEFINITION)
    assert not release.can("get", f"{DEFINITION}x")
    assert not release.can("patch", DEFINITION)
    assert live(release.server)["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"

    release.helm("uninstall")
    assert age_of(live(release.server)) is Age.SAME
    assert f"{release.namespace}-" not in release.server.kubectl(
        "get", "clusterrole,clusterrolebinding", "-o", "name", "-l",
        "app.kubernetes.io/managed-by=Helm",
    )  # fmt: skip


def older_chart(folder: Path) -> Path:
    """Copy the chart, with a definition as an older program had it."""
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    old = definition()
    old["metadata"]["annotations"] = {
        MARK_ANNOTATION: "sha256:" + "0" * 16,
        PROGRAM_ANNOTATION: "0.0.1",
    }
    old["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    file = chart / "files/workerautoscalers.yaml"
    file.write_text(yaml.safe_dump(old, sort_keys=False))
    return chart


def test_an_upgrade_brings_the_definition_along(
    worker_autoscalers: ApiServer, tmp_path: Path
) -> None:
    release = make_cluster_release(worker_autoscalers)
    release.helm("install", TAKE, values=WHOLE, chart=older_chart(tmp_path))
    try:
        assert age_of(live(release.server)) is Age.OLDER
    finally:
        release.helm("upgrade", values=WHOLE)

    found = live(release.server)
    assert age_of(found) is Age.SAME
    assert len(found["spec"]["versions"][0]["additionalPrinterColumns"]) == len(
        definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    )
    release.helm("uninstall")


def test_a_definition_of_another_release_is_not_taken_by_accident(
    worker_autoscalers: ApiServer,
) -> None:
    first, second = (make_cluster_release(worker_autoscalers) for _ in range(2))
    first.helm("install", TAKE, values=WHOLE)

    with pytest.raises(HelmError, match="invalid ownership metadata"):
        second.helm("install", values=WHOLE)
    beside = {"customResources": {"enabled": True, "installDefinition": False}}
    second.helm("install", values=beside)

    assert second.can("get", DEFINITION)
    assert may(second) == READS_AND_TELLS
    assert may(second, "default") == set()
