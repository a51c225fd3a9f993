"""The schema's versions: brought up to date by the writer, checked by whoever only reads.

A new store is made as it is today; only an older one is migrated. So alembic, which is 14 MiB and a
fifth of a second, is loaded where there is something to migrate, and not by every daemon for good.
"""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from autoscaler.history.schema import metadata
from autoscaler.model.errors import HistoryError

NEWEST = "2"
OLDER = frozenset({"1"})
"""Revisions of the migrations: the last one, and those before it."""

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Where alembic keeps the revision of a store."""


class NewerHistoryError(HistoryError):
    """A newer version wrote this store; it is left untouched."""


def migrate(db: Connection, name: str) -> None:
    """Bring the tables up to date.

    Raises:
        NewerHistoryError: they are newer than this program.
    """
    found = _schema(db, name)
    if found is None:
        metadata.create_all(db)
        _version.create(db, checkfirst=True)
        db.execute(insert(_version).values(version_num=NEWEST))
    elif found != NEWEST:
        _upgrade(db)


def check_current(db: Connection, name: str) -> None:
    """Check that the tables are those of this version.

    Raises:
        HistoryError: they are older or newer.
    """
    found = _schema(db, name)
    if found != NEWEST:
        raise HistoryError(
            f"{name} was written by an older version (schema {found}); start this version's"
            " daemon on it once, it brings the tables up to date"
        )


def _upgrade(db: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's own words
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("autoscaler.history") / "migrations"))
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _schema(db: Connection, name: str) -> str | None:
    """Return the schema found; ``None`` for none."""
    if not inspect(db).has_table(_version.name):
        return None
    found: str | None = db.execute(select(_version.c.version_num)).scalar()
    if found is not None and found != NEWEST and found not in OLDER:
        raise NewerHistoryError(
            f"{name} was written by a newer version (schema {found}, this one knows {NEWEST});"
            " upgrade, or give this version a history of its own"
        )
    return found
