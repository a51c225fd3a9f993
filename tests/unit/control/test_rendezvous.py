"""Whose each shard shall be: even, stable, and the same wherever it is worked out."""

from __future__ import annotations

from collections import Counter
from random import Random  # noqa: TID251 - the type of a seeded instance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.control.rendezvous import shard_of, spread, weight
from autoscaler.model import AppKey

NAMES = st.sets(st.text("abcdef0123456789", min_size=3, max_size=12), min_size=1, max_size=9)


def test_an_app_is_in_the_same_shard_for_ever() -> None:
    """Another value would let two versions act for one app."""
    apps = [AppKey("default", "sd15"), AppKey("team", "sd15"), AppKey("default", "llama")]
    assert [shard_of(app, 12) for app in apps] == [11, 0, 4]
    assert {shard_of(app, 1) for app in apps} == {0}


def test_apps_are_spread_evenly_over_shards() -> None:
    counts = Counter(shard_of(AppKey("default", f"app-{n}"), 12) for n in range(12_000))
    assert len(counts) == 12
    assert min(counts.values()) > 850
    assert max(counts.values()) < 1150


@given(st.integers(1, 40), NAMES)
def test_every_shard_is_somebodys_and_nobody_has_two_more(shards: int, replicas: set[str]) -> None:
    wanted = spread(shards, replicas, {})
    assert sorted(wanted) == list(range(shards))
    counts = Counter(wanted.values())
    assert {counts[each] for each in replicas} <= {
        shards // len(replicas),
        -(-shards // len(replicas)),
    }


@given(st.integers(1, 40), NAMES, st.randoms(use_true_random=False))
def test_what_is_as_it_should_be_stays(shards: int, replicas: set[str], rng: Random) -> None:
    wanted = spread(shards, replicas, {})
    order = list(replicas)
    rng.shuffle(order)
    assert spread(shards, order, wanted) == wanted


@given(st.integers(1, 40), NAMES)
def test_one_that_leaves_moves_only_its_own(shards: int, replicas: set[str]) -> None:
    before = spread(shards, replicas, {})
    gone = min(replicas)
    after = spread(shards, replicas - {gone}, before)
    if len(replicas) == 1:
        assert after == {}
        return
    moved = {shard for shard in before if before[shard] != after[shard]}
    assert moved == {shard for shard, replica in before.items() if replica == gone}


@given(st.integers(1, 40), NAMES)
def test_one_that_comes_takes_only_its_share(shards: int, replicas: set[str]) -> None:
    before = spread(shards, replicas, {})
    after = spread(shards, replicas | {"new"}, before)
    moved = [shard for shard in before if before[shard] != after[shard]]
    assert {after[shard] for shard in moved} <= {"new"}
    assert len(moved) == shards // (len(replicas) + 1)


def test_a_holder_that_does_not_live_does_not_count() -> None:
    assert set(spread(4, ["a"], {0: "dead", 1: "a", 9: "a"}).values()) == {"a"}
    assert spread(4, [], {0: "a"}) == {}


def test_a_free_shard_goes_where_it_is_drawn_to() -> None:
    wanted = spread(1, ["a", "b", "c"], {})
    assert wanted[0] == max("abc", key=lambda name: weight(0, name))


@pytest.mark.parametrize("shards", [3, 12, 64])
def test_more_than_it_may_have_goes_away_least_wanted_first(shards: int) -> None:
    after = spread(shards, ["a", "b"], dict.fromkeys(range(shards), "a"))
    kept = [weight(shard, "a") for shard in after if after[shard] == "a"]
    given_up = [weight(shard, "a") for shard in after if after[shard] == "b"]
    assert min(kept) > max(given_up)
