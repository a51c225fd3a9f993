"""Releases of the chart on the test server, by an account with the rights that the docs name."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart.chart import BIN, CHART, ROOT, HelmError, helm
from tests.kubernetes.api_server import ApiServer

DOCS = ROOT / "docs/kubernetes.md"
MONITORING = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def installer_rules(kind: str = "Role") -> list[dict[str, Any]]:
    """Return the rules of the Role, or ClusterRole, that docs/kubernetes.md gives an installer."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    made = [document for block in blocks for document in yaml.safe_load_all(block)]
    roles = [document for document in made if document.get("kind") == kind]
    return list(roles[0]["rules"])


@dataclass(frozen=True, slots=True)
class Release:
    """One release in a namespace of its own, that admits only restricted pods."""

    server: ApiServer
    namespace: str
    kubeconfig: Path
    name: str = "web"

    @property
    def fullname(self) -> str:
        return f"{self.name}-everai-worker-autoscaler"

    def helm(
        self, command: str, *args: str, values: dict[str, Any] | None = None, chart: Path = CHART
    ) -> str:
        """Run a command of Helm on this release, as the installer."""
        given = () if values is None else (str(chart), "-f", "-")
        text = "" if values is None else yaml.safe_dump(values)
        return helm(command, self.name, *given, *args, *self._where(), stdin=text,
                    environment=self._environment())  # fmt: skip

    @contextmanager
    def helm_beside(self, command: str, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command of Helm beside the test."""
        with subprocess.Popen(
            [BIN / "helm", command, self.name, *args, *self._where()], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self._environment(),
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def get(self, kind: str, name: str = "") -> dict[str, Any]:
        return self.server.get(kind, name or self.fullname, self.namespace)

    def config(self) -> dict[str, Any]:
        """Return the daemon's configuration as the cluster has it."""
        return dict(yaml.safe_load(self.get("configmap")["data"]["autoscaler.yaml"]))

    def pods(self) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/instance={self.name}"
        return self.server.list("pods", self.namespace, selector)

    def left(self) -> list[str]:
        """Return what of the release is in the namespace."""
        kinds = "all,configmap,secret,serviceaccount,role,rolebinding,pvc,networkpolicy,pdb"
        found = self.server.kubectl(
            "get", kinds, "-n", self.namespace, "-o", "name", "-l",
            f"app.kubernetes.io/instance={self.name},app.kubernetes.io/managed-by=Helm",
        )  # fmt: skip
        return found.split()

    @property
    def account(self) -> str:
        """Name of the daemon's service account."""
        return str(self.get("deployment")["spec"]["template"]["spec"]["serviceAccountName"])

    def daemons_kubeconfig(self) -> Path:
        """Return a kubeconfig with the rights that the chart gives the daemon."""
        token = self.server.token(self.namespace, self.account)
        return self.server.kubeconfig_for(token, self.namespace)

    def can(self, verb: str, what: str, *args: str) -> bool:
        """Whether the chart's own service account may do something, in this namespace if it may.

        Args:
            verb: such as get.
            what: resource, or resource/name.
            args: further options of `kubectl auth can-i`; a later --namespace is stronger.
        """
        done = subprocess.run(
            [self.server.assets / "kubectl", "--kubeconfig", self.server.kubeconfig, "auth",
             "can-i", verb, what, "-n", self.namespace, *args,
             f"--as=system:serviceaccount:{self.namespace}:{self.account}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.stdout.strip() in ("yes", "no"), done.stdout + done.stderr
        return done.stdout.strip() == "yes"

    def _where(self) -> tuple[str, ...]:
        return ("--kubeconfig", str(self.kubeconfig), "-n", self.namespace)

    def _environment(self) -> dict[str, str]:
        return {**ENVIRONMENT, "HOME": str(self.server.home)}


def make_release(server: ApiServer) -> Release:
    """Make a namespace, and an account that may install there and nothing else."""
    namespace = server.make_namespace("release", enforce="restricted")
    return Release(
        server, namespace, server.make_account(namespace, "installer", installer_rules())
    )


def make_cluster_release(server: ApiServer) -> Release:
    """Make the same, with an account that may also do what docs/kubernetes.md says of a cluster."""
    release = make_release(server)
    name = f"installer-{release.namespace}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": "installer", "namespace": release.namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    server.apply(
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": name},
         "rules": installer_rules("ClusterRole")},
        {"apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": {"name": name},
         "roleRef": role, "subjects": [subject]},
    )  # fmt: skip
    return release


def monitoring_kinds(server: ApiServer) -> None:
    """Make the Prometheus operator's kinds known, without the operator."""
    for kind in MONITORING:
        plural = f"{kind.lower()}s"
        spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        server.apply(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.monitoring.coreos.com"},
                "spec": {
                    "group": "monitoring.coreos.com",
                    "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                    "versions": [version],
                },
            }
        )
        server.kubectl("wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com")


__all__ = [
    "HelmError",
    "Release",
    "installer_rules",
    "make_cluster_release",
    "make_release",
    "monitoring_kinds",
]
