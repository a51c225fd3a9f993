"""The file: schemas of every age, damage, locks, a full disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from autoscaler.history import HistoryLockedError, NewerHistoryError, versions
from autoscaler.history import files as module
from autoscaler.history.database import Database
from autoscaler.history.minutes import Minute
from autoscaler.history.packing import pack_event, pack_minute
from autoscaler.history.reading import Reader
from autoscaler.history.rows import Batch, EventRow
from autoscaler.history.schema import metadata
from autoscaler.model.errors import HistoryError
from autoscaler.ports import EventQuery
from tests.fakes.past import A

ENDPOINT = "https://platform"
START = 1_764_000_000.0
MINUTE = Minute(
    int(START // 60), 60.0, 4, 60.0, 120.0, 0.0, 0.0, 3, 30.0, 60.0, 2, 3, 8, 5.0, 4, 0.5, 10.0,
    {"queue": 3},
)  # fmt: skip


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/history.db"


def row(at: float = START, message: str = "m") -> EventRow:
    return EventRow(A, at, "decision", "scale_up", "BelowMinimum", message, lambda: {"count": 1})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(module.__file__).parent / "migrations"))
    return config


REVISIONS = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def old_store(folder: Path, revision: str) -> None:
    """Make a store of an earlier version, with rows in it."""
    engine = create_engine(url(folder))
    with engine.begin() as db:
        config = _config()
        config.attributes["connection"] = db
        command.upgrade(config, revision)
        db.execute(text("INSERT INTO app VALUES (7, :e, 'default', 'a')"), {"e": ENDPOINT})
        event = {"body": pack_event({"count": 2}), "at": START}
        db.execute(
            text("INSERT INTO event VALUES (41, 7, :at, 'decision', 'scale_up', 'R', 'm', :body)"),
            event,
        )
        minute = {"at": MINUTE.at, "body": pack_minute(MINUTE)}
        db.execute(text("INSERT INTO minute VALUES (7, :at, :body)"), minute)
    engine.dispose()


def content(file: Path) -> list[str]:
    with sqlite3.connect(file) as db:
        told = list(db.iterdump())
    db.close()
    return told


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_every_earlier_version_is_read_and_written(
    tmp_path: Path, revision: str
) -> None:
    old_store(tmp_path, revision)
    database = Database(url(tmp_path), ENDPOINT)
    database.write(Batch([row(START + 60)], []))
    database.compact(database.ids, MINUTE.at // 60 + 1)
    reader = Reader(database)
    assert [event.id for event in reader.events(EventQuery(app=A))] == [42, 41]
    assert reader.events(EventQuery(app=A))[1].fields == {"count": 2}
    (sample,) = reader.samples(A, START, START + 60, 10)
    assert (sample.busy, sample.served, sample.desired) == (2.0, 4, 3)
    assert reader.cost(A, START - 3600, START + 7200, None).cost == pytest.approx(0.5)
    database.close()


def test_the_versions_known_are_those_of_the_migrations() -> None:
    newest, *older = REVISIONS
    assert newest == versions.NEWEST
    assert set(older) == versions.OLDER


@pytest.mark.parametrize("revision", [None, *REVISIONS])
def test_a_new_store_and_a_migrated_one_have_the_tables_of_the_schema(
    tmp_path: Path, revision: str | None
) -> None:
    if revision is not None:
        old_store(tmp_path, revision)
    database = Database(url(tmp_path), ENDPOINT)
    found = inspect(database.engine)
    for table in metadata.sorted_tables:
        columns = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
        assert columns == {c.name: bool(c.nullable) for c in table.columns}
        indexes = {i["name"]: i["column_names"] for i in found.get_indexes(table.name)}
        assert indexes == {i.name: [c.name for c in i.columns] for i in table.indexes}
        keys = found.get_pk_constraint(table.name)["constrained_columns"]
        assert keys == [c.name for c in table.primary_key.columns]
    assert set(found.get_table_names()) == {t.name for t in metadata.sorted_tables} | {
        "alembic_version"
    }
    database.close()


def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Database(url(tmp_path), ENDPOINT).close()
    file = tmp_path / "history.db"
    with sqlite3.connect(file) as db:
        db.execute("UPDATE alembic_version SET version_num = '99'")
    db.close()
    before = content(file)
    with pytest.raises(NewerHistoryError, match="schema 99, this one knows 2"):
        Database(url(tmp_path), ENDPOINT)
    assert content(file) == before


@pytest.mark.parametrize("damage", ["garbage", "half"])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: str) -> None:
    database = Database(url(tmp_path), ENDPOINT)
    database.write(Batch([row(message="x" * 500) for _ in range(500)], []))
    database.close()
    file = tmp_path / "history.db"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = file.read_bytes()
    broken = b"no database" * 1000 if damage == "garbage" else content[: len(content) // 2]
    file.write_bytes(broken)
    database = Database(url(tmp_path), ENDPOINT)
    assert database.set_aside == tmp_path / "history.db.corrupt-1"
    assert database.set_aside.read_bytes() == broken
    database.write(Batch([row()], []))
    assert len(Reader(database).events(EventQuery())) == 1
    database.close()


def test_one_process_writes_to_a_file(tmp_path: Path) -> None:
    first = Database(url(tmp_path), ENDPOINT)
    with pytest.raises(HistoryLockedError, match=r"in use by another autoscaler"):
        Database(url(tmp_path), ENDPOINT)
    first.close()
    Database(url(tmp_path), ENDPOINT).close()


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path: Path) -> None:
    database = Database(url(tmp_path), ENDPOINT)
    database.write(Batch([row()], []))
    many = Batch([row(message="x" * 2000) for _ in range(2000)], [(A, MINUTE)])
    with database.engine.connect() as db:
        # kept by this connection alone, which the pool gives out again
        pages = db.execute(text("PRAGMA page_count")).scalar()
        db.execute(text(f"PRAGMA max_page_count = {int(pages or 0) + 10}"))
    with pytest.raises(HistoryError, match="full"):
        database.write(many)
    assert len(Reader(database).events(EventQuery(limit=1000))) == 1
    with database.engine.connect() as db:
        db.execute(text("PRAGMA max_page_count = 1000000"))
    database.write(many)
    assert len(Reader(database).events(EventQuery(limit=5000))) == 2001
    database.close()


def test_a_file_that_somebody_locks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_MS", 50)
    database = Database(url(tmp_path), ENDPOINT)
    other = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="locked"):
        database.write(Batch([row()], []))
    other.execute("ROLLBACK")
    other.close()
    database.write(Batch([row()], []))
    database.close()


def test_a_place_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="file"):
        Database(f"sqlite:///{tmp_path}/file/history.db", ENDPOINT)
    with pytest.raises(HistoryError, match="history postgresql"):
        Database("postgresql+psycopg://u:hunter22@127.0.0.1:1/x", ENDPOINT)


def test_a_password_is_in_no_error() -> None:
    with pytest.raises(HistoryError) as caught:
        Database("postgresql+psycopg://u:hunter22@127.0.0.1:1/x", ENDPOINT)
    assert "hunter22" not in str(caught.value)
    assert "hunter22" not in repr(caught.value.__cause__)


def test_a_minute_that_comes_after_its_hour_was_packed_joins_it(tmp_path: Path) -> None:
    database = Database(url(tmp_path), ENDPOINT)
    hour = MINUTE.at // 60
    database.write(Batch([], [(A, MINUTE)]))
    database.compact(database.ids, hour + 1)
    database.write(Batch([], [(A, MINUTE._replace(at=MINUTE.at + 1))]))
    database.compact(database.ids, hour + 1)
    reader = Reader(database)
    assert len(reader.samples(A, START, START + 120, 10)) == 2
    assert reader.cost(A, hour * 3600, hour * 3600 + 3600, None).cost == pytest.approx(1.0)
    database.close()


def test_a_damaged_row_is_said(tmp_path: Path) -> None:
    database = Database(url(tmp_path), ENDPOINT)
    database.write(Batch([row()], [(A, MINUTE)]))
    with database.engine.begin() as db:
        db.execute(text("UPDATE event SET body = x'00'"))
        db.execute(text("UPDATE minute SET body = x'00'"))
    with pytest.raises(HistoryError, match="event 1"):
        Reader(database).events(EventQuery())
    with pytest.raises(HistoryError, match="a minute cannot be read"):
        Reader(database).samples(A, START, START + 60, 5)
    database.close()
