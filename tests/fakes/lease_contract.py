"""What every LeaseStore does: one suite, run over each implementation."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from autoscaler.model.errors import LeaseTaken
from autoscaler.ports import LeaseBoard, LeaseRecord, LeaseStore

RECORD = LeaseRecord("pod-0_ab", 15.0, 1, 1_764_000_000.25, 1_764_000_001.5)


class LeaseContract:
    """Subclass it with fixtures ``store`` and ``other``: two connections to one new lease."""

    async def test_there_is_none_at_first(self, store: LeaseStore) -> None:
        assert await store.read() is None

    async def test_what_was_written_is_read(self, store: LeaseStore, other: LeaseStore) -> None:
        written = await store.write(RECORD, None)
        assert written.record == RECORD
        assert await store.read() == written
        assert await other.read() == written

    async def test_a_new_version_keeps_the_id(self, store: LeaseStore) -> None:
        first = await store.write(RECORD, None)
        second = await store.write(replace(RECORD, renewed_at=1_764_000_003.5), first)
        assert (second.id, second.version != first.version) == (first.id, True)
        assert await store.read() == second

    async def test_two_cannot_make_it(self, store: LeaseStore, other: LeaseStore) -> None:
        await store.write(RECORD, None)
        with pytest.raises(LeaseTaken):
            await other.write(RECORD, None)

    async def test_a_version_is_written_over_once(
        self, store: LeaseStore, other: LeaseStore
    ) -> None:
        first = await store.write(RECORD, None)
        assert await other.read() == first
        mine = await store.write(replace(RECORD, number=2), first)
        with pytest.raises(LeaseTaken):
            await other.write(replace(RECORD, holder="pod-1_cd", number=2), first)
        assert await other.read() == mine

    async def test_an_empty_holder_is_kept(self, store: LeaseStore) -> None:
        first = await store.write(RECORD, None)
        await store.write(replace(RECORD, holder="", duration_s=1.0), first)
        read = await store.read()
        assert read is not None
        assert (read.record.holder, read.record.duration_s) == ("", 1.0)

    async def test_one_of_many_writers_wins(self, store: LeaseStore, other: LeaseStore) -> None:
        lease = await store.write(RECORD, None)
        await other.read()
        for number in range(2, 12):
            names = [f"pod-{index}" for index in range(2)]
            results = await asyncio.gather(
                *(
                    each.write(replace(RECORD, holder=name, number=number), lease)
                    for each, name in zip((store, other), names, strict=True)
                ),
                return_exceptions=True,
            )
            won = [result for result in results if not isinstance(result, BaseException)]
            lost = [result for result in results if isinstance(result, LeaseTaken)]
            assert (len(won), len(lost)) == (1, 1)
            lease = won[0]
            assert await store.read() == await other.read() == lease


class BoardContract:
    """Subclass it with fixtures ``board`` and ``other``: two connections to one empty board."""

    async def test_there_are_none_at_first(self, board: LeaseBoard) -> None:
        assert await board.list() == {}

    async def test_what_was_written_is_listed_by_its_name(
        self, board: LeaseBoard, other: LeaseBoard
    ) -> None:
        one = await board.lease("auto-1").write(RECORD, None)
        two = await other.lease("auto-2").write(replace(RECORD, holder=""), None)
        assert await board.list() == await other.list() == {"auto-1": one, "auto-2": two}

    async def test_what_was_listed_can_be_written_over_once(
        self, board: LeaseBoard, other: LeaseBoard
    ) -> None:
        await other.lease("auto-1").write(RECORD, None)
        listed = (await board.list())["auto-1"]
        mine = await board.lease("auto-1").write(replace(RECORD, number=2), listed)
        with pytest.raises(LeaseTaken):
            await other.lease("auto-1").write(replace(RECORD, number=3), listed)
        assert await other.list() == {"auto-1": mine}
