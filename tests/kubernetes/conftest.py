"""One real API server for the whole session; see api_server.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.postgres import postgres
from tests.kubernetes.api_server import ApiServer, api_server, controllers

__all__ = ["postgres"]

PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager")
HOW = (
    "These tests need a real Kubernetes API server. Set KUBEBUILDER_ASSETS to a folder with "
    f'{", ".join(PROGRAMS)}: KUBEBUILDER_ASSETS="$(.ci/kubernetes-assets)" builds one.'
)


@pytest.fixture(scope="session")
def kubernetes_assets() -> Path:
    """Return the folder of the programs; without one, skip, and in CI fail."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    missing = [name for name in PROGRAMS if not (Path(folder) / name).is_file()]
    if folder and not missing:
        return Path(folder)
    why = f"{folder} lacks {', '.join(missing)}. {HOW}" if folder else HOW
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def kubernetes(
    kubernetes_assets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiServer]:
    """A running API server without controllers."""
    with api_server(kubernetes_assets, tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture(scope="session")
def kubernetes_controllers(kubernetes: ApiServer) -> Iterator[ApiServer]:
    """The same server, with the controllers that turn Deployments into Pods."""
    with controllers(kubernetes):
        yield kubernetes
