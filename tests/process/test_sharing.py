"""Replicas that share shards over a folder: who is asked, who answers, and what moves."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.process.process_support import eventually
from tests.process.replicas import FAST, House, Replica, house
from tests.process.sharing import evenly_owned, judge, shards_of

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

SHARDS = 4
TOKEN = "a-token-to-act-that-is-long-enough"


def configured(folder: Path) -> dict[str, Any]:
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    server = {"listen": "127.0.0.1:0", "action_token_file": str(token)}
    return {"sharding": {"shards": SHARDS}, "server": server, "history": {"enabled": False}}


async def owner_of(home: House, app: str, asked: Replica) -> tuple[str, bool]:
    """Return who acts for an app, as a replica says, and whether it says that it does itself."""
    found = (await asked.get(home.client, f"/api/v1/apps/default/{app}")).json()
    return str(found["owner"]).partition("_")[0], bool(found["owned_here"])


async def agreed_owner(home: House, app: str) -> Replica:
    """Wait until all replicas name the same owner of an app, which says so itself; return it."""
    found: list[str] = []

    async def agreed() -> bool:
        told = [await owner_of(home, app, each) for each in home.replicas]
        found[:] = [name for name, here in told if here]
        return len(found) == 1 and {name for name, _ in told} == set(found)

    await eventually(agreed)
    return next(each for each in home.replicas if each.name == found[0])


async def test_each_acts_for_its_own_and_says_who_acts_for_the_others(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "leases"), **FAST}
    async with house(tmp_path, election, extra=configured(tmp_path)) as home:
        replicas = [await home.start(store=None) for _ in range(2)]
        await evenly_owned(home, SHARDS, 2)

        async def all_scaled() -> bool:
            return all(report["scale_log"] for report in (await home.books()).values())

        await eventually(all_scaled)
        for app in home.apps:
            owner = await agreed_owner(home, app)
            other = next(each for each in replicas if each is not owner)
            series = f'autoscaler_app_owned{{namespace="default",app="{app}"}} 1'
            assert series in (await owner.get(home.client, "/metrics")).text
            assert f'app="{app}"' not in (await other.get(home.client, "/metrics")).text
            refused = await home.client.post(
                f"{other.url}/api/v1/apps/default/{app}/pause",
                json={"why": "an update"},
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            assert refused.status_code == 503
            assert owner.name in refused.text
        for each in replicas:
            assert (await each.get(home.client, "/readyz")).status_code == 200
        judge(await home.books(), SHARDS)


async def test_what_a_replica_leaves_is_taken_at_once(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "leases"), **FAST}
    async with house(tmp_path, election, extra=configured(tmp_path)) as home:
        first, second = [await home.start(store=None) for _ in range(2)]
        before = await evenly_owned(home, SHARDS, 2)
        first.send(signal.SIGTERM)
        assert await first.process.wait() == 0
        after = await evenly_owned(home, SHARDS, 1)
        assert set(after.values()) == {second.name}
        kept = {shard for shard, name in before.items() if name == second.name}
        given_up = [each["shard"] for each in second.said("shard given up")]
        taken = [each["shard"] for each in second.said("shard taken")]
        assert not kept & set(given_up)
        assert sorted(await shards_of(home, second)) == sorted(set(taken) - set(given_up))
        judge(await home.books(), SHARDS)


async def test_one_pass_takes_no_part(tmp_path: Path) -> None:
    election = {"mode": "file", "path": str(tmp_path / "leases"), **FAST}
    async with house(tmp_path, election, extra=configured(tmp_path)) as home:
        status, said = await home.once()
        assert status == 1
        assert "nothing was done: with sharding.shards above 1" in said
        assert await home.calls() == []
