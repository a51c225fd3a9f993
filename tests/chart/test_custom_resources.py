"""The custom resource in the chart: its definition, the rights, and what the daemon is told."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from autoscaler.cli.crd import text
from autoscaler.settings import DEFINITION_NAME, definition
from deploy import generate
from tests.chart.chart import (
    MINIMAL,
    HelmError,
    Objects,
    documents,
    render,
    rendered,
    values_of,
    with_config,
)

pytestmark = pytest.mark.chart

NAME = "scaling-web-everai-worker-autoscaler"
RULES = [
    {"apiGroups": ["autoscaler.everai.dev"], "resources": ["workerautoscalers"],
     "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["autoscaler.everai.dev"], "resources": ["workerautoscalers/status"],
     "verbs": ["patch", "update"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch", "update"]},
]  # fmt: skip
READ = {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"],
        "resourceNames": [DEFINITION_NAME], "verbs": ["get"]}  # fmt: skip


def objects_of(**changes: Any) -> dict[str, Any]:
    return {"customResources": {"enabled": True, **changes}}


def configured(objects: Objects) -> Any:
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])
    return config.get("custom_resources")


def test_the_file_is_what_the_program_prints() -> None:
    assert generate.DEFINITION.read_text() == text(), "make chart-docs writes it anew"


def test_the_definition_is_the_programs_and_outlives_the_release() -> None:
    made = render({**objects_of(), "commonLabels": {"team": "images"}})["CustomResourceDefinition"]
    ours = definition()
    annotations = made["metadata"]["annotations"]

    assert made["spec"] == ours["spec"]
    assert made["metadata"]["name"] == ours["metadata"]["name"]
    assert annotations.pop("helm.sh/resource-policy") == "keep"
    assert annotations == ours["metadata"]["annotations"]
    assert made["metadata"]["labels"]["team"] == "images"


def test_off_by_default() -> None:
    objects = render(MINIMAL)

    assert not {"CustomResourceDefinition", "ClusterRole", "Role"} & objects.keys()
    assert configured(objects) is None


def test_objects_alone_are_enough_and_are_read_from_the_releases_namespace() -> None:
    objects = render(objects_of())

    assert configured(objects) == {"enabled": True, "namespaces": []}
    assert objects["Deployment"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    assert objects["Role"]["metadata"]["namespace"] == "scaling"
    assert objects["Role"]["rules"] == RULES
    assert objects["ClusterRole"]["rules"] == [READ]
    for kind in ("Role", "ClusterRole"):
        bound = objects[f"{kind}Binding"]
        assert bound["roleRef"]["kind"] == kind
        assert bound["roleRef"]["name"] == objects[kind]["metadata"]["name"] == NAME
        (subject,) = bound["subjects"]
        assert (subject["name"], subject["namespace"]) == (
            "web-everai-worker-autoscaler",
            "scaling",
        )


def test_a_role_in_each_namespace_that_is_named_and_nothing_of_the_cluster() -> None:
    made = list(documents(rendered(values_of("objects"))))
    roles = [one for one in made if one["kind"] == "Role" and one["metadata"]["name"] == NAME]
    bindings = [one for one in made if one["kind"] == "RoleBinding"
                and one["metadata"]["name"] == NAME]  # fmt: skip

    for each in (roles, bindings):
        assert [one["metadata"]["namespace"] for one in each] == ["scaling", "kube-public"]
    assert all(one["rules"] == RULES for one in roles)
    assert not {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"} & {
        one["kind"] for one in made
    }


def test_every_namespace_takes_a_cluster_role() -> None:
    objects = render(objects_of(namespaces=["*"]))

    assert configured(objects) == {"enabled": True, "namespaces": ["*"]}
    assert objects["ClusterRole"]["rules"] == [READ, *RULES]
    assert "Role" not in objects


def test_rights_can_be_yours_to_give() -> None:
    kinds = render({**objects_of(), "rbac": {"create": False}}).keys()

    assert not {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"} & kinds


def test_another_release_may_own_the_definition() -> None:
    assert "CustomResourceDefinition" not in render(objects_of(installDefinition=False))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (objects_of(namespaces=["*", "images"]), "which takes all"),
        (objects_of(namespaces=["Images"]), r"customResources\.namespaces\.0"),
        (objects_of(namespaces=["a", "a"]), r"customResources\.namespaces"),
        (objects_of(enabeld=True), "Additional property enabeld"),
        (with_config(custom_resources={"enabled": True}), "Additional property custom_resources"),
    ],
)
def test_what_cannot_work_is_refused_with_words(values: dict[str, Any], why: str) -> None:
    with pytest.raises(HelmError, match=why):
        rendered(values)
