"""One real API server for the whole session; see api_server.py."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.cli.crd import text
from autoscaler.settings import DEFINITION_NAME, PLURAL
from tests.fakes.postgres import postgres
from tests.kubernetes.api_server import ApiServer, KubectlError, api_server, controllers

__all__ = ["postgres"]

PROGRAMS = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager")
TRIES = 300
PAUSE_S = 0.2
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


@pytest.fixture(scope="session")
def worker_autoscalers(kubernetes: ApiServer) -> ApiServer:
    """The same server, with the custom resource as `autoscaler crd` prints it."""
    kubernetes.kubectl("apply", "-f", "-", stdin=text())
    kubernetes.kubectl("wait", "--for=condition=Established", f"crd/{DEFINITION_NAME}")
    for _ in range(TRIES):  # its description follows a moment later
        try:
            kubernetes.kubectl("explain", f"{PLURAL}.spec")
        except KubectlError:
            time.sleep(PAUSE_S)
        else:
            return kubernetes
    pytest.fail("the API server does not tell of the custom resource")
