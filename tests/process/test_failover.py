"""Two and three daemons over a lease in a shared folder: never two actors, and nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from tests.process.process_support import eventually
from tests.process.replicas import FAST, Fail, house, killed, stopped, terminated

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


def the_store_is_a_proof(folder: Path) -> Callable[[], Awaitable[bool]]:
    """Return what tells whether the leader has led long enough for its store to be believed."""

    async def proves() -> bool:
        return (folder / "shared.db.reign").exists()

    return proves


@pytest.mark.parametrize("fail", [terminated, killed, stopped], ids=lambda fail: fail.__name__)
@pytest.mark.parametrize("store", ["own", "shared"])
async def test_another_acts_when_the_leader_fails(
    tmp_path: Path, fail: Fail, store: Literal["own", "shared"]
) -> None:
    election = {"mode": "file", "path": str(tmp_path / "lease"), **FAST}
    async with house(tmp_path, election) as home:
        for _ in range(2 if store == "shared" else 3):
            await home.start(store=store)
        first = await home.leader()
        await home.acts(first)
        if store == "shared":
            await eventually(the_store_is_a_proof(tmp_path))
        put_right = await fail(home, first)
        second = await home.leader(besides=first)
        await home.acts(second)
        sent = await home.sent_by(first)
        await put_right()
        await home.acts(second, more_than=await home.sent_by(second) + 3)
        assert await home.sent_by(first) == sent
        await home.judge()
        proven = second.said("leading")[0]["memory_proven"]
        # A frozen process keeps its hands on the store; a dead one does not.
        assert proven == (store == "shared" and fail is not stopped)


async def test_followers_are_ready_idle_and_say_who_leads(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "lease"), **FAST}
    async with house(tmp_path, election) as home:
        first = await home.start(store="own")
        leader = await home.leader()
        follower = await home.start(store="own")
        await home.acts(leader, more_than=2)

        async def knows() -> bool:
            index = (await follower.get(home.client, "/")).json()
            return bool(index["leader"]["leader"].startswith("r0_"))

        await eventually(knows)
        assert leader is first
        index = (await follower.get(home.client, "/")).json()["leader"]
        assert index["is_leader"] is False
        assert index["term"] is None
        assert (await follower.get(home.client, "/readyz")).status_code == 200
        metrics = (await follower.get(home.client, "/metrics")).text
        assert "\nautoscaler_leader 0.0\n" in metrics
        assert 'app="' not in metrics
        assert "autoscaler_platform_requests_total{" not in metrics
        metrics = (await leader.get(home.client, "/metrics")).text
        assert 'app="waves"' in metrics
        assert (await leader.get(home.client, "/")).json()["leader"]["is_leader"] is True
        await home.judge()


async def test_whoever_ceases_to_lead_drops_its_series(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "lease"), **FAST}
    async with house(tmp_path, election) as home:
        for _ in range(2):
            await home.start(store="own")
        first = await home.leader()
        await home.acts(first)
        put_right = await stopped(home, first)
        second = await home.leader(besides=first)
        await put_right()

        async def dropped() -> bool:
            metrics = (await first.get(home.client, "/metrics")).text
            return 'app="' not in metrics and "\nautoscaler_leader 0.0\n" in metrics

        await eventually(dropped)
        await asyncio.sleep(1.0)
        assert await dropped()
        assert first.said("not leading any more")
        await home.acts(second)
        await home.judge()


async def test_one_pass_needs_the_lead_and_gives_it_back(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "lease"), **FAST}
    async with house(tmp_path, election) as home:
        assert await home.once() == (0, "")
        assert await home.once() == (0, ""), "given back: nobody need wait for it"
        leader = await home.start(store="own")
        await home.leader()
        status, said = await home.once()
        assert status == 1
        assert f"nothing was done: this replica does not lead, {leader.name}_" in said
        await home.judge()
