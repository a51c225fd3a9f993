"""What is to be written, before it is packed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autoscaler.history.minutes import Minute
from autoscaler.model import AppKey

Fields = Callable[[], Mapping[str, Any]]
"""Tells an event's fields, ready for JSON."""

PLATFORM = AppKey("", "")
"""Stands for the platform as a whole."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event to be written; ``fields`` are told and packed in the writer's thread."""

    app: AppKey
    at: float
    kind: str
    action: str
    reason: str
    message: str
    fields: Fields

    def columns(self) -> dict[str, Any]:
        """Return what the row's columns hold, by the names that a decision's fields have."""
        return told_by_columns(self.app, self.at, self.action, self.reason, self.message)


def told_by_columns(
    app: AppKey, at: float, action: str, reason: str, message: str
) -> dict[str, Any]:
    """Return what columns tell of an event, by the names that a decision's fields have."""
    return {
        "namespace": app.namespace,
        "app": app.name,
        "at_epoch_s": at,
        "action": action,
        "reason": reason,
        "message": message,
    }


@dataclass(slots=True)
class Batch:
    """What is written in one transaction."""

    events: list[EventRow] = field(default_factory=list)
    minutes: list[tuple[AppKey, Minute]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events) + len(self.minutes)
