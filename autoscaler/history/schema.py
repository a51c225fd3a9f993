"""The tables, the same in SQLite and PostgreSQL. A change here needs a migration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_BIG = BigInteger().with_variant(Integer, "sqlite")

apps = Table(
    "app",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("endpoint", String(512), nullable=False),
    Column("namespace", String(256), nullable=False),
    Column("name", String(256), nullable=False),
    UniqueConstraint("endpoint", "namespace", "name"),
)
"""Who rows belong to; namespace and name are empty for the platform as a whole."""

events = Table(
    "event",
    metadata,
    Column("id", _BIG, primary_key=True, autoincrement=True),
    Column("app_id", Integer, ForeignKey("app.id"), nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("message", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("event_of_app", "app_id", "id"),
    sqlite_autoincrement=True,
)
"""Ids are never used twice, since they are cursors; they grow with time, so that one index serves
paging, retention and "at that moment" alike. ``at``: epoch seconds. ``body``: what the columns
before it do not tell."""

minutes = Table(
    "minute",
    metadata,
    Column("app_id", Integer, ForeignKey("app.id"), primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""``at``: epoch minutes. Here until their hour is over."""

hours = Table(
    "hour",
    metadata,
    Column("app_id", Integer, ForeignKey("app.id"), primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""``at``: epoch hours."""

spend = Table(
    "spend",
    metadata,
    Column("app_id", Integer, ForeignKey("app.id"), primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("seen_s", Float, nullable=False),
    Column("worker_s", Float, nullable=False),
    Column("busy_s", Float, nullable=False),
    Column("cost", Float, nullable=False),
    Column("always_max", Float, nullable=False),
    Column("per_worker", Float, nullable=False),
    Column("workers_max", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""An hour's sums, so that a month of all apps adds up without unpacking it. ``always_max``: what
the maximum would have cost; ``per_worker``: what one worker would have."""
