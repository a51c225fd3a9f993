"""Places for stores: files, and databases of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autoscaler.history import HistoryStore
from tests.fakes.clock import ManualClock
from tests.fakes.postgres import new_database, postgres
from tests.fakes.stores import Make, make_store

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgres"])
def history_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a place of its own to each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def make_history(history_url: str) -> Make:
    """Make a store at the test's place."""

    def make(clock: ManualClock | None = None, **how: Any) -> HistoryStore:
        return make_store(history_url, clock or ManualClock(), **how)

    return make
