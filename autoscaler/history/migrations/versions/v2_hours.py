"""Finished hours in one row each, and their sums.

A month of minutes took several times the space, and adding up what it cost meant unpacking it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add the tables; minutes that are there move into it as their turn comes."""
    op.create_table(
        "hour",
        sa.Column("app_id", sa.Integer, sa.ForeignKey("app.id"), primary_key=True),
        sa.Column("at", sa.Integer, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    sums = ("seen_s", "worker_s", "busy_s", "cost", "always_max", "per_worker")
    op.create_table(
        "spend",
        sa.Column("app_id", sa.Integer, sa.ForeignKey("app.id"), primary_key=True),
        sa.Column("at", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Float, nullable=False) for name in sums),
        sa.Column("workers_max", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
