"""The status of an object: what the daemon writes, and the columns of ``kubectl get``."""

from __future__ import annotations

from typing import Any, Final

from autoscaler.settings.resource.structural import Schema

CONDITION_TYPES: Final = ("Ready", "Active", "Limited")
"""Conditions that the daemon writes."""

_COUNTS = {
    "workers": "Workers present, in any state but removed.",
    "free": "Workers that run and serve nothing.",
    "busy": "Workers that run and serve.",
    "starting": "Workers that are being started.",
    "queue": "Requests that wait; not there while the platform does not tell.",
    "desired": "Workers that the last decision wants.",
    "minWorkers": "Least workers, as in force: the spec, or the defaults of the file.",
    "maxWorkers": "Most workers, as in force: the spec, the defaults of the file, the platform's "
    "own maximum.",
}
_MESSAGE_MAX = 32768


def status_schema() -> Schema:
    """Return the schema of ``status``; every key is optional, a new object has none."""
    counts: dict[str, Schema] = {key: _whole(words) for key, words in _COUNTS.items()}
    return {
        "type": "object",
        "description": "What the daemon last saw and did. It is written at a change, and now and "
        "then; metrics and the API are newer.",
        "properties": {
            "observedGeneration": _whole("Generation of the spec that this status is about."),
            **counts,
            "lastScaleTime": _time("When workers were last ordered or removed for this object."),
            "lastDecision": _decision(),
            "lastGood": _last_good(),
            "conditions": _conditions(),
        },
    }


def columns() -> list[dict[str, Any]]:
    """Return the columns of ``kubectl get``; those of priority 1 are in ``-o wide`` only."""
    ready = '.status.conditions[?(@.type=="Ready")].status'
    return [
        _column("App", "string", ".spec.name", "App of the platform; empty: the object's name", 1),
        _column("Min", "integer", ".status.minWorkers", "Never fewer workers"),
        _column("Max", "integer", ".status.maxWorkers", "Never more workers"),
        _column("Workers", "integer", ".status.workers", "Workers present"),
        _column("Desired", "integer", ".status.desired", "Workers wanted"),
        _column("Queue", "integer", ".status.queue", "Requests that wait"),
        _column("Ready", "string", ready, "Whether the spec is in force"),
        _column("Reason", "string", ".status.lastDecision.reason", "Reason of the last decision"),
        _column("Message", "string", ".status.lastDecision.message", "The same in words", 1),
        _column("Last scale", "date", ".status.lastScaleTime", "Last order or removal", 1),
        _column("Age", "date", ".metadata.creationTimestamp", "Age of the object"),
    ]


def _column(name: str, kind: str, path: str, words: str, priority: int = 0) -> dict[str, Any]:
    made = {"name": name, "type": kind, "jsonPath": path, "description": words}
    return made | ({"priority": priority} if priority else {})


def _whole(words: str) -> Schema:
    return {"description": words, "type": "integer", "format": "int64", "minimum": 0}


def _text(words: str, most: int) -> Schema:
    return {"description": words, "type": "string", "maxLength": most}


def _time(words: str) -> Schema:
    return {"description": words, "type": "string", "format": "date-time"}


def _decision() -> Schema:
    return {
        "type": "object",
        "description": "The last decision, and why.",
        "properties": {
            "at": _time("When it was made."),
            "action": _text('What was done, such as "scale up by 2" or "hold".', 1024),
            "reason": _text("One word; docs/reasons.md has them all.", 1024),
            "message": _text("The reason in a sentence, with the numbers.", _MESSAGE_MAX),
        },
    }


def _last_good() -> Schema:
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "type": "object",
        "description": "What is in force while the spec is wrong; not there while it is good.",
        "properties": {
            "generation": _whole("Generation of the object that had this spec."),
            "spec": {"description": "The last spec that was good.", **spec},
        },
    }


def _conditions() -> Schema:
    states = {"type": "string", "enum": ["True", "False", "Unknown"]}
    condition: Schema = {
        "type": "object",
        "description": "One condition, as of all Kubernetes objects.",
        "required": ["type", "status", "reason", "message", "lastTransitionTime"],
        "properties": {
            "type": _text(f"One of {', '.join(CONDITION_TYPES)}.", 316),
            "status": {"description": "Whether it holds.", **states},
            "reason": _text("Why, in one word.", 1024),
            "message": _text("Why, in a sentence; for a bad value with its path.", _MESSAGE_MAX),
            "lastTransitionTime": _time("When `status` last changed."),
            "observedGeneration": _whole("Generation of the spec that it is about."),
        },
    }
    return {
        "type": "array",
        "description": "Ready: the spec is in force. Active: the app can be scaled. Limited: a "
        "limit changed the number.",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": condition,
    }
