"""Decisions and observations as plain dicts, for the log and the API alike.

Every field is there, under the name it has in the model. Times stand twice: epoch seconds to
compute with, and RFC 3339 in UTC to read. What JSON cannot hold (infinity) becomes ``None``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from autoscaler.model import (
    Action,
    Candidate,
    Decision,
    Intervention,
    Limit,
    NoData,
    Observation,
    Proposal,
    QueuedRequest,
    Recommendation,
    Role,
    ScaleDown,
    ScaleUp,
    Worker,
    WorkerState,
    action_name,
)

Fields = dict[str, Any]


def rfc3339(epoch_s: float | None) -> str | None:
    """Return a time in UTC to the millisecond; ``None`` for none, and for an absurd one."""
    if epoch_s is None:
        return None
    try:
        moment = datetime.fromtimestamp(epoch_s, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(name: str, epoch_s: float | None) -> Fields:
    """Return a time under ``name`` in RFC 3339 and under ``name_epoch_s`` in epoch seconds."""
    return {name: rfc3339(epoch_s), f"{name}_epoch_s": _number(epoch_s)}


def decision_fields(decision: Decision) -> Fields:
    """Return every field of a decision."""
    return {
        "namespace": decision.app.namespace,
        "app": decision.app.name,
        **moment("at", decision.at),
        "action": action_name(decision.action),
        "reason": decision.reason.value,
        "message": decision.message,
        "desired": decision.desired,
        "combined": decision.combined,
        "queue_size": decision.queue_size,
        "min_workers": decision.min_workers,
        "max_workers": decision.max_workers,
        "census": None if decision.census is None else asdict(decision.census),
        "proposals": [_proposal(proposal) for proposal in decision.proposals],
        "shadow": [_proposal(proposal) for proposal in decision.shadow],
        "limits": [_limit(limit) for limit in decision.limits],
        "warnings": list(decision.warnings),
        "raced": list(decision.raced),
        "interventions": [intervention_fields(one) for one in decision.interventions],
        **action_fields(decision.action),
    }


def intervention_fields(order: Intervention) -> Fields:
    """Return every field of an order by hand."""
    return {
        "kind": order.kind.value,
        "direction": order.direction,
        "workers": order.workers,
        **moment("since", order.since),
        **moment("until", order.until),
        "who": order.who,
        "why": order.why,
    }


def action_fields(action: Action) -> Fields:
    """Return what an action is about: ``count`` to order, or the ``candidates`` to remove."""
    match action:
        case ScaleUp():
            return {"count": action.count, "candidates": []}
        case ScaleDown():
            return {
                "count": len(action.candidates),
                "candidates": [_candidate(candidate) for candidate in action.candidates],
            }
        case _:
            return {"count": 0, "candidates": []}


def observation_summary(observation: Observation) -> Fields:
    """Return an observation with its workers counted by state."""
    size = observation.queue_size
    return {
        "namespace": observation.app.namespace,
        "app": observation.app.name,
        **moment("requested_at", observation.requested_at),
        **moment("received_at", observation.received_at),
        **moment("platform_now", observation.platform_now),
        **_known("queue_size", size),
        "max_workers": observation.max_workers,
        **moment("last_scale_up_at", observation.last_scale_up_at),
        **moment("last_scale_down_at", observation.last_scale_down_at),
        "show_all": observation.show_all,
        "problems": list(observation.problems),
        "oddities": list(observation.oddities),
        "signals": {name: _signal(value) for name, value in observation.signals.items()},
        "workers_by_state": _by_state(observation.workers),
    }


def observation_fields(observation: Observation) -> Fields:
    """Return every field of an observation, workers and waiting requests one by one."""
    return {
        **observation_summary(observation),
        "workers": [_worker(worker) for worker in observation.workers],
        **_queue(observation.queue),
    }


def _worker(worker: Worker) -> Fields:
    return {
        "id": worker.id,
        "state": worker.state.value,
        **moment("created_at", worker.created_at),
        **moment("deleted_at", worker.deleted_at),
        **moment("last_serve_at", worker.last_serve_at),
        "success_count": worker.success_count,
        "failed_count": worker.failed_count,
        "session_number": worker.session_number,
        "app_revision": worker.app_revision,
        "replace_worker_id": worker.replace_worker_id,
        "gpu_model": worker.gpu_model,
        "gpu_num": worker.gpu_num,
    }


def _by_state(workers: Iterable[Worker]) -> dict[str, int]:
    counts = {state.value: 0 for state in WorkerState}
    for worker in workers:
        counts[worker.state.value] += 1
    return counts


def _queue(queue: tuple[QueuedRequest, ...] | NoData | None) -> Fields:
    if queue is None or isinstance(queue, NoData):
        return {"queue": None, "queue_missing": None if queue is None else queue.why}
    requests = [
        {**moment("created_at", request.created_at), "reason": request.reason} for request in queue
    ]
    return {"queue": requests, "queue_missing": None}


def _proposal(proposal: Proposal) -> Fields:
    answer = proposal.answer
    return {
        "policy": proposal.policy,
        "workers": None if isinstance(answer, NoData) else answer.workers,
        "why": answer.why,
        "inputs": {} if isinstance(answer, NoData) else _inputs(answer),
        **_standing(proposal),
    }


def _inputs(answer: Recommendation) -> Fields:
    return {name: _plain(value) for name, value in answer.inputs.items()}


def _standing(proposal: Proposal) -> Fields:
    """Say what a number is for, where it is not one among the wanted ones."""
    answer = proposal.answer
    fields: Fields = {} if proposal.role is Role.TARGET else {"role": proposal.role.value}
    if isinstance(answer, NoData):
        return fields
    bounds = {"floor": answer.floor, "ceiling": answer.ceiling}
    fields |= {key: bound for key, bound in bounds.items() if bound is not None}
    return fields | ({"abstains": True} if answer.abstains else {})


def _limit(limit: Limit) -> Fields:
    return {
        "reason": limit.reason.value,
        "before": limit.before,
        "after": limit.after,
        "why": limit.why,
    }


def _candidate(candidate: Candidate) -> Fields:
    return {
        "worker_id": candidate.worker_id,
        "idle_s": _number(candidate.idle_s),
        "why": candidate.why,
    }


def _known(name: str, value: int | NoData) -> Fields:
    """A number, or ``None`` and the reason why it is missing."""
    if isinstance(value, NoData):
        return {name: None, f"{name}_missing": value.why}
    return {name: value, f"{name}_missing": None}


def _signal(value: float | NoData) -> Fields:
    if isinstance(value, NoData):
        return {"value": None, "missing": value.why}
    return {"value": _number(value), "missing": None}


def _plain(value: float | str) -> float | str | None:
    return value if isinstance(value, str) else _number(value)


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
