"""The tables of the shared store. Another shape needs another version, and a way there."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = 1

metadata = MetaData()

versions = Table("autoscaler_state_version", metadata, Column("version", Integer, primary_key=True))

memories = Table(
    "autoscaler_memory",
    metadata,
    Column("endpoint", String(512), primary_key=True),
    Column("namespace", String(256), primary_key=True),
    Column("app", String(256), primary_key=True),
    Column("part", Integer, nullable=False),
    Column("shards", Integer, nullable=False),
    Column("row", LargeBinary, nullable=False),
)
"""What is remembered of each app, and as which part of how many it was written."""

reigns = Table(
    "autoscaler_reign",
    metadata,
    Column("endpoint", String(512), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("shards", Integer, primary_key=True),
    Column("writer", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)
"""Per part: the term that may write; the one whose memory this is, if it may be believed; whether
it was closed in order; and when its writer had last written everything."""
