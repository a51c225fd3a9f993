"""What objects there are, over a cluster that ends watches, forgets and fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded

from autoscaler.resources.watching import PAUSE_MAX_S, QUIET_MAX_S, Watching
from tests.fakes.clock import ManualClock, settle
from tests.fakes.resources import LOST, FakeResources, resource


@dataclass
class Follower:
    watching: Watching
    changes: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def names(self) -> list[str]:
        return sorted(one.key.name for one in self.watching.objects)


@asynccontextmanager
async def following(
    cluster: FakeResources, clock: ManualClock, namespace: str | None = None
) -> AsyncIterator[Follower]:
    changes: list[int] = []
    troubles: list[str] = []
    follower = Follower(
        Watching(
            cluster, namespace, clock=clock, rng=Random(1),
            on_change=lambda: changes.append(1), on_trouble=troubles.append,
        ),
        changes, troubles,
    )  # fmt: skip
    task = asyncio.create_task(follower.watching.run())
    await settle()
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_objects_come_change_and_go(manual_clock: ManualClock) -> None:
    cluster = FakeResources()
    cluster.put(resource("one"))
    async with following(cluster, manual_clock) as follower:
        assert follower.names() == ["one"]
        assert follower.watching.synced
        assert len(follower.changes) == 1
        cluster.put(resource("two"))
        await settle()
        cluster.change("one", min_workers=2)
        await settle()
        assert follower.names() == ["one", "two"]
        [one] = [each for each in follower.watching.objects if each.key.name == "one"]
        assert one.spec["min_workers"] == 2
        cluster.delete("one")
        await settle()
        assert follower.names() == ["two"]
        assert len(follower.changes) == 4
        assert (cluster.lists, len(cluster.watches)) == (1, 1)


async def test_a_status_that_was_written_is_no_news(manual_clock: ManualClock) -> None:
    cluster = FakeResources()
    made = cluster.put(resource("one"))
    async with following(cluster, manual_clock) as follower:
        await cluster.write_status(made, {"workers": 3})
        await settle()
        assert len(follower.changes) == 1
        seen = follower.watching.get(made.key)
        assert seen is not None
        assert seen.status == {"workers": 3}


async def test_a_watch_that_ends_is_resumed_where_it_was(manual_clock: ManualClock) -> None:
    cluster = FakeResources()
    cluster.put(resource("one"))
    async with following(cluster, manual_clock) as follower:
        cluster.put(resource("two"))
        await settle()
        cluster.cut()
        cluster.put(resource("three"))
        await settle()
        assert follower.names() == ["one", "three", "two"]
        assert cluster.lists == 1
        assert len(cluster.watches) == 2
        assert follower.troubles == []


async def test_what_went_while_the_thread_was_lost_goes_here_too(
    manual_clock: ManualClock,
) -> None:
    cluster = FakeResources()
    cluster.put(resource("one"))
    cluster.put(resource("two"))
    async with following(cluster, manual_clock) as follower:
        cluster.delete("one")
        cluster.forget_log()
        cluster.cut()
        await settle()
        assert follower.names() == ["two"]
        assert cluster.lists == 2
        assert follower.troubles == []


async def test_a_connection_that_breaks_once_is_resumed_without_a_word(
    manual_clock: ManualClock,
) -> None:
    cluster = FakeResources()
    cluster.put(resource("one"))
    async with following(cluster, manual_clock) as follower:
        cluster.cut(LOST)
        await settle()
        await manual_clock.advance(2)
        assert (cluster.lists, len(cluster.watches)) == (1, 2)
        assert follower.troubles == []
        assert follower.watching.synced


async def test_a_lost_cluster_is_said_once_and_nothing_is_forgotten(
    manual_clock: ManualClock,
) -> None:
    cluster = FakeResources()
    cluster.put(resource("one"))
    async with following(cluster, manual_clock) as follower:
        cluster.faults = [LOST] * 12
        cluster.cut(LOST)
        await settle()
        await manual_clock.advance(30)
        assert follower.troubles == [str(LOST)]
        assert not follower.watching.synced
        assert follower.names() == ["one"]
        await manual_clock.advance(13 * PAUSE_MAX_S)
        assert follower.troubles == [str(LOST), ""]
        assert follower.watching.synced
        assert cluster.lists == 2
        assert len(follower.changes) == 1


async def test_tries_grow_rarer(manual_clock: ManualClock) -> None:
    cluster = FakeResources(faults=[LOST] * 1000)
    async with following(cluster, manual_clock) as follower:
        await manual_clock.advance(600)
        tried = 1000 - len(cluster.faults)
        assert 600 / PAUSE_MAX_S <= tried <= 25
        assert not follower.watching.synced


async def test_only_the_own_namespace_counts(manual_clock: ManualClock) -> None:
    cluster = FakeResources()
    cluster.put(resource("one", "mine"))
    cluster.put(resource("two", "theirs"))
    async with following(cluster, manual_clock, "mine") as follower:
        cluster.put(resource("three", "theirs"))
        cluster.put(resource("four", "mine"))
        await settle()
        assert follower.names() == ["four", "one"]


def test_a_silent_connection_outlives_the_servers_own_end() -> None:
    from autoscaler.kubernetes.resources import WATCH_S  # noqa: PLC0415 - of another layer

    assert QUIET_MAX_S > WATCH_S
