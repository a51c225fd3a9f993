"""The schema's versions: brought up to date by the writer, checked by whoever only reads."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from autoscaler.model.errors import HistoryError


class NewerHistoryError(HistoryError):
    """A newer version wrote this store; it is left untouched."""


def migrate(db: Connection, name: str) -> None:
    """Bring the tables up to date.

    Raises:
        NewerHistoryError: they are newer than this program.
    """
    config = _alembic()
    config.attributes["connection"] = db
    if _schema(db, config, name) != _newest(config):
        command.upgrade(config, "head")


def check_current(db: Connection, name: str) -> None:
    """Check that the tables are those of this version.

    Raises:
        HistoryError: they are older or newer.
    """
    config = _alembic()
    found = _schema(db, config, name)
    if found != _newest(config):
        raise HistoryError(
            f"{name} was written by an older version (schema {found}); start this version's"
            " daemon on it once, it brings the tables up to date"
        )


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("autoscaler.history") / "migrations"))
    return config


def _newest(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()


def _schema(db: Connection, config: Config, name: str) -> str | None:
    """Return the schema found; ``None`` for none."""
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(db).get_current_revision()
    if found is not None and found not in {one.revision for one in scripts.walk_revisions()}:
        raise NewerHistoryError(
            f"{name} was written by a newer version (schema {found}, this one knows "
            f"{_newest(config)}); upgrade, or give this version a history of its own"
        )
    return found
