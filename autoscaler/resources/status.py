"""An object's status: made from its verdict and its app's last decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.model import Action, Decision, ScaleDown, ScaleUp
from autoscaler.ports import Resource
from autoscaler.resources.conditions import (
    MESSAGE_MAX,
    Condition,
    ConditionType,
    Truth,
    active,
    as_list,
    limited,
)
from autoscaler.settings.resource import LastGood, Readiness, Verdict
from autoscaler.telemetry.serialize import rfc3339

Status = dict[str, Any]

_COUNTS = ("workers", "free", "busy", "starting")
_NUMBERS = (*_COUNTS, "queue", "desired", "minWorkers", "maxWorkers")
_BIG = ("observedGeneration", "workers", "desired", "minWorkers", "maxWorkers", "lastScaleTime")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an object's app.

    Attributes:
        decision: the last one; ``None`` before the first of this daemon's reign.
        scaled_at: when a scale request was last carried out, our clock, epoch seconds; ``None``:
            not by this daemon.
    """

    decision: Decision | None = None
    scaled_at: float | None = None


def status_for(
    resource: Resource, verdict: Verdict, known: Known, before: Mapping[str, Any], now: float
) -> Status:
    """Return the whole status.

    Args:
        resource: the object.
        verdict: what became of its spec.
        known: what is known of its app.
        before: the status until now.
        now: our clock, epoch seconds.
    """
    made: Status = {"observedGeneration": resource.generation}
    made["lastGood"] = _last_good(verdict.last_good)
    ready = Condition(
        ConditionType.READY,
        Truth.TRUE if verdict.readiness is Readiness.ACCEPTED else Truth.FALSE,
        verdict.readiness.value,
        verdict.message,
    )
    at = rfc3339(now) or ""
    if verdict.scales and known.decision is None and _was_active(before):
        # Another replica looked at it a moment ago; that stands until we have.
        others = [each for each in before["conditions"] if each.get("type") != ready.type.value]
        made["conditions"] = [*as_list([ready], before, resource.generation, at), *others]
        return _merged(before, made)
    decision = known.decision if verdict.scales else None
    made |= _numbers(decision)
    made["lastDecision"] = _decided(decision, before)
    if known.scaled_at is not None:
        made["lastScaleTime"] = rfc3339(known.scaled_at)
    conditions = (ready, _active(verdict, decision), limited(decision))
    made["conditions"] = as_list(conditions, before, resource.generation, at)
    return _merged(before, made)


def _merged(before: Mapping[str, Any], made: Status) -> Status:
    return {key: value for key, value in {**before, **made}.items() if value is not None}


def gist(status: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what of a status people wait for; the rest may be written less often."""
    conditions = [
        (each.get("type"), each.get("status"), each.get("reason"))
        for each in status.get("conditions") or ()
    ]
    last, good = status.get("lastDecision") or {}, status.get("lastGood") or {}
    numbers = [status.get(key) for key in _BIG]
    return (numbers, conditions, last.get("action"), last.get("reason"), good.get("generation"))


def action_text(action: Action) -> str:
    """Say what a decision does, in a few words."""
    match action:
        case ScaleUp():
            return f"scale up by {action.count}"
        case ScaleDown():
            return f"scale down by {len(action.candidates)}"
        case _:
            return "hold"


def _active(verdict: Verdict, decision: Decision | None) -> Condition:
    if verdict.scales:
        return active(decision)
    message = "nothing is scaled as this object says"
    return Condition(ConditionType.ACTIVE, Truth.FALSE, verdict.readiness.value, message)


def _was_active(before: Mapping[str, Any]) -> bool:
    return any(
        each.get("type") == ConditionType.ACTIVE.value for each in before.get("conditions") or ()
    )


def _numbers(decision: Decision | None) -> Status:
    if decision is None:
        return dict.fromkeys(_NUMBERS)
    census = decision.census
    counts: Status = (
        dict.fromkeys(_COUNTS)
        if census is None
        else {
            "workers": census.present,
            "free": census.free,
            "busy": census.busy,
            "starting": census.in_flight + census.on_order,
        }
    )
    return {
        **counts,
        "queue": decision.queue_size,
        "desired": decision.desired,
        "minWorkers": decision.min_workers,
        "maxWorkers": decision.max_workers,
    }


def _decided(decision: Decision | None, before: Mapping[str, Any]) -> Status | None:
    """Return the last decision; ``at`` is when the first of several that say the same was made."""
    if decision is None:
        return None
    made = {
        "at": rfc3339(decision.at),
        "action": action_text(decision.action),
        "reason": decision.reason.value,
        "message": decision.message[:MESSAGE_MAX],
    }
    last = before.get("lastDecision") or {}
    if last.get("action") == made["action"] and last.get("reason") == made["reason"]:
        made["at"] = last.get("at") or made["at"]
    return made


def _last_good(good: LastGood | None) -> Status | None:
    return None if good is None else {"generation": good.generation, "spec": dict(good.spec)}
