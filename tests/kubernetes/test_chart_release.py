"""The chart on a real API server: install, upgrade, rollback, uninstall, and nobody's rights but
those that the docs name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.control.shards import lease_names
from tests.chart.chart import MATRIX, rendered, values_of
from tests.kubernetes.api_server import ApiServer, KubectlError
from tests.kubernetes.releases import HelmError, Release, make_release, monitoring_kinds

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

TRIES = 200
PAUSE_S = 0.1
FULL = {
    **values_of("replicas"),
    "podDisruptionBudget": {"enabled": True},
    "metrics": {
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
}


@pytest.fixture(scope="module")
def cluster(kubernetes_controllers: ApiServer) -> ApiServer:
    monitoring_kinds(kubernetes_controllers)
    return kubernetes_controllers


@pytest.fixture
def release(cluster: ApiServer) -> Release:
    return make_release(cluster)


def eventually(what: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if what():
            return
        time.sleep(PAUSE_S)
    pytest.fail("it never became true")


def settled(release: Release) -> bool:
    """Play the node: make pods ready. Whether exactly the pods of the newest template are there."""
    release.server.make_ready(release.namespace)
    deployment = release.get("deployment")
    status = deployment.get("status", {})
    wanted = deployment["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas") == wanted
        and status.get("readyReplicas") == wanted
        and len(release.pods()) == wanted
    )


def test_install_upgrade_rollback_uninstall(release: Release) -> None:
    values = values_of("minimal")
    release.helm("install", "--dry-run=server", values=values)
    assert release.left() == []

    notes = release.helm("install", values=values)
    assert "See the first decision" in notes
    eventually(lambda: settled(release))
    assert len(release.pods()) == 1
    first = release.get("deployment")["spec"]["template"]

    more = {"config": {"apps": [{"name": "sd15", "max_workers": 9}]}}
    release.helm("upgrade", values=more)
    assert release.config()["apps"][0]["max_workers"] == 9
    assert release.get("deployment")["spec"]["template"] == first, "the daemon reloads instead"

    other = {"config": {**more["config"], "everai": {"endpoint": "https://other.example.test"}}}
    release.helm("upgrade", values=other)
    assert release.get("deployment")["spec"]["template"] != first
    eventually(lambda: settled(release))
    assert len(release.pods()) == 1

    release.helm("rollback", "1")
    assert release.config()["apps"][0]["max_workers"] == 8
    assert release.get("deployment")["spec"]["template"] == first
    history = json.loads(release.helm("history", "-o", "json"))
    assert [entry["status"] for entry in history] == ["superseded"] * 3 + ["deployed"]

    release.helm("uninstall")
    eventually(lambda: release.left() == [f"persistentvolumeclaim/{release.fullname}-state"])

    release.helm("install", values=values)
    assert release.get("pvc", f"{release.fullname}-state")["metadata"]["name"]


def test_from_one_to_several_and_back(release: Release) -> None:
    """The strategy changes between Recreate and RollingUpdate; the server is strict on that."""
    alone = {**values_of("minimal"), "state": {"persistence": {"enabled": False}}}
    several = {**alone, "replicaCount": 2, "leaderElection": {"enabled": True}}

    release.helm("install", values=alone)
    release.helm("upgrade", values=several)
    eventually(lambda: settled(release))
    assert len(release.pods()) == 2
    release.helm("rollback", "1")
    eventually(lambda: settled(release))
    assert len(release.pods()) == 1

    assert release.get("deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert "role" not in " ".join(release.left())


def test_replicas_that_share_shards_may_do_what_they_need_and_no_more(release: Release) -> None:
    release.helm("install", values=values_of("shards"))
    eventually(lambda: settled(release))
    assert len(release.pods()) == 3
    assert not any(name.startswith("persistentvolumeclaim") for name in release.left())
    of_shards, of_seats = lease_names(release.fullname, 12)
    for name in (release.fullname, of_shards[0], of_shards[-1], of_seats[0], of_seats[-1]):
        assert release.can("update", f"leases.coordination.k8s.io/{name}")
        assert not release.can("delete", f"leases.coordination.k8s.io/{name}")
    assert release.can("list", "leases.coordination.k8s.io")
    assert release.can("create", "leases.coordination.k8s.io")
    assert not release.can("update", "leases.coordination.k8s.io/another")
    assert not release.can("get", f"leases.coordination.k8s.io/{release.fullname}-0-of-13")


def test_everything_that_can_be_switched_on_is_taken(release: Release) -> None:
    release.helm("install", values=FULL)
    eventually(lambda: settled(release))
    assert len(release.pods()) == 3
    kinds = {name.partition("/")[0] for name in release.left()}

    assert kinds >= {
        "configmap", "deployment.apps", "networkpolicy.networking.k8s.io", "service",
        "persistentvolumeclaim", "poddisruptionbudget.policy", "serviceaccount",
        "role.rbac.authorization.k8s.io", "rolebinding.rbac.authorization.k8s.io",
    }  # fmt: skip
    assert release.get("prometheusrule")["spec"]["groups"][0]["rules"]
    assert release.get("podmonitor")["spec"]["podMetricsEndpoints"][0]["path"] == "/metrics"

    release.helm("uninstall")
    eventually(lambda: release.left() == [])


def test_the_daemons_account_may_use_its_lease_and_nothing_else(release: Release) -> None:
    release.helm("install", values=FULL)
    lease = f"leases.coordination.k8s.io/{release.fullname}"

    assert release.can("create", "leases.coordination.k8s.io")
    assert release.can("get", lease)
    assert release.can("update", lease)
    for verb, what in (
        ("delete", lease),
        ("get", "leases.coordination.k8s.io/another"),
        ("update", "leases.coordination.k8s.io/another"),
        ("list", "leases.coordination.k8s.io"),
        ("get", "secrets"),
        ("get", "configmaps"),
        ("list", "pods"),
        ("create", "pods"),
    ):
        assert not release.can(verb, what), f"{verb} {what}"


def test_a_single_daemons_account_may_do_nothing(release: Release) -> None:
    release.helm("install", values=values_of("minimal"))

    assert not release.can("create", "leases.coordination.k8s.io")
    assert not release.can("get", f"leases.coordination.k8s.io/{release.fullname}")


def test_helm_test_runs_a_pod_that_the_namespace_admits(release: Release) -> None:
    release.helm("install", values=values_of("minimal"))
    name = f"{release.fullname}-test"

    with release.helm_beside("test") as process:
        release.server.kubectl(
            "wait", "--for=create", f"pod/{name}", "-n", release.namespace, "--timeout=60s"
        )
        release.server.kubectl(
            "patch", "pod", name, "-n", release.namespace, "--subresource=status",
            "--type=merge", "-p", '{"status": {"phase": "Succeeded"}}',
        )  # fmt: skip
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "Phase:          Succeeded" in said


def test_a_typo_never_reaches_the_cluster(release: Release) -> None:
    values: dict[str, Any] = {"config": {"apps": [{"name": "sd15", "max_wokers": 8}]}}

    with pytest.raises(HelmError, match=r"config\.apps\.0: Additional property max_wokers"):
        release.helm("install", values=values)
    assert release.left() == []


@pytest.mark.parametrize("name", MATRIX)
def test_the_server_validates_every_field(release: Release, name: str) -> None:
    text = rendered(values_of(name), "--no-hooks").replace(
        "namespace: scaling", f"namespace: {release.namespace}"
    )

    release.server.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    with pytest.raises(KubectlError, match="unknown field"):
        release.server.kubectl(
            "apply", "--dry-run=server", "--validate=strict", "-f", "-",
            stdin=text.replace("imagePullPolicy", "imagePullPolice"),
        )  # fmt: skip
