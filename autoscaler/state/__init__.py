"""Durable memory: SQLite by default, volatile where nothing is to be kept."""

from autoscaler.state.codec import revive
from autoscaler.state.lease import FileBoard, FileLease
from autoscaler.state.reign import ReignState
from autoscaler.state.sharded import ShardedState
from autoscaler.state.sqlite import SqliteState, StateLockedError
from autoscaler.state.volatile import VolatileState

__all__ = [
    "FileBoard",
    "FileLease",
    "ReignState",
    "ShardedState",
    "SqliteState",
    "StateLockedError",
    "VolatileState",
    "revive",
]
