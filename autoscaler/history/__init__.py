"""What happened, kept: minutes and events per app, in SQLite or PostgreSQL, written behind.

``recorder`` turns reports into rows, ``minutes`` adds up what lists tell, ``packing`` makes rows
small, ``schema`` and ``migrations`` say what the tables are, ``database`` opens and writes them,
``reading`` asks them, ``store`` ties it together for the daemon.
"""

from autoscaler.history.database import HistoryLockedError, NewerHistoryError
from autoscaler.history.store import HistoryStore, Retention

__all__ = ["HistoryLockedError", "HistoryStore", "NewerHistoryError", "Retention"]
