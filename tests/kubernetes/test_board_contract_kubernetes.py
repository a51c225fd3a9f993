"""The contract of a LeaseBoard, over Leases of a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from lightkube import AsyncClient, KubeConfig

from autoscaler.kubernetes import Cluster, KubernetesBoard
from autoscaler.model.errors import LeaseError
from autoscaler.ports import LeaseBoard
from tests.fakes.lease_contract import RECORD, BoardContract
from tests.kubernetes.api_server import ApiServer

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

RULES = [
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "list", "get", "update"],
    }
]


def connected(server: ApiServer, namespace: str, token: str) -> KubernetesBoard:
    config = KubeConfig.from_file(server.kubeconfig_for(token, namespace)).get()
    return KubernetesBoard(Cluster(AsyncClient(config), namespace), "auto", namespace)


class TestKubernetesBoard(BoardContract):
    @pytest.fixture
    def namespace(self, kubernetes: ApiServer) -> str:
        namespace = kubernetes.make_namespace("board")
        kubernetes.make_account(namespace, "autoscaler", RULES)
        return namespace

    @pytest.fixture
    async def board(self, kubernetes: ApiServer, namespace: str) -> AsyncIterator[LeaseBoard]:
        board = connected(kubernetes, namespace, kubernetes.token(namespace, "autoscaler"))
        yield board
        await board.aclose()

    @pytest.fixture
    async def other(self, kubernetes: ApiServer, namespace: str) -> AsyncIterator[LeaseBoard]:
        board = connected(kubernetes, namespace, kubernetes.token(namespace, "autoscaler"))
        yield board
        await board.aclose()

    async def test_leases_of_others_are_not_listed(
        self, kubernetes: ApiServer, namespace: str, board: LeaseBoard
    ) -> None:
        for name in ("auto", "auto-1", "automatic", "other"):
            kubernetes.apply(
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": {"holderIdentity": "somebody"},
                }
            )
        assert set(await board.list()) == {"auto", "auto-1"}

    async def test_what_others_put_on_a_lease_stays(
        self, kubernetes: ApiServer, namespace: str, board: LeaseBoard, other: LeaseBoard
    ) -> None:
        await other.lease("auto-1").write(RECORD, None)
        kubernetes.kubectl("label", "lease", "auto-1", "team=gpu", "-n", namespace)
        listed = (await board.list())["auto-1"]
        await board.lease("auto-1").write(replace(RECORD, number=2), listed)
        lease = kubernetes.get("lease", "auto-1", namespace)
        assert lease["metadata"]["labels"] == {"team": "gpu"}
        assert lease["spec"]["leaseTransitions"] == 2

    async def test_a_refusal_is_told_without_the_token(
        self, kubernetes: ApiServer, namespace: str
    ) -> None:
        board = connected(kubernetes, namespace, "a-wrong-token")
        with pytest.raises(LeaseError, match="401") as caught:
            await board.list()
        assert "a-wrong-token" not in str(caught.value)
        await board.aclose()
