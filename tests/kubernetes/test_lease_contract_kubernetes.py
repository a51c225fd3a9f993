"""The contract of a LeaseStore, over a Lease of a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lightkube import AsyncClient, KubeConfig

from autoscaler.kubernetes import Cluster, KubernetesLease
from autoscaler.model.errors import LeaseError
from autoscaler.ports import LeaseStore
from tests.fakes.lease_contract import RECORD, LeaseContract
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.failures import RULES

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]


def connected(server: ApiServer, namespace: str, token: str) -> KubernetesLease:
    config = KubeConfig.from_file(server.kubeconfig_for(token, namespace)).get()
    cluster = Cluster(AsyncClient(config), namespace)
    return KubernetesLease(cluster, "autoscaler", namespace)


class TestKubernetesLease(LeaseContract):
    @pytest.fixture
    def namespace(self, kubernetes: ApiServer) -> str:
        namespace = kubernetes.make_namespace("lease")
        kubernetes.make_account(namespace, "autoscaler", RULES)
        return namespace

    @pytest.fixture
    async def store(self, kubernetes: ApiServer, namespace: str) -> AsyncIterator[LeaseStore]:
        store = connected(kubernetes, namespace, kubernetes.token(namespace, "autoscaler"))
        yield store
        await store.aclose()

    @pytest.fixture
    async def other(self, kubernetes: ApiServer, namespace: str) -> AsyncIterator[LeaseStore]:
        store = connected(kubernetes, namespace, kubernetes.token(namespace, "autoscaler"))
        yield store
        await store.aclose()

    async def test_whole_seconds_are_moments_too(self, store: LeaseStore) -> None:
        lease = await store.write(replace(RECORD, renewed_at=1_764_000_000.0), None)
        assert lease.record.renewed_at == pytest.approx(1_764_000_000.0, abs=1e-3)

    async def test_a_refusal_is_told_without_the_token(
        self, kubernetes: ApiServer, namespace: str
    ) -> None:
        store = connected(kubernetes, namespace, "a-wrong-token")
        with pytest.raises(LeaseError, match="401") as caught:
            await store.read()
        assert "a-wrong-token" not in str(caught.value)
        await store.aclose()

    async def test_a_lease_that_others_made_is_read(
        self, kubernetes: ApiServer, namespace: str, store: LeaseStore
    ) -> None:
        kubernetes.apply(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "autoscaler", "namespace": namespace},
                "spec": {"holderIdentity": "somebody"},
            }
        )
        lease = await store.read()
        assert lease is not None
        assert (lease.record.holder, lease.record.number) == ("somebody", 0)
        taken = await store.write(RECORD, lease)
        assert taken.record == RECORD

    async def test_a_rotated_token_is_read_again(
        self,
        kubernetes: ApiServer,
        namespace: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """As in a pod: the token's file changes, and the old token is refused."""
        address = urlsplit(kubernetes.url)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
        (tmp_path / "ca.crt").write_bytes(kubernetes.ca_file.read_bytes())
        (tmp_path / "namespace").write_text(namespace)
        (tmp_path / "token").write_text("an-expired-token")
        config = KubeConfig.from_service_account(tmp_path).get()
        cluster = Cluster(AsyncClient(config), namespace)
        store = KubernetesLease(cluster, "autoscaler", namespace)
        with pytest.raises(LeaseError, match="401"):
            await store.read()
        (tmp_path / "token").write_text(kubernetes.token(namespace, "autoscaler"))
        assert await store.read() is None
        await store.aclose()
