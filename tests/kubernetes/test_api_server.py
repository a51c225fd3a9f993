"""The test server itself: what other tests rely on."""

from __future__ import annotations

import json

import pytest

from tests.kubernetes.api_server import ApiServer, KubectlError

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list"]}


def test_it_is_the_version_that_the_assets_are_built_for(kubernetes: ApiServer) -> None:
    version = json.loads(kubernetes.kubectl("version", "-o", "json"))["serverVersion"]

    assert version["gitVersion"].startswith("v1.34.")
    assert (version["major"], version["minor"]) == ("1", "34")


def test_an_account_may_do_what_its_role_says_and_nothing_else(kubernetes: ApiServer) -> None:
    namespace = kubernetes.make_namespace()
    kubeconfig = kubernetes.make_account(namespace, "reader", [LEASES])

    assert kubernetes.kubectl("get", "leases", kubeconfig=kubeconfig) == ""
    with pytest.raises(KubectlError, match=r"(?s)Forbidden.*cannot list resource .pods"):
        kubernetes.kubectl("get", "pods", kubeconfig=kubeconfig)


def test_admission_refuses_what_a_restricted_namespace_forbids(kubernetes: ApiServer) -> None:
    namespace = kubernetes.make_namespace(enforce="restricted")
    spec = {"containers": [{"name": "root", "image": "example.test/root"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": spec}

    with pytest.raises(KubectlError, match="violates PodSecurity"):
        kubernetes.apply(pod, namespace=namespace)


def test_a_frozen_server_answers_nothing_and_then_goes_on(kubernetes: ApiServer) -> None:
    with (
        kubernetes.frozen(),
        pytest.raises(KubectlError, match=r"(?i)timeout|deadline|unable to connect"),
    ):
        kubernetes.kubectl("get", "namespaces", "--request-timeout=1s")

    assert "default" in kubernetes.kubectl("get", "namespaces")


def test_controllers_turn_a_deployment_into_pods(kubernetes_controllers: ApiServer) -> None:
    server = kubernetes_controllers
    namespace = server.make_namespace()
    server.kubectl("create", "deployment", "web", "--image=example.test/web", "-n", namespace)

    args = ("pod", "-l", "app=web", "-n", namespace, "--timeout=60s")
    server.kubectl("wait", "--for=create", *args)

    assert len(server.list("pods", namespace, "app=web")) == 1
