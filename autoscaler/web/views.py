"""What the API shows of an app, as dicts that are ready for JSON."""

from __future__ import annotations

from typing import Any

from autoscaler.model import AppKey, Decision, action_name
from autoscaler.telemetry.explanation import paragraph, steps
from autoscaler.telemetry.serialize import (
    action_fields,
    decision_fields,
    moment,
    observation_fields,
    observation_summary,
)
from autoscaler.web.snapshot import AppSnapshot, ScaleResult


def app_summary(app: AppKey, seen: AppSnapshot) -> dict[str, Any]:
    """Return an app for the list of all: the observation has its workers counted by state."""
    observation = seen.observation
    return {
        "namespace": app.namespace,
        "name": app.name,
        "observation": None if observation is None else observation_summary(observation),
        "decision": _decision(seen.decision),
    }


def app_details(app: AppKey, seen: AppSnapshot) -> dict[str, Any]:
    """Return everything that is kept of an app, its workers one by one."""
    observation = seen.observation
    return {
        "namespace": app.namespace,
        "name": app.name,
        "observation": None if observation is None else observation_fields(observation),
        "decision": _decision(seen.decision),
        "explanation": _explanation(seen.decision),
        "last_acting_decision": _decision(seen.acted),
        "last_scale_request": None if seen.scaled is None else _scale_result(seen.scaled),
    }


def _decision(decision: Decision | None) -> dict[str, Any] | None:
    return None if decision is None else decision_fields(decision)


def _explanation(decision: Decision | None) -> dict[str, Any] | None:
    """Return the decision as a paragraph, and as the rows of a table."""
    if decision is None:
        return None
    fields = decision_fields(decision)
    return {"text": paragraph(fields), "steps": [row._asdict() for row in steps(fields)]}


def _scale_result(result: ScaleResult) -> dict[str, Any]:
    return {
        **moment("decided_at", result.decision.at),
        "reason": result.decision.reason.value,
        "action": action_name(result.action),
        **action_fields(result.action),
        "outcome": result.outcome.value,
        "detail": result.detail,
    }
