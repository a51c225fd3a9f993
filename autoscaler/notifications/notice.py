"""One thing to tell: what happened, to which app, how bad it is, in words and as fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from autoscaler.decision.interventions import words
from autoscaler.model import AppKey, Decision, Intervention, Reason, ScaleDown, ScaleUp
from autoscaler.ports import Outcome
from autoscaler.telemetry.serialize import intervention_fields


class Event(StrEnum):
    """The kinds of things that are told."""

    BEGAN = "began"
    """Trouble has lasted for so long that it is told."""
    ENDED = "ended"
    """Trouble that was told is over."""
    SCALED = "scaled"
    """A scale request was carried out."""
    FAILED = "failed"
    """A scale request was refused, or nobody knows what came of it."""
    RACED = "raced"
    """A removal met a serving worker."""
    BY_HAND = "by_hand"
    """A person ordered something, or that order ended."""
    TEST = "test"
    """A trial message."""


class Severity(IntEnum):
    """How bad it is; a higher one is worse."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


_CRITICAL = frozenset(
    {
        Reason.PLATFORM_UNREACHABLE,
        Reason.UNAUTHORIZED,
        Reason.FORBIDDEN,
        Reason.APP_NOT_FOUND,
        Reason.INTERNAL_ERROR,
        Reason.CRASH_LOOP,
    }
)
"""Trouble that stops an app and does not pass by itself, or stops all."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    Attributes:
        app: of which app; ``None`` for a trial. at: our clock, epoch seconds.
        reason: a reason's code, or empty. text: one sentence, without the app's name.
        fields: more for machines, JSON types only.
    """

    event: Event
    severity: Severity
    app: AppKey | None
    at: float
    reason: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[Event, AppKey | None, str]:
        """What makes two of them the same, for whoever does not want to be told twice."""
        return (self.event, self.app, self.reason)


def began(decision: Decision, since: float) -> Notice:
    """Trouble that began at ``since`` (epoch seconds) and lasts."""
    bad = decision.reason in _CRITICAL
    return Notice(
        Event.BEGAN,
        Severity.CRITICAL if bad else Severity.WARNING,
        decision.app,
        decision.at,
        decision.reason.value,
        f"{decision.message} (for {max(0.0, decision.at - since):.0f} s)",
        {"since": since, "desired": decision.desired},
    )


def ended(decision: Decision, reason: str, since: float) -> Notice:
    """Trouble with ``reason`` that began at ``since`` (epoch seconds) is over."""
    lasted_s = max(0.0, decision.at - since)
    text = f"{reason} is over after {lasted_s:.0f} s; now {decision.reason.value}"
    fields = {"since": since, "now": decision.reason.value, "desired": decision.desired}
    return Notice(Event.ENDED, Severity.INFO, decision.app, decision.at, reason, text, fields)


def scaled(
    decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
) -> Notice | None:
    """Return what to tell of a scale request; nothing where none was sent."""
    up = isinstance(action, ScaleUp)
    count = action.count if isinstance(action, ScaleUp) else len(action.candidates)
    what = f"{'order' if up else 'remove'} {count} worker{'' if count == 1 else 's'}"
    fields = {
        "direction": "up" if up else "down",
        "count": count,
        "outcome": outcome.value,
        "desired": decision.desired,
        "worker_ids": [] if isinstance(action, ScaleUp) else list(action.worker_ids),
    }
    match outcome:
        case Outcome.APPLIED:
            event, severity = Event.SCALED, Severity.INFO
            text = f"{what}: done. {decision.message}"
        case Outcome.REJECTED | Outcome.UNKNOWN:
            event, severity = Event.FAILED, Severity.WARNING
            said = "the platform refused" if outcome is Outcome.REJECTED else "no reply came"
            text = f"{what}: {said}. {detail}"
        case _:
            return None
    return Notice(event, severity, decision.app, decision.at, decision.reason.value, text, fields)


def raced(app: AppKey, worker_id: str, at: float) -> Notice:
    """A removal met a serving worker."""
    text = f"worker {worker_id} had begun to serve when its removal arrived"
    return Notice(Event.RACED, Severity.WARNING, app, at, "", text, {"worker_id": worker_id})


def by_hand(app: AppKey, order: Intervention, at: float, ended_by: str) -> Notice:
    """A person ordered something; ``ended_by``: who ended it and why, empty where it begins."""
    text = words(order) + (f" — ended: {ended_by}" if ended_by else "")
    fields = {**intervention_fields(order), "ended": ended_by}
    return Notice(Event.BY_HAND, Severity.INFO, app, at, order.kind.value, text, fields)


def trial(at: float) -> Notice:
    """Return a trial message."""
    text = "This is a trial message; notifications arrive here."
    return Notice(Event.TEST, Severity.INFO, None, at, "", text)
