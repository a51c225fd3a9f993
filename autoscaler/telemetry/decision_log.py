"""The log of decisions: one event each, loud where something changed, quiet where nothing did.

Thousands of polls an hour say the same thing. So a decision is an event at info level when it acts
or when its reason or number changed; trouble is a warning when it begins and an info when it
has passed; all else is debug.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Literal

from structlog.typing import FilteringBoundLogger

from autoscaler.decision.interventions import words
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    Intervention,
    Observation,
    Reason,
    ScaleDown,
    ScaleUp,
)
from autoscaler.ports.recorder import Outcome
from autoscaler.telemetry.base import SilentRecorder
from autoscaler.telemetry.serialize import decision_fields

TROUBLE = frozenset(
    {
        Reason.NO_DATA,
        Reason.STALE_OBSERVATION,
        Reason.CONTRADICTORY_OBSERVATION,
        Reason.MALFORMED_REPLY,
        Reason.PLATFORM_UNREACHABLE,
        Reason.PLATFORM_ERROR,
        Reason.THROTTLED,
        Reason.UNAUTHORIZED,
        Reason.FORBIDDEN,
        Reason.APP_NOT_FOUND,
        Reason.REQUEST_REJECTED,
        Reason.INTERNAL_ERROR,
        Reason.FALLBACK,
        Reason.OUTCOME_UNKNOWN,
        Reason.CRASH_LOOP,
        Reason.FOREIGN_SCALER,
    }
)
"""Reasons that a person may have to act upon; FALLBACK is what trouble turns into when it lasts."""

ODDITIES_MAX = 1000
"""Distinct oddities remembered; beyond that none is logged, and the last line says so."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WELL = frozenset({Outcome.APPLIED, Outcome.DRY_RUN, Outcome.NOT_SENT})


@dataclass(slots=True)
class _Seen:
    """What was last logged of an app; ``trouble_since`` is our clock, epoch seconds."""

    reason: Reason | None = None
    desired: int | None = None
    warnings: tuple[str, ...] = ()
    trouble_since: float | None = None


class DecisionLog(SilentRecorder):
    """Writes decisions, scale requests and what is odd to a structlog logger."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        """Take a structlog logger; its set-up at this moment holds from now on."""
        self._log = logger.bind()  # binding at each event would cost more than the event
        self._seen: dict[AppKey, _Seen] = {}
        self._oddities: set[str] = set()
        self._state_failures: dict[str, int] = {}

    def observed(self, observation: Observation) -> None:
        """Log each distinct oddity once, whichever app it appears in first."""
        for oddity in observation.oddities:
            self._odd(observation.app, oddity)

    def decided(self, decision: Decision) -> None:
        """Log the decision at the level it deserves."""
        seen = self._seen.setdefault(decision.app, _Seen())
        if decision.reason not in TROUBLE and seen.trouble_since is not None:
            self._recovered(decision, seen.trouble_since)
            seen.trouble_since = None
        level = _level(decision, seen)
        if decision.reason in TROUBLE and seen.trouble_since is None:
            seen.trouble_since = decision.at
        seen.reason, seen.desired = decision.reason, decision.desired
        seen.warnings = _fingerprint(decision.warnings)
        if self._log.is_enabled_for(level):
            self._log.log(level, "decision", **decision_fields(decision))

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Log what came of a request: info if as meant, warning if refused or unknown."""
        self._log.log(
            logging.INFO if outcome in _WELL else logging.WARNING,
            "scale request",
            **_app(decision.app),
            direction="up" if isinstance(action, ScaleUp) else "down",
            outcome=outcome.value,
            detail=detail,
            reason=decision.reason.value,
            count=action.count if isinstance(action, ScaleUp) else len(action.candidates),
            worker_ids=[] if isinstance(action, ScaleUp) else list(action.worker_ids),
        )

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Log a removal that met a serving worker."""
        self._log.warning(
            "removal raced",
            **_app(app),
            worker_id=worker_id,
            message="The worker had begun to serve when its removal arrived.",
        )

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """Log the 1st, 2nd, 4th, 8th, … refused write of a kind: a full disk refuses them all."""
        count = self._state_failures[kind] = self._state_failures.get(kind, 0) + 1
        if count & (count - 1) == 0:
            self._log.warning(
                "state write failed",
                **_app(app),
                kind=kind,
                failures=count,
                message="Scaling goes on from memory. Check the disk that holds state.path.",
            )

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Log what a person ordered, and its end."""
        self._log.info(
            "order by hand ended" if ended else "order by hand",
            **_app(app),
            kind=intervention.kind.value,
            message=words(intervention),
            at=round(at, 3),
            ended=ended,
        )

    def forget(self, app: AppKey) -> None:
        """Drop what is remembered of the app."""
        self._seen.pop(app, None)

    def _recovered(self, decision: Decision, since: float) -> None:
        self._log.info(
            "recovered",
            **_app(decision.app),
            reason=decision.reason.value,
            trouble_s=round(max(0.0, decision.at - since), 3),
            message=f"Recovered after {max(0.0, decision.at - since):.0f} s.",
        )

    def _odd(self, app: AppKey, oddity: str) -> None:
        if oddity in self._oddities or len(self._oddities) >= ODDITIES_MAX:
            return
        self._oddities.add(oddity)
        last = len(self._oddities) == ODDITIES_MAX
        self._log.warning(
            "oddity",
            **_app(app),
            message=oddity,
            note="Too many; further ones are not logged." if last else "Logged once.",
        )


def _level(decision: Decision, seen: _Seen) -> int:
    """Return the level for a decision, given what was logged before it."""
    changed = (decision.reason, decision.desired) != (seen.reason, seen.desired)
    begins = decision.reason in TROUBLE and decision.reason is not seen.reason
    warnings = _fingerprint(decision.warnings)
    if begins or (warnings and warnings != seen.warnings):
        return logging.WARNING
    if changed or not isinstance(decision.action, Hold):
        return logging.INFO
    return logging.DEBUG


def _fingerprint(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """Return warnings without their numbers: a number that moves makes no new warning."""
    return tuple(_NUMBER.sub("#", warning) for warning in warnings)


def _app(app: AppKey) -> dict[str, str]:
    return {"namespace": app.namespace, "app": app.name}
