"""What multiplication does not tell: how even a spread is, how high bursts are, what a death costs.

The pacer is the real one. Seeds are fixed: the same figures come out everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from random import Random  # noqa: TID251 - seeded
from statistics import quantiles

from autoscaler.control.election import LeasePace
from autoscaler.control.pacing import Pacer
from autoscaler.model import AppKey
from tests.bench.scale.constants import INTERVAL_S

APPS = 10_000
BURST_S = 0.1
LATE_S = 2.0
"""A look that is later than this counts as late; the pacer's own jitter is 0.3 s."""


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def keys(count: int) -> list[AppKey]:
    return [AppKey("default", f"app-{number}") for number in range(count)]


# -- how even ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evenness:
    """The fullest against the mean: apps per shard; and per replica, in both ways of choosing."""

    replicas: int
    shards: int
    fullest_shard: float
    by_weight: float
    by_even_shares: float


def evenness(apps: Sequence[AppKey], replicas: int, shards: int) -> Evenness:
    """Spread apps over shards by hash, and shards over replicas by weight, with and without room.

    With room, a replica takes no more than its even share of the shards; the pairs of shard and
    replica are gone through from the highest weight down.
    """
    per_shard = Counter(_hash(str(app)) % shards for app in apps)
    pairs = sorted(
        ((_hash(f"{shard} replica-{one}"), shard, one)
         for shard in range(shards) for one in range(replicas)),
        reverse=True,
    )  # fmt: skip
    share, more = divmod(shards, replicas)
    found = []
    for room in ([shards] * replicas, [share + (one < more) for one in range(replicas)]):
        owner: dict[int, int] = {}
        for _, shard, one in pairs:
            if shard not in owner and room[one]:
                owner[shard] = one
                room[one] -= 1
        load = Counter[int]()
        for shard, one in owner.items():
            load[one] += per_shard[shard]
        found.append(max(load.values()) * replicas / len(apps))
    return Evenness(replicas, shards, max(per_shard.values()) * shards / len(apps), *found)


# -- how high bursts are -------------------------------------------------------------------------


@dataclass(frozen=True)
class Bursts:
    """Looks that fall due within a tenth of a second, the highest number against the mean."""

    first_round: float
    after_half_an_hour: float


def bursts(apps: int, seed: int) -> Bursts:
    """Let a pacer run for half an hour; every look takes no time."""
    pacer, now = Pacer(Random(seed)), 0.0
    for app in keys(apps):
        pacer.start(app, now, INTERVAL_S, apps)
    mean, rounds = apps / INTERVAL_S * BURST_S, round(1800 / INTERVAL_S)
    peaks = []
    ticks = round(INTERVAL_S / BURST_S)
    for _ in range(rounds):
        counts = []
        for _ in range(ticks):
            now += BURST_S
            due = pacer.due(now)
            counts.append(len(due))
            for app, due_at in due:
                pacer.again(app, due_at, now, INTERVAL_S, 0.0)
        peaks.append(max(counts) / mean)
    return Bursts(peaks[0], peaks[-1])


# -- what a death costs --------------------------------------------------------------------------


@dataclass(frozen=True)
class Death:
    """One of so many replicas is killed: which share of all apps is looked at late, and how late.

    ``p50_s``, ``p99_s``, ``longest_s``: seconds between two looks of an app of the dead.
    ``more_looks``: looks of a survivor, against those before.
    """

    replicas: int
    late: float
    p50_s: float
    p99_s: float
    longest_s: float
    more_looks: float


def death(replicas: int, shards: int, seed: int) -> Death:
    """Kill a replica; its shards are taken one by one, and their apps looked at.

    A lease was renewed up to a pause before the death. A candidate must have seen it unchanged for
    its whole duration, looks every pause, and begins a margin after it took it; first looks are
    then spread over the interval by the real pacer.
    """
    rng, pace = Random(seed), LeasePace()
    mine = max(1, shards // replicas)
    orphans = APPS // replicas
    gaps = []
    for shard in range(mine):
        seen_until = rng.uniform(-pace.retry_s, 0.0) + rng.uniform(0.0, pace.retry_s)
        taken = seen_until + pace.duration_s + rng.uniform(0.0, pace.retry_s) + pace.margin_s
        pacer = Pacer(rng)
        some = keys(orphans)[shard::mine]
        for app in some:
            pacer.start(app, taken, INTERVAL_S, len(some))
        gaps += [due + rng.uniform(0.0, INTERVAL_S) for _, due in pacer.due(float("inf"))]
    cuts = quantiles(gaps, n=100)
    late = sum(gap > INTERVAL_S + LATE_S for gap in gaps) / APPS
    return Death(replicas, late, cuts[49], cuts[98], max(gaps), replicas / (replicas - 1))
