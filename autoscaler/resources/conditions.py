"""What a decision means for an object: its conditions, in the words that HPA's users know.

Ready     the spec is in force (settings/resource/judging.py says why it is not)
Active    decisions follow from what is seen, and may act
Limited   something keeps the number of workers from what the policies want
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autoscaler.model import Decision
from autoscaler.telemetry.status import AppStatus, status_of

MESSAGE_MAX = 1024
"""Characters of a message; the rest is cut."""


class ConditionType(StrEnum):
    """The conditions of an object."""

    READY = "Ready"
    ACTIVE = "Active"
    LIMITED = "Limited"


class Truth(StrEnum):
    """What a condition says."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without the time of its last change.

    Attributes:
        reason: CamelCase, for machines. message: one sentence, for people.
    """

    type: ConditionType
    truth: Truth
    reason: str
    message: str


def active(decision: Decision | None) -> Condition:
    """Say whether decisions follow from what is seen, and may act."""
    if decision is None:
        return Condition(ConditionType.ACTIVE, Truth.UNKNOWN, "NotSeenYet", "not looked at yet")
    if status_of(decision) in (AppStatus.OFF, AppStatus.TROUBLED):
        return Condition(ConditionType.ACTIVE, Truth.FALSE, decision.reason.value, decision.message)
    message = "the app is looked at, and its workers are scaled"
    return Condition(ConditionType.ACTIVE, Truth.TRUE, "Scaling", message)


def limited(decision: Decision | None) -> Condition:
    """Say whether something keeps the number from what the policies want."""
    if decision is None or decision.desired is None:
        message = "no number is wanted while nothing is known"
        return Condition(ConditionType.LIMITED, Truth.UNKNOWN, "NoDesiredNumber", message)
    changing = [limit for limit in decision.limits if limit.after != limit.before]
    if changing:
        last = changing[-1]
        return Condition(ConditionType.LIMITED, Truth.TRUE, last.reason.value, last.why)
    if status_of(decision) is AppStatus.LIMITED:
        return Condition(ConditionType.LIMITED, Truth.TRUE, decision.reason.value, decision.message)
    message = "the number that the policies want is within the bounds"
    return Condition(ConditionType.LIMITED, Truth.FALSE, "DesiredWithinRange", message)


def as_list(
    conditions: Iterable[Condition], before: Mapping[str, Any], generation: int, now: str
) -> list[dict[str, Any]]:
    """Return conditions as a status has them.

    Args:
        conditions: what holds now.
        before: the status until now.
        generation: of the spec seen.
        now: the time, as the cluster writes it; it stands where a condition's truth changed.
    """
    held = before.get("conditions")
    old = {each.get("type"): each for each in held or () if isinstance(each, Mapping)}
    return [_as_mapping(each, old.get(each.type.value), generation, now) for each in conditions]


def _as_mapping(
    condition: Condition, old: Mapping[str, Any] | None, generation: int, now: str
) -> dict[str, Any]:
    same = old is not None and old.get("status") == condition.truth.value
    since = old.get("lastTransitionTime") if same and old is not None else None
    return {
        "type": condition.type.value,
        "status": condition.truth.value,
        "reason": condition.reason,
        "message": condition.message[:MESSAGE_MAX],
        "lastTransitionTime": since or now,
        "observedGeneration": generation,
    }
