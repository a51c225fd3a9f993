"""WorkerAutoscaler objects on the test server, and a daemon that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from autoscaler.emulator import Emulator
from autoscaler.settings.resource import API_VERSION, KIND
from tests.chart.chart import CHART, documents, helm
from tests.kubernetes.api_server import ApiServer
from tests.process.process_support import Daemon, StartDaemon, eventually

OF_THE_ACCOUNT = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def chart_account(server: ApiServer, namespace: str, **values: Any) -> str:
    """Give the namespace the chart's own service account and rights; return the account's name."""
    values = {"customResources": {"enabled": True, "installDefinition": False}, **values}
    text = helm("template", "was", str(CHART), "-n", namespace, "-f", "-",
                stdin=yaml.safe_dump(values))  # fmt: skip
    made = [each for each in documents(text) if each["kind"] in OF_THE_ACCOUNT]
    server.apply(*made, namespace=namespace)
    [account] = [each for each in made if each["kind"] == "ServiceAccount"]
    return str(account["metadata"]["name"])


@dataclass(slots=True)
class ObjectLife:
    """The objects of one namespace, and the account of a daemon that reads them."""

    server: ApiServer
    namespace: str
    account: str

    def apply(self, name: str, /, **spec: Any) -> dict[str, Any]:
        """Create an object, or change its whole spec."""
        return self.apply_text(yaml.safe_dump(manifest(name, spec)))

    def apply_text(self, text: str) -> dict[str, Any]:
        self.server.kubectl("apply", "-n", self.namespace, "-f", "-", stdin=text)
        name = yaml.safe_load(text)["metadata"]["name"]
        return self.get(str(name))

    def delete(self, name: str) -> None:
        self.server.kubectl("delete", "was", name, "-n", self.namespace)

    def get(self, name: str) -> dict[str, Any]:
        return self.server.get("was", name, self.namespace)

    def table(self, *args: str) -> str:
        return self.server.kubectl("get", "was", "-n", self.namespace, *args)

    def status(self, name: str) -> dict[str, Any]:
        return dict(self.get(name).get("status") or {})

    def condition(self, name: str, kind: str) -> dict[str, Any]:
        found = self.status(name).get("conditions") or []
        return next((dict(each) for each in found if each["type"] == kind), {})

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the Events about an object, the oldest first."""
        found = json.loads(
            self.server.kubectl("get", "events", "-n", self.namespace, "-o", "json",
                                "--field-selector", f"involvedObject.name={name}")
        )["items"]  # fmt: skip
        return sorted(found, key=lambda each: each["metadata"]["creationTimestamp"])

    def reasons(self, name: str) -> list[str]:
        return [each["reason"] for each in self.events(name)]

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is true of the cluster."""

        async def is_so() -> bool:
            return what()

        await eventually(is_so)

    async def until_ready(self, name: str, truth: str, reason: str) -> dict[str, Any]:
        """Wait for the condition Ready; return it."""

        def is_so() -> bool:
            found = self.condition(name, "Ready")
            return (found.get("status"), found.get("reason")) == (truth, reason)

        await self.until(is_so)
        return self.condition(name, "Ready")


def manifest(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": spec,
    }


async def read_by(
    life: ObjectLife, start_daemon: StartDaemon, emulator: Emulator,
    apps: Sequence[dict[str, Any]] = (), **extra: Any,
) -> Daemon:  # fmt: skip
    """Start a daemon that reads the objects, as the service account of the chart."""
    token = life.server.token(life.namespace, life.account)
    kubeconfig = life.server.kubeconfig_for(token, life.namespace)
    sections = {"custom_resources": {"enabled": True}, **extra}
    return await start_daemon(
        emulator, list(apps), extra=sections, KUBECONFIG=str(kubeconfig), POD_NAMESPACE=""
    )
