"""Replicas that share a Lease of a real API server, each with a way of its own to it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.kubernetes.api_server import ApiServer
from tests.process.replicas import APPS, Gate, House, Replica, house

RULES = [
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "update"],
    }
]


@dataclass(slots=True)
class Replicas:
    """A house whose replicas reach a Lease in ``namespace`` by the account ``autoscaler``."""

    home: House
    server: ApiServer
    namespace: str
    token: str

    async def start(self, *, store: str | None = "own", token: str = "") -> Replica:
        gate = Gate()
        address = urlsplit(self.server.url)
        await gate.open(address.hostname or "", address.port or 0)
        near = replace(self.server, url=f"https://127.0.0.1:{gate.port}")
        kubeconfig = near.kubeconfig_for(token or self.token, self.namespace)
        return await self.home.start(gate=gate, store=store, KUBECONFIG=str(kubeconfig))

    def lease(self) -> dict[str, Any]:
        return self.server.get("lease", "autoscaler", self.namespace)


@asynccontextmanager
async def replicas(
    server: ApiServer,
    folder: Path,
    pace: dict[str, Any],
    *,
    rules: Sequence[Mapping[str, Any]] = RULES,
    apps: tuple[str, ...] = APPS,
    extra: dict[str, Any] | None = None,
) -> AsyncIterator[Replicas]:
    namespace = server.make_namespace("failover")
    server.make_account(namespace, "autoscaler", rules)
    token = server.token(namespace, "autoscaler")
    election = {"mode": "kubernetes", **pace}
    async with house(folder, election, apps, extra) as home:
        yield Replicas(home, server, namespace, token)


def frozen_server(server: ApiServer) -> Callable[[], Awaitable[None]]:
    """Freeze the API server; return what wakes it up."""
    os.kill(server.process.pid, signal.SIGSTOP)

    async def wake() -> None:
        os.kill(server.process.pid, signal.SIGCONT)

    return wake
