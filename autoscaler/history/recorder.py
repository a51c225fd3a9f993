"""Turns reports into rows. Quick: what costs time (packing, writing) is left to the writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from autoscaler.history.minutes import MINUTE_S, AppMinutes, Price
from autoscaler.history.rows import PLATFORM, Batch, EventRow, Fields
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    Intervention,
    Observation,
    ScaleDown,
    ScaleUp,
    action_name,
)
from autoscaler.ports import Clock, EventKind, Outcome

Describe = Callable[[Decision], Mapping[str, Any]]
"""Every field of a decision, ready for JSON."""
PriceOf = Callable[[AppKey], Price]

_GOOD = "2"
"""HTTP status codes that begin with it are no trouble."""


class _Burst(NamedTuple):
    """Platform errors of one kind within a minute; times in epoch seconds."""

    since: float
    until: float
    errors: int


class HistoryRecorder:
    """Implements :class:`autoscaler.ports.Recorder`; what it gathered is taken by :meth:`take`."""

    def __init__(self, clock: Clock, describe: Describe, price_of: PriceOf) -> None:
        self._clock = clock
        self._describe = describe
        self._price_of = price_of
        self._apps: dict[AppKey, AppMinutes] = {}
        self._reasons: dict[AppKey, str] = {}
        self._bursts: dict[tuple[str, str], _Burst] = {}
        self._batch = Batch()

    def take(self) -> Batch:
        """Return what was gathered since the last call."""
        self._end_bursts(self._clock.now())
        batch, self._batch = self._batch, Batch()
        return batch

    def take_all(self) -> Batch:
        """Return what was gathered, minutes under way included: at the end of a run."""
        for app, running in self._apps.items():
            self._batch.minutes += [(app, minute) for minute in running.flush()]
        self._end_bursts(float("inf"))
        return self.take()

    def observed(self, observation: Observation) -> None:
        """Add the list up."""
        app = observation.app
        closed = self._minutes_of(app).observed(observation, self._price_of(app))
        if closed:
            self._batch.minutes += [(app, minute) for minute in closed]

    def decided(self, decision: Decision) -> None:
        """Keep a decision that acts, or whose reason differs from the last one's."""
        app, reason = decision.app, decision.reason.value
        self._minutes_of(app).decided(decision)
        if isinstance(decision.action, Hold) and self._reasons.get(app) == reason:
            return
        self._reasons[app] = reason
        self._add(
            EventKind.DECISION,
            app,
            decision.at,
            partial(self._describe, decision),
            action=action_name(decision.action),
            reason=reason,
            message=decision.message,
        )

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Keep what came of a scale request."""
        up = isinstance(action, ScaleUp)
        fields = {
            "outcome": outcome.value,
            "detail": detail,
            "count": action.count if isinstance(action, ScaleUp) else len(action.candidates),
            "worker_ids": [] if isinstance(action, ScaleUp) else list(action.worker_ids),
            "decided_at_epoch_s": decision.at,
        }
        self._add(
            EventKind.SCALE,
            decision.app,
            self._clock.now(),
            fields,
            action="scale_up" if up else "scale_down",
            reason=decision.reason.value,
            message=f"{outcome.value}: {detail}" if detail else outcome.value,
        )

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Keep a removal that met a serving worker."""
        message = f"{worker_id} had begun to serve when its removal arrived"
        fields = {"worker_id": worker_id}
        self._add(EventKind.RACED, app, self._clock.now(), fields, message=message)

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        """Passes are the metrics' business."""

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:  # noqa: ARG002
        """Add an error to the burst of its kind."""
        if code.startswith(_GOOD):
            return
        now = self._clock.now()
        burst = self._bursts.get((operation, code), _Burst(now, now, 0))
        self._bursts[operation, code] = _Burst(burst.since, now, burst.errors + 1)

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """The state store is the log's and the metrics' business."""

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Keep an order by hand, or its end."""
        fields = {
            "kind": intervention.kind.value,
            "direction": intervention.direction,
            "workers": intervention.workers,
            "since_epoch_s": intervention.since,
            "until_epoch_s": intervention.until,
            "who": intervention.who,
            "why": intervention.why,
            "ended": ended,
        }
        who = ended or f"by {intervention.who}: {intervention.why}"
        message = f"{intervention.kind.value} {'ended: ' if ended else ''}{who}"
        self._add(EventKind.INTERVENTION, app, at, fields, message=message)

    def forget(self, app: AppKey) -> None:
        """Close what is under way of an app that left."""
        running = self._apps.pop(app, None)
        if running is not None:
            self._batch.minutes += [(app, minute) for minute in running.flush()]
        self._reasons.pop(app, None)

    def _minutes_of(self, app: AppKey) -> AppMinutes:
        running = self._apps.get(app)
        if running is None:
            running = self._apps[app] = AppMinutes(self._price_of(app))
        return running

    def _add(
        self,
        kind: EventKind,
        app: AppKey,
        at: float,
        fields: Mapping[str, Any] | Fields,
        *,
        action: str = "",
        reason: str = "",
        message: str = "",
    ) -> None:
        told = fields if callable(fields) else partial(dict, fields)
        self._batch.events.append(EventRow(app, at, kind.value, action, reason, message, told))

    def _end_bursts(self, now: float) -> None:
        """Turn bursts whose minute is over into events."""
        over = [key for key, burst in self._bursts.items() if now - burst.since >= MINUTE_S]
        for operation, code in over:
            burst = self._bursts.pop((operation, code))
            fields = {
                "operation": operation,
                "code": code,
                "count": burst.errors,
                "until_epoch_s": burst.until,
            }
            message = f"{burst.errors} times {code} from {operation}"
            self._add(EventKind.TROUBLE, PLATFORM, burst.since, fields, message=message)
