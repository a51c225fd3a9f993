"""Replicas that share shards, in virtual time: never two for an app, and all shards owned again."""

from __future__ import annotations

import pytest

from autoscaler.control.board import Board
from autoscaler.control.election import Elector
from autoscaler.control.shards import Shards
from tests.simulation.shard_world import change_of_mind, run_world


@pytest.mark.parametrize("seed", range(40))
def test_never_two_actors_and_every_shard_is_owned_again(seed: int) -> None:
    world, owned = run_world(seed)
    assert world.broken() == ""
    assert sum(map(len, world.sent.values())) > 1000
    (count,) = world.counts
    assert sum(owned.values()) == count
    assert max(owned.values()) - min(owned.values()) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_replicas_that_do_not_agree_on_the_number_never_act_for_the_same_app(seed: int) -> None:
    world, _ = run_world(seed, (4, 6))
    assert world.broken() == ""
    assert sum(map(len, world.sent.values())) > 300


async def _admit(_: Shards) -> bool:
    return True


def _yes(_: Shards) -> bool:
    return True


def _no_wait(_: Elector, __: object) -> float:
    return 0.0


def _forget_nothing(board: Board, name: str, _: float) -> str:
    lease = board.leases.get(name)
    return "" if lease is None else lease.record.holder


@pytest.mark.parametrize("seed", range(10))
def test_a_single_leader_and_shards_never_act_at_the_same_time(seed: int) -> None:
    """Replicas are replaced by one that knows no shards, and back again."""
    assert change_of_mind(seed) == (["single", "shards", "single"], "")


@pytest.mark.parametrize(
    ("owner", "name", "broken", "counts"),
    [
        (Elector, "_wait_s", _no_wait, ()),
        (Shards, "_admit", _admit, (4, 6)),
        (Shards, "_is_clear", _yes, (4, 6)),
    ],
    ids=["a new owner does not wait", "no second look", "another number is overlooked"],
)
def test_the_world_sees_a_broken_guard(
    owner: type, name: str, broken: object, counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, broken)
    assert any(run_world(seed, counts)[0].broken() for seed in range(60))


def test_the_world_sees_that_the_dead_keep_their_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Board, "live", _forget_nothing)
    ends = [run_world(seed) for seed in range(10)]
    assert any(sum(owned.values()) < world.counts[0] for world, owned in ends)
