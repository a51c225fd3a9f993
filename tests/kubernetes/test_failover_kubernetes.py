"""Daemons over a Lease of a real API server: never two actors, whatever fails, and nothing lost."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.failures import frozen_server, replicas
from tests.process.process_support import eventually
from tests.process.replicas import FAST, Fail, cut_off, killed, stopped, terminated

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

RUNS = range(3)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "fail", [terminated, killed, stopped, cut_off], ids=lambda fail: fail.__name__
)
async def test_another_acts_when_the_leader_fails(
    kubernetes: ApiServer, tmp_path: Path, fail: Fail, run: int
) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        home = cluster.home
        for _ in range(2 + run % 2):
            await cluster.start()
        first = await home.leader()
        await home.acts(first)
        holder = cluster.lease()["spec"]["holderIdentity"]
        assert holder.startswith(f"{first.name}_")
        put_right = await fail(home, first)
        second = await home.leader(besides=first)
        await home.acts(second)
        sent = await home.sent_by(first)
        await put_right()
        await home.acts(second, more_than=await home.sent_by(second) + 3)
        assert await home.sent_by(first) == sent
        assert cluster.lease()["spec"]["holderIdentity"].startswith(f"{second.name}_")
        await home.judge()


@pytest.mark.parametrize("run", RUNS)
async def test_nobody_acts_while_the_api_server_is_frozen(
    kubernetes: ApiServer, tmp_path: Path, run: int
) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        home = cluster.home
        for _ in range(2 + run % 2):
            await cluster.start()
        first = await home.leader()
        await home.acts(first)
        wake = frozen_server(kubernetes)
        try:

            async def nobody() -> bool:
                return not any([await each.leads(home.client) for each in home.replicas])

            await eventually(nobody)
            sent = len(await home.calls())
            # longer than the lease: whoever trusted a clock of others would act now
            await asyncio.sleep(FAST["lease_duration"] + 1.0)
            assert await nobody()
            assert len(await home.calls()) == sent
        finally:
            await wake()
        again = await home.leader()
        await home.acts(again, more_than=await home.sent_by(again))
        await home.judge()


async def test_a_token_that_is_refused_ends_the_lead(kubernetes: ApiServer, tmp_path: Path) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        home = cluster.home
        first = await cluster.start()
        await home.leader()
        await cluster.start()
        await home.acts(first)
        # The account may not touch leases any more: what an expired token looks like from here.
        kubernetes.kubectl("delete", "rolebinding", "autoscaler", "-n", cluster.namespace)

        async def nobody() -> bool:
            return not any([await each.leads(home.client) for each in home.replicas])

        await eventually(nobody)
        assert any("403" in each["error"] for each in first.said("the lease cannot be reached"))
        assert cluster.token not in first.log_path.read_text()
        await home.judge()


async def test_a_deleted_lease_never_makes_two_actors(
    kubernetes: ApiServer, tmp_path: Path
) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        home = cluster.home
        for _ in range(3):
            await cluster.start()
        for _ in range(3):
            leader = await home.leader()
            await home.acts(leader, more_than=await home.sent_by(leader))
            kubernetes.kubectl("delete", "lease", "autoscaler", "-n", cluster.namespace)
            await asyncio.sleep(1.0)
        leader = await home.leader()
        await home.acts(leader, more_than=await home.sent_by(leader))
        for report in (await home.books()).values():
            assert report["broken"] == []
            senders = [call["caller"] for call in report["scale_log"]]
            turns = sum(a != b for a, b in pairwise(senders)) + 1
            terms = sum(len(each.said("leading")) for each in home.replicas)
            assert turns <= terms, f"one acted between calls of another: {senders}"


async def test_what_others_put_on_the_lease_stays(kubernetes: ApiServer, tmp_path: Path) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        home = cluster.home
        leader = await cluster.start()
        await home.leader()
        args = ("lease", "autoscaler", "-n", cluster.namespace)
        kubernetes.kubectl("label", *args, "team=gpu")
        renewed = cluster.lease()["spec"]["renewTime"]

        async def goes_on() -> bool:
            return bool(cluster.lease()["spec"]["renewTime"] > renewed)

        await eventually(goes_on)
        lease = cluster.lease()
        assert lease["metadata"]["labels"] == {"team": "gpu"}
        assert lease["spec"]["leaseTransitions"] == 1
        assert lease["spec"]["leaseDurationSeconds"] == FAST["lease_duration"]
        assert not leader.said("not leading any more")


async def test_without_a_cluster_the_daemon_says_what_to_do(
    kubernetes: ApiServer, tmp_path: Path
) -> None:
    async with replicas(kubernetes, tmp_path, FAST) as cluster:
        with pytest.raises(AssertionError, match="set KUBECONFIG"):
            await cluster.home.start(KUBECONFIG=str(tmp_path / "missing"))
