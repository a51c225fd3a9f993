"""What the API shows of an app, as dicts that are ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autoscaler.model import AppKey, Decision, Intervention, NoData, action_name
from autoscaler.model.worker import PRESENT
from autoscaler.ports import Leadership
from autoscaler.telemetry.explanation import paragraph, steps
from autoscaler.telemetry.serialize import (
    action_fields,
    decision_fields,
    intervention_fields,
    moment,
    observation_fields,
    observation_summary,
)
from autoscaler.telemetry.status import status_of
from autoscaler.web.snapshot import AppSnapshot, ScaleResult

Orders = Sequence[Intervention]
"""What people ordered for an app and what holds now."""


def app_row(
    app: AppKey, seen: AppSnapshot, orders: Orders, cost_per_hour: float | None
) -> dict[str, Any]:
    """Return the line of an app in a table: plain values only.

    ``cost_per_hour``: of the workers of the last list; ``None`` where no price is known.
    """
    decision, observation = seen.decision, seen.observation
    return {
        "namespace": app.namespace,
        "name": app.name,
        "status": status_of(decision).value,
        "action": None if decision is None else action_name(decision.action),
        "reason": None if decision is None else decision.reason.value,
        "message": None if decision is None else decision.message,
        "workers": workers_present(seen),
        "queue_size": queue_size(seen),
        "desired": None if decision is None else decision.desired,
        "min_workers": None if decision is None else decision.min_workers,
        "max_workers": None if decision is None else decision.max_workers,
        "interventions": [intervention_fields(order) for order in orders],
        "cost_per_hour": cost_per_hour,
        **moment("seen_at", None if observation is None else observation.received_at),
        **moment("decided_at", None if decision is None else decision.at),
    }


def app_summary(
    app: AppKey, seen: AppSnapshot, orders: Orders, cost_per_hour: float | None
) -> dict[str, Any]:
    """Return an app for the list of all: the observation has its workers counted by state."""
    observation = seen.observation
    return {
        **app_row(app, seen, orders, cost_per_hour),
        "observation": None if observation is None else observation_summary(observation),
        "decision": _decision(seen.decision),
    }


def app_details(
    app: AppKey, seen: AppSnapshot, orders: Orders, cost_per_hour: float | None
) -> dict[str, Any]:
    """Return everything that is kept of an app, its workers one by one."""
    observation = seen.observation
    return {
        **app_row(app, seen, orders, cost_per_hour),
        "observation": None if observation is None else observation_fields(observation),
        "decision": _decision(seen.decision),
        "explanation": None
        if seen.decision is None
        else explanation(decision_fields(seen.decision)),
        "last_acting_decision": _decision(seen.acted),
        "last_scale_request": None if seen.scaled is None else _scale_result(seen.scaled),
    }


def workers_present(seen: AppSnapshot) -> int | None:
    """Return the workers that occupy a place, by the last list; ``None`` where there was none."""
    if seen.observation is None:
        return None
    return sum(worker.state in PRESENT for worker in seen.observation.workers)


def queue_size(seen: AppSnapshot) -> int | None:
    """Return the waiting requests by the last list; ``None`` where they are not known."""
    if seen.observation is None or isinstance(seen.observation.queue_size, NoData):
        return None
    return seen.observation.queue_size


def leader_fields(leadership: Leadership) -> dict[str, Any]:
    """Return who leads among several replicas; with one, that it does."""
    term = leadership.term
    return {
        "is_leader": leadership.left_s() > 0,
        "identity": leadership.identity,
        "leader": leadership.leader,
        "term": None if term is None else term.number,
        "shards": [
            {
                "shard": index,
                "owner": part.leader,
                "owned_here": part.left_s() > 0,
                "term": None if part.term is None else part.term.number,
            }
            for index, part in enumerate(leadership.parts)
        ],
    }


def owner_fields(leadership: Leadership, app: AppKey) -> dict[str, Any]:
    """Return who acts for an app; alone, that we do."""
    owner = leadership.of(app)
    return {"owner": owner.leader, "owned_here": owner.left_s() > 0}


def explanation(decision: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a decision as a paragraph, and as the rows of a table."""
    return {"text": paragraph(decision), "steps": [row._asdict() for row in steps(decision)]}


def _decision(decision: Decision | None) -> dict[str, Any] | None:
    return None if decision is None else decision_fields(decision)


def _scale_result(result: ScaleResult) -> dict[str, Any]:
    return {
        **moment("decided_at", result.decision.at),
        "reason": result.decision.reason.value,
        "action": action_name(result.action),
        **action_fields(result.action),
        "outcome": result.outcome.value,
        "detail": result.detail,
    }
