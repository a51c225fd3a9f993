"""Sends WorkerAutoscalers to a real API server, over one connection."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from autoscaler.settings import GROUP, KIND, PLURAL, VERSION
from tests.kubernetes.api_server import ADMIN_TOKEN, ApiServer

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Objects:
    """The WorkerAutoscalers of a namespace, as whoever has the token may handle them."""

    client: httpx.Client
    namespace: str

    def refusal(self, spec: Mapping[str, Any]) -> str:
        """Return why the server does not take a spec; empty where it would. Nothing is stored."""
        return _words(
            self.client.post(self._path(), params=_TRY, json=_object(self._new_name(), spec))
        )

    def make(self, spec: Mapping[str, Any], name: str = "") -> dict[str, Any]:
        """Make an object; return it."""
        answer = self.client.post(self._path(), json=_object(name or self._new_name(), spec))
        assert answer.is_success, answer.text
        return dict(answer.json())

    def refused_change(self, made: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
        """Return why the server does not take another spec for an object; empty if it would."""
        path = f"{self._path()}/{made['metadata']['name']}"
        return _words(self.client.put(path, params=_TRY, json={**made, "spec": dict(spec)}))

    def write_status(self, name: str, status: Mapping[str, Any]) -> httpx.Response:
        """Write a status by its subresource."""
        return self.client.patch(
            f"{self._path()}/{name}/status", json={"status": dict(status)},
            headers={"Content-Type": "application/merge-patch+json"},
        )  # fmt: skip

    def _path(self) -> str:
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self.namespace}/{PLURAL}"

    def _new_name(self) -> str:
        return f"app-{next(_numbers)}"


_TRY = {"dryRun": "All", "fieldValidation": "Strict"}


def _object(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def _words(answer: httpx.Response) -> str:
    assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text
    return "" if answer.is_success else str(answer.json()["message"])


@contextmanager
def custom_objects(
    server: ApiServer, *, token: str = ADMIN_TOKEN, namespace: str = ""
) -> Iterator[Objects]:
    """Hand out the objects of a namespace, one of its own if none is named, for a token."""
    verify = ssl.create_default_context(cafile=server.ca_file)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=server.url, verify=verify, headers=headers, trust_env=False, timeout=60.0
    ) as client:
        yield Objects(client, namespace or server.make_namespace("was"))
