"""The tables of one platform, as readers and the writer see them."""

from __future__ import annotations

from sqlalchemy import URL, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from autoscaler.history.files import make_engine, words_of
from autoscaler.history.rows import PLATFORM
from autoscaler.history.schema import apps
from autoscaler.history.versions import check_current
from autoscaler.model import AppKey
from autoscaler.model.errors import HistoryError


class Tables:
    """Whose rows are whose.

    Attributes:
        engine: connections to the store. endpoint: address of the platform whose rows are seen.
    """

    def __init__(self, url: URL, engine: Engine, endpoint: str, ids: dict[AppKey, int]) -> None:
        self._url = url
        self.engine = engine
        self.endpoint = endpoint
        self._ids = ids

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a file."""
        return self._url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        """Name the store without its password."""
        return f"history {self._url.render_as_string(hide_password=True)}"

    def id_of(self, app: AppKey) -> int | None:
        """Return the id of an app that has rows."""
        return self._ids.get(app)

    def name_of(self, app_id: int) -> AppKey | None:
        """Return whose id it is; ``None`` for the platform as a whole."""
        found = next((app for app, known in self._ids.items() if known == app_id), PLATFORM)
        return None if found == PLATFORM else found

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids of this endpoint."""
        return tuple(self._ids.values())

    def close(self) -> None:
        """Let go of the store."""
        self.engine.dispose()


def open_beside(url: URL, endpoint: str) -> Tables:
    """Open a store only to read it, as it is, while a daemon may be writing to it.

    Without an endpoint it must be of one platform only.

    Raises:
        HistoryError: it cannot be read, or its tables are not those of this version.
    """
    tables = Tables(url, make_engine(url), endpoint, {})
    try:
        with tables.engine.connect() as db:
            check_current(db, str(tables))
            known = list(db.execute(select(apps)))
    except (SQLAlchemyError, OSError) as error:
        tables.close()
        raise HistoryError(f"{tables}: {words_of(error)}") from error
    endpoints = sorted({row.endpoint for row in known})
    if not endpoint and len(endpoints) > 1:
        told = ", ".join(endpoints)
        raise HistoryError(f"{tables} is of several platforms: {told}; say which")
    seen = endpoint or "".join(endpoints)
    ids = {AppKey(row.namespace, row.name): row.id for row in known if row.endpoint == seen}
    return Tables(url, tables.engine, seen, ids)
