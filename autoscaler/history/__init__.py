"""What happened, kept: minutes and events per app, in SQLite or PostgreSQL, written behind.

``recorder`` turns reports into ``rows``, ``minutes`` adds up what lists tell, ``packing`` makes
them small; ``schema``, ``migrations`` and ``versions`` say what the tables are; ``database`` writes
them, ``reading`` asks them; ``store`` ties it together for the daemon.
"""

from autoscaler.history.files import HistoryLockedError
from autoscaler.history.store import HistoryStore, Retention
from autoscaler.history.versions import NewerHistoryError

__all__ = ["HistoryLockedError", "HistoryStore", "NewerHistoryError", "Retention"]
