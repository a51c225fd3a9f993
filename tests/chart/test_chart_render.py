"""What the chart makes of values, object by object."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from autoscaler.control.shards import lease_names
from autoscaler.settings import check
from tests.chart.chart import (
    MATRIX,
    MINIMAL,
    HelmError,
    Objects,
    documents,
    minimal,
    render,
    rendered,
    values_of,
    with_config,
)

pytestmark = pytest.mark.chart

NAME = "web-everai-worker-autoscaler"


def pod_spec(objects: Objects) -> dict[str, Any]:
    return dict(objects["Deployment"]["spec"]["template"]["spec"])


def container(objects: Objects) -> dict[str, Any]:
    return dict(pod_spec(objects)["containers"][0])


def volume(objects: Objects, name: str) -> dict[str, Any]:
    return next(v for v in pod_spec(objects)["volumes"] if v["name"] == name)


def checksum(values: dict[str, Any]) -> str:
    template = render(values)["Deployment"]["spec"]["template"]
    return str(template["metadata"]["annotations"]["checksum/restart"])


def test_the_smallest_values_make_what_is_needed_and_no_more() -> None:
    kinds = {key for key in render(MINIMAL) if "/" not in key}

    assert kinds == {
        "ConfigMap", "Deployment", "PersistentVolumeClaim", "Pod", "Service", "ServiceAccount",
    }  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_the_daemon_takes_the_configuration(name: str, tmp_path: Any) -> None:
    text = render(values_of(name))["ConfigMap"]["data"]["autoscaler.yaml"]
    file = tmp_path / "autoscaler.yaml"
    file.write_text(text)
    checked = check(file, {}, {})

    assert checked.settings.server.listen == "0.0.0.0:8080"
    place = {"shards": "/var/run/secrets/database/url"}.get(name, "/var/lib/autoscaler/state.db")
    assert str(checked.settings.state.url_file or checked.settings.state.path) == place
    assert str(checked.settings.everai.token_file).startswith("/var/run/secrets/everai/")


def test_numbers_times_and_words_reach_the_daemon_as_they_were_written(tmp_path: Any) -> None:
    file = tmp_path / "autoscaler.yaml"
    file.write_text(render(values_of("everything"))["ConfigMap"]["data"]["autoscaler.yaml"])
    settings = check(file, {}, {}).settings

    assert settings.fleet.max_workers == 100_000
    assert settings.defaults.interval == 90
    assert [(app.namespace, app.name) for app in settings.apps] == [
        ("default", "sd15"),
        ("22", "no"),
    ]
    assert settings.apps[0].price_per_hour == 1e-6


def test_the_pod_passes_the_restricted_standard() -> None:
    objects = render(MINIMAL)
    pod, mine = pod_spec(objects), container(objects)

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert mine["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_configuration_and_token_are_folders_that_can_change() -> None:
    mounts = {m["name"]: m for m in container(render(MINIMAL))["volumeMounts"]}

    assert mounts["config"] == {
        "name": "config", "mountPath": "/etc/autoscaler", "readOnly": True,
    }  # fmt: skip
    assert mounts["token"]["mountPath"] == "/var/run/secrets/everai"
    assert not any("subPath" in mount for mount in mounts.values())


def test_the_token_is_a_secret_of_yours_by_default() -> None:
    objects = render(MINIMAL)

    assert volume(objects, "token")["secret"]["secretName"] == "everai-token"
    assert "Secret" not in objects


def test_a_token_in_the_values_becomes_a_secret() -> None:
    objects = render(minimal(token={"value": "abc"}))

    assert objects["Secret"]["data"] == {"token": "YWJj"}
    assert volume(objects, "token")["secret"]["secretName"] == objects["Secret"]["metadata"]["name"]
    assert "YWJj" not in yaml.safe_dump(objects["Deployment"])


def test_a_volume_of_yours_holds_the_token() -> None:
    projected = {"projected": {"sources": [{"secret": {"name": "mine"}}]}}
    objects = render(minimal(token={"volume": projected, "value": "not used", "key": "t"}))

    assert volume(objects, "token") == {"name": "token", **projected}
    assert "Secret" not in objects
    assert "/var/run/secrets/everai/t" in objects["ConfigMap"]["data"]["autoscaler.yaml"]


@pytest.mark.parametrize(
    "change",
    [
        {"apps": [{"name": "sd15", "max_workers": 9}]},
        {"defaults": {"interval": "30s"}},
        {"fleet": {"max_workers": 5}},
        {"discover": [{"app": {"max_workers": 2}}]},
    ],
)
def test_what_the_daemon_takes_over_as_it_runs_rolls_no_pod(change: dict[str, Any]) -> None:
    assert checksum(with_config(**change)) == checksum(MINIMAL)


@pytest.mark.parametrize(
    "change",
    [
        {"everai": {"endpoint": "https://other.example.test"}},
        {"log": {"level": "debug"}},
        {"dry_run": True},
        {"discover_interval": "5m"},
    ],
)
def test_what_needs_a_start_rolls_the_pods(change: dict[str, Any]) -> None:
    assert checksum(with_config(**change)) != checksum(MINIMAL)


def test_a_single_daemon_is_never_two() -> None:
    objects = render(MINIMAL)

    assert objects["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert "leader_election" not in objects["ConfigMap"]["data"]["autoscaler.yaml"]
    assert "Role" not in objects


def test_replicas_elect_a_leader_and_may_touch_their_lease_only() -> None:
    objects = render(values_of("replicas"))
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])

    assert config["leader_election"]["mode"] == "kubernetes"
    assert config["leader_election"]["lease_name"] == NAME
    assert config["leader_election"]["namespace"] == "scaling"
    assert objects["Deployment"]["spec"]["strategy"]["type"] == "RollingUpdate"
    assert pod_spec(objects)["automountServiceAccountToken"] is True
    assert objects["Role"]["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
         "resourceNames": [NAME], "verbs": ["get", "update"]},
    ]  # fmt: skip
    assert objects["RoleBinding"]["subjects"][0]["name"] == "scaler"
    env = {item["name"]: item["valueFrom"] for item in container(objects)["env"]}
    assert env["POD_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_replicas_that_share_shards_may_touch_their_leases_only() -> None:
    objects = render(values_of("shards"))
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])
    of_shards, of_seats = lease_names(NAME, 12)
    listed, named = objects["Role"]["rules"]

    assert config["sharding"] == {"shards": 12}
    assert config["leader_election"]["lease_name"] == NAME
    assert (listed["verbs"], "resourceNames" in listed) == (["create", "list"], False)
    assert named["verbs"] == ["get", "update"]
    assert set(named["resourceNames"]) == {NAME, *of_shards, *of_seats}
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert objects["Deployment"]["spec"]["strategy"]["type"] == "RollingUpdate"


def test_the_database_is_a_secret_of_yours_and_no_claim_is_made() -> None:
    objects = render(values_of("shards"))
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])
    mounts = {m["name"]: m for m in container(objects)["volumeMounts"]}

    assert config["state"] == {"url_file": "/var/run/secrets/database/url"}
    assert config["history"] == {"url_file": "/var/run/secrets/database/url"}
    assert volume(objects, "database")["secret"]["secretName"] == "scaler-database"
    assert mounts["database"]["mountPath"] == "/var/run/secrets/database"
    assert "emptyDir" in volume(objects, "state")
    assert "PersistentVolumeClaim" not in objects


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"leaderElection": {"enabled": False}, "replicaCount": 1}, "without leaderElection"),
        ({"state": {"persistence": {"enabled": False}}}, "without state.database.existing"),
        ({"replicaCount": 9, "sharding": {"shards": 8}}, "nothing to do"),
        (with_config(fleet={"max_workers": 5}), "config.fleet"),
    ],
)
def test_what_cannot_work_with_shards_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(HelmError, match=words):
        rendered({**values_of("shards"), **change})


def test_state_may_live_in_the_pod() -> None:
    objects = render(values_of("discover"))

    assert volume(objects, "state")["emptyDir"] == {"sizeLimit": "3Gi"}
    assert "PersistentVolumeClaim" not in objects


def test_the_claim_outlives_the_release_unless_told_otherwise() -> None:
    kept = render(MINIMAL)["PersistentVolumeClaim"]
    dropped = render(values_of("replicas"))["PersistentVolumeClaim"]

    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "annotations" not in dropped["metadata"]
    assert dropped["spec"]["storageClassName"] == "shared"


def test_everything_lands_where_it_belongs() -> None:
    objects = render(values_of("everything"))
    pod, mine = pod_spec(objects), container(objects)

    assert mine["image"] == "registry.example.test:5000/team/scaler:1.2.3"
    assert mine["env"][-2]["name"] == "HTTPS_PROXY"
    assert mine["volumeMounts"][-1]["mountPath"] == "/etc/ca"
    assert volume(objects, "ca") == {"name": "ca", "configMap": {"name": "ca"}}
    assert volume(objects, "state")["persistentVolumeClaim"] == {"claimName": "mine"}
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert pod["tolerations"][0]["value"] == "infra"
    assert "nodeAffinity" in pod["affinity"]
    spread = pod["topologySpreadConstraints"][0]
    selector = objects["Deployment"]["spec"]["selector"]
    assert spread["labelSelector"] == selector
    for made in objects.values():
        assert made["metadata"]["labels"]["team"] == "images", made["kind"]


def test_a_digest_is_stronger_than_a_tag() -> None:
    digest = "sha256:" + "0" * 64
    image = container(render(minimal(image={"tag": "1", "digest": digest})))["image"]

    assert image == f"everai-worker-autoscaler@{digest}"


def test_service_monitors_and_policies_select_the_pods_and_not_the_test_pod() -> None:
    objects = render(values_of("everything"))
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        objects["Service"]["spec"]["selector"],
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ]
    monitor = objects["ServiceMonitor"]["spec"]
    test_pod = objects["Pod"]["metadata"]["labels"]

    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= test_pod.items()
    assert monitor["selector"]["matchLabels"].items() <= (
        objects["Service"]["metadata"]["labels"].items()
    )
    assert monitor["endpoints"][0]["honorLabels"] is True
    assert monitor["endpoints"][0]["port"] == objects["Service"]["spec"]["ports"][0]["name"]


def test_rules_can_be_left_out_and_link_to_the_runbook() -> None:
    groups = render(values_of("everything"))["PrometheusRule"]["spec"]["groups"]
    alerts = {r["alert"]: r for group in groups for r in group["rules"] if "alert" in r}

    assert "AutoscalerLate" not in alerts
    assert alerts["AutoscalerDown"]["annotations"]["runbook_url"] == (
        "https://docs.example.test/alerts.md#autoscalerdown"
    )
    assert "{{ $labels.app }}" in yaml.safe_dump(groups, width=1000)


def test_the_network_policy_opens_what_is_said() -> None:
    spec = render(values_of("everything"))["NetworkPolicy"]["spec"]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"][0]["from"][0]["namespaceSelector"]
    ports = [port["port"] for rule in spec["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 9090]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "config.apps is empty"),
        (minimal(replicaCount=2), "leaderElection.enabled"),
        (minimal(replicaCount=2, leaderElection={"enabled": True}), "ReadWriteMany"),
        (
            minimal(metrics={"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}),
            "Choose one",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_words(values: dict[str, Any], why: str) -> None:
    with pytest.raises(HelmError, match=why):
        rendered(values)


def test_the_hook_is_a_test_and_cleans_up() -> None:
    pod = render(MINIMAL)["Pod"]

    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    args = pod["spec"]["containers"][0]["args"]
    assert args[-1] == f"http://{NAME}.scaling.svc:8080"
    compile(args[0], "helm_test", "exec")


def test_two_releases_share_no_name() -> None:
    one, two = (
        {(o["kind"], o["metadata"]["name"]) for o in documents(rendered(MINIMAL, release=name))}
        for name in ("web", "other")
    )

    assert not one & two


def test_the_tokens_of_the_api_come_from_a_secret() -> None:
    given = {"existingSecret": "api", "actionKey": "act", "readKey": "read"}
    values = with_config(server={"metrics_need_token": True})
    objects = render({**values, "apiTokens": given})
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])
    assert config["server"] == {
        "listen": "0.0.0.0:8080",
        "metrics_need_token": True,
        "action_token_file": "/var/run/secrets/autoscaler/act",
        "read_token_file": "/var/run/secrets/autoscaler/read",
    }
    assert volume(objects, "api-tokens")["secret"]["secretName"] == "api"


def test_without_a_secret_acting_is_off() -> None:
    objects = render(minimal())
    config = yaml.safe_load(objects["ConfigMap"]["data"]["autoscaler.yaml"])
    assert config["server"] == {"listen": "0.0.0.0:8080"}
