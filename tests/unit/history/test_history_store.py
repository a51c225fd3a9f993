"""Written behind: nothing waits, what fails is kept and said once."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from autoscaler.history import files, store
from autoscaler.history.store import HistoryStore
from autoscaler.model.errors import HistoryError
from autoscaler.ports import EventQuery
from tests.fakes.clock import T0, ManualClock
from tests.fakes.past import decision, look
from tests.fakes.stores import make_store


class Place:
    """A store in a folder, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "history.db"
        self.said: list[str] = []
        self.clock = ManualClock()

    def store(self) -> HistoryStore:
        return make_store(f"sqlite:///{self.file}", self.clock, said=self.said)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_nothing_is_opened_before_the_first_write(place: Place) -> None:
    kept = place.store()
    assert not place.file.exists()
    await kept.flush()
    assert place.file.exists()
    await kept.close()


async def test_a_failing_store_keeps_what_it_is_told_and_catches_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_MS", 20)
    kept = place.store()
    await kept.flush()
    other = sqlite3.connect(place.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for n in range(3):
        kept.recorder.decided(decision(T0 + n, up=1))
        await kept.flush()
    assert (kept.failing, kept.backlog, kept.written) == (True, 3, 0)
    assert len(place.said) == 1
    assert "locked" in place.said[0]
    health = await kept.health()
    assert (health.writing, health.backlog) == (False, 3)
    other.execute("ROLLBACK")
    other.close()
    await kept.flush()
    assert (kept.failing, kept.backlog, kept.written, kept.lost) == (False, 0, 3, 0)
    assert place.said[1] == "history is written again; 0 rows were lost"
    assert len(await kept.events(EventQuery())) == 3
    await kept.close()


async def test_memory_is_bounded_and_the_oldest_goes_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BACKLOG_MAX", 10)
    place.file.mkdir()
    kept = place.store()
    for n in range(30):
        kept.recorder.decided(decision(T0 + n, up=1))
        await kept.flush()
    assert (kept.backlog, kept.lost) == (10, 20)
    place.file.rmdir()
    place.clock.jump(store.REOPEN_S)
    await kept.flush()
    assert kept.written == 10
    assert "20 rows were lost" in place.said[-1]
    await kept.close()


async def test_a_store_in_use_is_taken_over_when_the_other_ends(place: Place) -> None:
    first, second = place.store(), place.store()
    await first.flush()
    second.recorder.decided(decision(T0, up=1))
    await second.flush()
    assert "in use by another autoscaler" in place.said[0]
    with pytest.raises(HistoryError, match="in use by another"):
        await second.events(EventQuery())
    await first.close()
    await second.flush()
    assert second.failing, "it is tried again after a while, not at each turn"
    place.clock.jump(store.REOPEN_S)
    assert len(await second.events(EventQuery())) == 1
    await second.close()


async def test_a_row_that_cannot_be_packed_blocks_no_other(place: Place) -> None:
    def broken(_: object) -> dict[str, object]:
        raise RuntimeError("a bug")

    kept = place.store()
    kept.recorder._describe = broken  # a fault of ours
    kept.recorder.decided(decision(T0, up=1))
    await kept.flush()
    assert (kept.failing, kept.lost) == (True, 1)
    kept.recorder.raced(decision(T0).app, "w1")
    await kept.flush()
    assert (kept.failing, kept.written) == (False, 1)
    await kept.close()


async def test_the_end_writes_the_minute_under_way(place: Place) -> None:
    kept = place.store()
    kept.recorder.observed(look(T0, free=1))
    kept.recorder.observed(look(T0 + 10, free=1))
    await kept.close()
    again = place.store()
    samples = await again.samples(decision(T0).app, T0 - 60, T0 + 60)
    assert sum(sample.seen_s for sample in samples) == 10
    await again.close()


async def test_an_app_that_left_has_its_last_minute(place: Place) -> None:
    kept = place.store()
    app = decision(T0).app
    kept.recorder.observed(look(T0, free=1))
    kept.recorder.observed(look(T0 + 10, free=1))
    kept.recorder.forget(app)
    assert len(await kept.samples(app, T0 - 60, T0 + 60)) == 1
    await kept.close()


async def test_a_replica_that_stands_by_leaves_the_store_to_another(place: Place) -> None:
    first, second = place.store(), place.store()
    first.recorder.decided(decision(T0, up=1))
    await first.flush()
    first.recorder.decided(decision(T0 + 1, up=1))
    await first.let_go()
    second.recorder.decided(decision(T0 + 2, up=1))
    await second.flush()
    assert place.said == []
    assert len(await second.events(EventQuery())) == 3
    with pytest.raises(HistoryError, match="not open"):
        await first.events(EventQuery())
    await second.close()
    await first.flush()
    assert len(await first.events(EventQuery())) == 3
    await first.close()


async def test_questions_and_writes_side_by_side(place: Place) -> None:
    kept = place.store()

    async def write() -> None:
        for n in range(50):
            kept.recorder.decided(decision(T0 + n, up=1))
            await kept.flush()

    async def ask() -> int:
        return len([await kept.events(EventQuery()) for _ in range(30)])

    await asyncio.gather(write(), ask(), ask())
    assert len(await kept.events(EventQuery())) == 50
    await kept.close()
