"""Which shard an app is in, and which replica a shard belongs to: plain functions of names.

An app's shard never changes while their number stays. A shard goes to the living replica with the
highest random weight (Thaler and Ravishankar, 1998): every replica works it out for itself, and one
that comes or goes moves nothing but its own share. Pure rendezvous spreads a dozen shards badly (of
twelve over three replicas one may get seven); so each replica has room for its even share and no
more, and whoever holds a shard keeps it as long as that fits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache, partial
from hashlib import blake2b

from autoscaler.model import AppKey


@lru_cache(65_536)
def shard_of(app: AppKey, shards: int) -> int:
    """Return the shard of an app, from 0; the same in every process and version."""
    if shards == 1:
        return 0
    return _hash(f"{app.namespace}/{app.name}") % shards


def weight(shard: int, replica: str) -> int:
    """Return how strongly a shard is drawn to a replica."""
    return _hash(f"{shard} {replica}")


def spread(shards: int, replicas: Collection[str], holders: Mapping[int, str]) -> dict[int, str]:
    """Return whose each shard shall be, by shard; nobody's where no replica lives.

    Args:
        shards: how many there are.
        replicas: those that live.
        holders: who holds which shard now; a holder that does not live does not count.
    """
    if not replicas:
        return {}
    held: dict[str, list[int]] = {replica: [] for replica in replicas}
    for shard, holder in holders.items():
        if holder in held and shard < shards:
            held[holder].append(shard)
    room = _room(shards, held)
    chosen: dict[int, str] = {}
    for replica, mine in held.items():
        kept = sorted(mine, key=partial(weight, replica=replica), reverse=True)[: room[replica]]
        chosen |= dict.fromkeys(kept, replica)
        room[replica] -= len(kept)
    free = [shard for shard in range(shards) if shard not in chosen]
    pairs = [
        (weight(shard, one), shard, one) for shard in free for one, left in room.items() if left
    ]
    for _, shard, replica in sorted(pairs, reverse=True):
        if shard not in chosen and room[replica]:
            chosen[shard] = replica
            room[replica] -= 1
    return chosen


def _room(shards: int, held: Mapping[str, Collection[int]]) -> dict[str, int]:
    """Return each replica's even share; the larger ones go to those that hold most."""
    share, more = divmod(shards, len(held))
    order = sorted(held, key=lambda replica: (-len(held[replica]), _hash(replica)))
    return {replica: share + (place < more) for place, replica in enumerate(order)}


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
