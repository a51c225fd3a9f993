"""What an app remembers for its ``events`` and ``request_statistic`` calls, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Literal, NamedTuple

_KEEP_LINES = 200
_KEEP_HOURS = 31 * 24
_COLUMNS = {"arrived": 0, "served": 1, "failed": 2}


class Line(NamedTuple):
    """One event. ``at``: epoch seconds. ``source``: which part of the platform says so."""

    at: float
    kind: str
    message: str
    source: str


class Journal:
    """The latest events, and requests counted by the hour.

    Attributes:
        lines: the latest events, oldest first.
        hourly: by hour since the epoch: requests arrived, served, failed.
    """

    def __init__(self) -> None:
        self.lines: deque[Line] = deque(maxlen=_KEEP_LINES)
        self.hourly: OrderedDict[int, list[int]] = OrderedDict()

    def say(self, at: float, message: str, source: str, *, kind: str = "NORMAL") -> None:
        """Note an event at ``at`` (epoch seconds)."""
        self.lines.append(Line(at, kind, message, source))

    def tally(self, at: float, what: Literal["arrived", "served", "failed"]) -> None:
        """Count one request in the hour of ``at`` (epoch seconds)."""
        hour = int(at // 3600)
        if hour not in self.hourly:
            self.hourly[hour] = [0, 0, 0]
            if len(self.hourly) > _KEEP_HOURS:
                self.hourly.popitem(last=False)
        self.hourly[hour][_COLUMNS[what]] += 1
