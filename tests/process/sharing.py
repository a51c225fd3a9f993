"""Replicas that share shards, as processes: who has what, and what the platform's books say."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import httpx

from tests.process.process_support import eventually
from tests.process.replicas import House, Replica

SENDER = re.compile(r"\((\S+); shard (\d+)/(\d+); term (\d+)\)")


async def shards_of(home: House, replica: Replica) -> list[int]:
    """Return the shards that a replica may act for now; none of one that does not answer."""
    if replica.process.returncode is not None:
        return []
    try:
        leader = (await replica.get(home.client, "/")).json()["leader"]
    except httpx.TransportError:
        return []
    return [each["shard"] for each in leader["shards"] if each["owned_here"]]


async def owners(home: House, *, without: Replica | None = None) -> dict[int, str]:
    """Return who may act for which shard."""
    running = [each for each in home.replicas if each is not without]
    return {shard: replica.name for replica in running for shard in await shards_of(home, replica)}


async def evenly_owned(
    home: House, shards: int, among: int, *, without: Replica | None = None
) -> dict[int, str]:
    """Wait until every shard is owned, evenly among so many replicas; return by whom."""
    seen: dict[int, str] = {}

    async def even() -> bool:
        seen.clear()
        seen.update(await owners(home, without=without))
        counts = Counter(seen.values())
        share = shards // among
        return (
            len(seen) == shards
            and len(counts) == among
            and all(share <= count <= share + (shards % among > 0) for count in counts.values())
        )

    await eventually(even)
    return seen


def judge(books: dict[str, Any], shards: int) -> Counter[str]:
    """Fail unless the books show one actor at a time for each app, no rule broken, nothing lost.

    Return how many scale calls each replica sent.
    """
    senders: dict[tuple[int, int], str] = {}
    sent: Counter[str] = Counter()
    for app, report in books.items():
        assert (app, report["broken"]) == (app, [])
        assert (app, report["requests"]["lost_to_scale_down"]) == (app, 0)
        found = [SENDER.search(call["caller"]) for call in report["scale_log"]]
        assert all(found), f"{app}: a scale call without a sender and his term"
        calls = [(int(m[2]), int(m[3]), int(m[4]), m[1]) for m in found if m]
        assert len({(shard, count) for shard, count, _, _ in calls}) <= 1, f"{app}: {calls}"
        terms = [term for _, _, term, _ in calls]
        assert terms == sorted(terms), f"{app}: a call of an older term came late: {calls}"
        for shard, count, term, who in calls:
            assert count == shards
            assert senders.setdefault((shard, term), who) == who, f"{app}: two in term {term}"
            sent[who.partition("_")[0]] += 1
    return sent
