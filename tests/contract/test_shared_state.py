"""The shared store over a real PostgreSQL: who may write, and what a new owner believes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import make_url

from autoscaler.app.clock import SystemClock
from autoscaler.decision import AppMemory
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import Term, Trust
from autoscaler.state import ReignState, ShardedState
from autoscaler.state.postgres import Part, PostgresState, StateDatabase
from tests.fakes.clock import ManualClock
from tests.fakes.postgres import new_database

A, B = AppKey("default", "a"), AppKey("team", "b")
ONE, TWO = AppMemory(signal_failures=1), AppMemory(signal_failures=2)
DOUBT_S = 60.0
PART = Part(0, 4)


@dataclass(slots=True)
class Place:
    """A database, and stores over it, each with a connection of its own as a replica has."""

    address: str
    clock: ManualClock = field(default_factory=ManualClock)
    open: list[StateDatabase] = field(default_factory=list)

    def store(
        self, *, part: Part = PART, endpoint: str = "https://platform", fresh_s: float = 30.0
    ) -> PostgresState:
        database = StateDatabase(make_url(self.address), SystemClock())
        self.open.append(database)
        return PostgresState(
            database, endpoint, part=part, clock=self.clock, doubt_s=DOUBT_S, fresh_s=fresh_s
        )

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.address.replace("+psycopg", ""), autocommit=True) as db:
            done = db.execute(statement.encode())
            return done.fetchall() if done.description else []

    async def proven(self, part: Part = PART, *, number: int = 1) -> PostgresState:
        """Return a store that has led for long enough to be believed, with a memory of A."""
        store = self.store(part=part)
        await store.begin(Term("lease", number))
        await store.write_intent(A, ONE)
        self.clock.jump(DOUBT_S + 1)
        await store.flush()
        return store


@pytest.fixture
async def place(postgres: str) -> AsyncIterator[Place]:
    place = Place(new_database(postgres))
    yield place
    for database in place.open:
        database.close()


async def test_the_next_term_believes_what_the_term_before_wrote(place: Place) -> None:
    first = await place.proven()
    await first.close()
    second = place.store()
    assert await second.begin(Term("lease", 2))
    assert (second.trust, await second.load(A)) == (Trust.WHOLE, ONE)


async def test_a_store_closed_in_order_is_believed_however_late(place: Place) -> None:
    await (await place.proven()).close()
    place.sql("UPDATE autoscaler_reign SET seen_at = now() - interval '1 day'")
    assert await place.store().begin(Term("lease", 2))


async def test_after_a_crash_only_a_writer_seen_lately_is_believed(place: Place) -> None:
    await place.proven()
    assert await place.store().begin(Term("lease", 2))
    place.sql("UPDATE autoscaler_reign SET seen_at = now() - interval '31 seconds'")
    third = place.store()
    assert not await third.begin(Term("lease", 3))
    assert (third.trust, await third.load(A)) == (Trust.LOST, None)


@pytest.mark.parametrize("term", [Term("lease", 3), Term("another", 2)])
async def test_any_other_term_believes_nothing(place: Place, term: Term) -> None:
    await (await place.proven()).close()
    other = place.store()
    assert not await other.begin(term)
    assert (other.trust, await other.load(A)) == (Trust.LOST, None)


async def test_a_term_that_began_in_doubt_is_no_proof_until_the_doubt_is_over(place: Place) -> None:
    first = place.store()
    await first.begin(Term("lease", 1))
    await first.write_intent(A, ONE)
    await first.flush()
    await first.close()
    assert not await place.store().begin(Term("lease", 2))


async def test_who_was_followed_writes_nothing_any_more(place: Place) -> None:
    first = await place.proven()
    second = place.store()
    await second.begin(Term("lease", 2))
    await second.write_intent(A, TWO)
    with pytest.raises(StateError, match="another replica writes"):
        await first.write_intent(A, ONE)
    first.checkpoint(B, ONE)
    with pytest.raises(StateError, match="another replica writes"):
        await first.flush()
    with pytest.raises(StateError, match="another replica writes"):
        await first.forget(A)
    assert await second.load(A) == TWO
    assert await second.load(B) is None
    with pytest.raises(StateError):
        await first.close()
    await second.close()
    assert await place.store().begin(Term("lease", 3)), "its end is no sign of another's"


async def test_who_was_asleep_does_not_open_it_again_for_an_older_term(place: Place) -> None:
    second = place.store()
    await second.begin(Term("lease", 2))
    with pytest.raises(StateError, match="another replica writes"):
        await place.store().begin(Term("lease", 1))
    await second.write_intent(A, TWO)
    assert await second.load(A) == TWO


async def test_parts_and_endpoints_are_apart(place: Place) -> None:
    await (await place.proven()).close()
    other = place.store(part=Part(1, 4))
    assert not await other.begin(Term("other", 2))
    assert await other.load(A) is None
    elsewhere = place.store(endpoint="https://elsewhere")
    assert not await elsewhere.begin(Term("lease", 2))
    assert await elsewhere.load(A) is None
    again = place.store()
    assert await again.begin(Term("lease", 2))
    assert await again.load(A) == ONE


async def test_what_was_split_otherwise_is_never_believed_again(place: Place) -> None:
    await (await place.proven()).close()
    other = place.store(part=Part(3, 5))
    await other.begin(Term("other", 1))
    again = place.store()
    assert not await again.begin(Term("lease", 2)), "meanwhile others acted for these apps"


async def test_alone_it_believes_whoever_wrote_before(place: Place) -> None:
    first = place.store(part=Part())
    assert not await first.begin(None)
    assert first.trust is Trust.NEW
    await first.write_intent(A, ONE)
    await first.flush()
    second = place.store(part=Part())
    assert await second.begin(None)
    assert await second.load(A) == ONE
    with pytest.raises(StateError):
        await first.write_intent(A, TWO)


async def test_a_newer_schema_is_left_alone(place: Place) -> None:
    await place.proven()
    place.sql("UPDATE autoscaler_state_version SET version = 99")
    with pytest.raises(StateError, match="newer version"):
        await place.store().begin(Term("lease", 2))


async def test_many_replicas_make_the_tables_at_once(place: Place) -> None:
    stores = [place.store(part=Part(index, 8)) for index in range(8)]
    await asyncio.gather(*(store.begin(Term("lease", 1)) for store in stores))
    assert place.sql("SELECT version FROM autoscaler_state_version") == [(1,)]


async def test_no_word_of_the_password(postgres: str) -> None:
    parts = urlsplit(postgres)
    url = make_url(f"postgresql+psycopg://test:hunter2@{parts.hostname}:{parts.port}/missing")
    database = StateDatabase(url, SystemClock())
    store = PostgresState(database, "https://platform", clock=SystemClock())
    with pytest.raises(StateError, match='"missing" does not exist') as caught:
        await store.begin(None)
    assert "hunter2" not in f"{caught.value!r} {database.name} {database!r}"
    database.close()


async def test_a_database_that_comes_later_is_used_from_then_on(place: Place) -> None:
    opened: list[PostgresState] = []

    def opens() -> PostgresState:
        opened.append(place.store())
        return opened[-1]

    state = ReignState(opens, path=None, clock=place.clock, doubt_s=DOUBT_S)
    name = place.address.rpartition("/")[2]
    server = Place(place.address.rpartition("/")[0] + "/postgres")
    server.sql(f"ALTER DATABASE {name} RENAME TO {name}_away")
    with pytest.raises(StateError):
        await state.open(Term("lease", 1))
    assert state.trust is Trust.LOST
    await state.write_intent(A, ONE)
    with pytest.raises(StateError):
        await state.flush()
    server.sql(f"ALTER DATABASE {name}_away RENAME TO {name}")
    await state.flush()
    await state.write_intent(B, TWO)
    place.clock.jump(DOUBT_S + 1)
    await state.close()
    second = place.store()
    assert await second.begin(Term("lease", 2))
    assert (await second.load(A), await second.load(B)) == (ONE, TWO)


async def test_shards_have_stores_of_their_own(place: Place) -> None:
    def opens(index: int) -> Callable[[], PostgresState]:
        return lambda: place.store(part=Part(index, 2))

    parts = [ReignState(opens(i), path=None, clock=place.clock, doubt_s=DOUBT_S) for i in range(2)]
    state = ShardedState(parts, lambda app: 0 if app == A else 1)
    await parts[0].open(Term("lease", 1))
    await state.write_intent(A, ONE)
    state.checkpoint(B, TWO)
    with pytest.raises(StateError, match="does not lead"):
        await state.write_intent(B, TWO)
    assert (state.trust_of(A), state.trust_of(B), state.trust) == (Trust.LOST,) * 3
    place.clock.jump(DOUBT_S + 1)
    await state.close()
    await parts[0].open(Term("lease", 2))
    assert (state.trust_of(A), state.trust) == (Trust.WHOLE, Trust.WHOLE)
    assert await state.load(A) == ONE
