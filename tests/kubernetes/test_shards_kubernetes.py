"""Three replicas, twelve shards, a real API server and a real PostgreSQL, under load.

Replicas are replaced one by one, killed and frozen: never two actors for an app, nothing lost,
every shard owned again, and nothing moved that need not.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from autoscaler.control.rendezvous import shard_of
from autoscaler.control.shards import lease_names
from autoscaler.model import AppKey
from tests.fakes.postgres import new_database
from tests.kubernetes.api_server import ApiServer
from tests.kubernetes.failures import Replicas, replicas
from tests.process.process_support import eventually
from tests.process.replicas import FAST, Replica
from tests.process.sharing import evenly_owned, judge, shards_of

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

SHARDS = 12
NAMES = [f"app-{number}" for number in range(200)]
APPS = tuple(
    name
    for shard in range(SHARDS)
    for name in [n for n in NAMES if shard_of(AppKey("default", n), SHARDS) == shard][:2]
)
"""Two in each shard."""
GROUP = "coordination.k8s.io"
RULES = (
    {"apiGroups": [GROUP], "resources": ["leases"], "verbs": ["create", "list"]},
    {
        "apiGroups": [GROUP],
        "resources": ["leases"],
        "resourceNames": ["autoscaler", *itertools.chain(*lease_names("autoscaler", SHARDS))],
        "verbs": ["get", "update"],
    },
)
"""What the chart grants."""


def moved(before: dict[int, str], after: dict[int, str]) -> set[int]:
    return {shard for shard in before if before[shard] != after[shard]}


def apps_in(shards: set[int]) -> int:
    return sum(shard_of(AppKey("default", app), SHARDS) in shards for app in APPS)


async def proofs(cluster: Replicas) -> Counter[bool]:
    """Return how often a shard was taken with, and without, the memory of its last owner."""
    taken = [each for one in cluster.home.replicas for each in one.said("shard taken")]
    return Counter(bool(each["memory_proven"]) for each in taken)


async def replaced(
    cluster: Replicas, old: Replica, before: dict[int, str], among: int
) -> dict[int, str]:
    """Replace a replica as a roll-out does: a new one first, then SIGTERM; return who has what."""
    home = cluster.home
    new = await cluster.start(store=None)
    joined = await evenly_owned(home, SHARDS, among + 1)
    assert {joined[shard] for shard in moved(before, joined)} == {new.name}
    old.send(signal.SIGTERM)
    assert await old.process.wait() == 0
    after = await evenly_owned(home, SHARDS, among)
    own = {shard for shard, name in joined.items() if name == old.name}
    assert moved(joined, after) == own, "only what the leaver had moves"
    return after


def every_app_was_scaled(cluster: Replicas) -> Callable[[], Awaitable[bool]]:
    async def scaled() -> bool:
        books = await cluster.home.books()
        return all(report["scale_log"] for report in books.values())

    return scaled


def every_replica_acted(cluster: Replicas) -> Callable[[], Awaitable[bool]]:
    async def acted() -> bool:
        sent = judge(await cluster.home.books(), SHARDS)
        return set(sent) == {each.name for each in cluster.home.replicas}

    return acted


async def test_shards_move_and_nothing_is_lost(
    kubernetes: ApiServer, postgres: str, tmp_path: Path
) -> None:
    address = tmp_path / "database"
    address.write_text(new_database(postgres))
    extra = {"sharding": {"shards": SHARDS}, "state": {"url_file": str(address)}}
    async with replicas(kubernetes, tmp_path, FAST, rules=RULES, apps=APPS, extra=extra) as cluster:
        home = cluster.home
        first = [await cluster.start(store=None) for _ in range(3)]
        have = await evenly_owned(home, SHARDS, 3)
        await eventually(every_app_was_scaled(cluster))
        # long enough for what they remember to be believed: a deadline and a flush
        await asyncio.sleep(8.0)
        unproven = (await proofs(cluster))[False]

        have = await replaced(cluster, first[0], have, 3)
        have = await replaced(cluster, first[1], have, 3)
        # A roll-out hands everything on: no shard was taken without its last owner's memory.
        assert (await proofs(cluster))[False] == unproven

        victim = first[2]
        lost = {shard for shard, name in have.items() if name == victim.name}
        assert len(lost) == SHARDS // 3
        assert apps_in(lost) == len(APPS) / 3
        victim.send(signal.SIGKILL)
        after = await evenly_owned(home, SHARDS, 2)
        assert moved(have, after) == lost
        assert (await proofs(cluster))[False] == unproven

        await cluster.start(store=None)
        have = await evenly_owned(home, SHARDS, 3)
        frozen = home.replicas[-1]
        lost = set(await shards_of(home, frozen))
        frozen.send(signal.SIGSTOP)
        after = await evenly_owned(home, SHARDS, 2, without=frozen)
        assert moved(have, after) == lost
        frozen.send(signal.SIGCONT)
        await evenly_owned(home, SHARDS, 3)
        await eventually(every_replica_acted(cluster))
