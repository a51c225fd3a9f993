"""The entries of ``policies`` and ``shadow``: one object with the parameters of every policy.

The file chooses an entry's keys by its ``type``. A structural schema cannot, so the object has the
keys of all built-in policies, each as wide as the widest of them, and keeps keys that it does not
know for plug-ins. Which keys belong to which type is checked by the daemon, in the file's words.

Plug-ins of this machine are left out on purpose: the definition must be the same wherever it is
made, or the daemon could not tell whether that of the cluster is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autoscaler.policies.registry import BUILT_IN
from autoscaler.settings.policy import OWN_KEYS
from autoscaler.settings.resource.structural import Schema, default_text, structural

OF_THE_FILE = frozenset({"everai-class"})
"""Types that an object may not have: they run code of the daemon's machine."""

TOKEN_FILE = "token_file"  # noqa: S105 - the name of a key
"""Key that an object may not have: it would send a file of the daemon's machine to a ``url``."""

TYPES = tuple(policy.kind for policy in BUILT_IN if policy.kind not in OF_THE_FILE)
"""Types of the built-in policies that an object may have."""

LIST_MAX = 32
"""Most entries of a list: the rules of the definition need an end."""

_SHAPE = ("type", "x-kubernetes-int-or-string", "pattern")
_SIZES = ("maxLength", "maxItems")
_Told = tuple[str, Schema, Mapping[str, Any]]


def entry(alternatives: Iterable[Mapping[str, Any]], definitions: Mapping[str, Any]) -> Schema:
    """Return the schema of one entry.

    Args:
        alternatives: JSON Schema of an entry of each type, as the file's models make it.
        definitions: what their ``$ref`` name.

    Raises:
        ValueError: two policies have a parameter of one name that no schema can hold.
    """
    own: dict[str, Schema] = {}
    told: dict[str, list[_Told]] = {}
    for one in alternatives:
        kind = one["properties"]["type"]["const"]
        if kind not in TYPES:
            continue
        for key, node in one["properties"].items():
            if key in OWN_KEYS:
                own[key] = structural(node, definitions)
            else:
                told.setdefault(key, []).append((kind, structural(node, definitions), node))
    parameters = {key: _merged(key, each) for key, each in told.items() if key != TOKEN_FILE}
    return {
        "type": "object",
        "description": "One policy: its type, and the parameters that this type has.",
        "required": ["type"],
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": own | {"type": _type(), TOKEN_FILE: _refused()} | parameters,
    }


def _type() -> Schema:
    words = f"Which policy this is. Built in: {', '.join(TYPES)}. Plug-ins add their own."
    return {"description": words, "type": "string", "minLength": 1, "maxLength": 100}


def _refused() -> Schema:
    words = (
        "Must be empty. It names a file of the daemon's machine: an app that needs it belongs "
        "into the configuration file."
    )
    return {"description": words, "type": "string", "maxLength": 4096}


def _merged(key: str, told: list[_Told]) -> Schema:
    """Return one parameter as wide as the widest of the policies that have it."""
    merged = told[0][1]
    for _, other, _ in told[1:]:
        if _kind(other) != _kind(merged) or {"items", "properties"} & other.keys():
            raise ValueError(f"policies disagree on the type of {key!r}: {merged} and {other}")
        merged = _wider(merged, other)
    return {**merged, "description": _words(told)}


def _kind(schema: Schema) -> tuple[Any, Any]:
    return schema.get("type"), schema.get("pattern")


def _wider(one: Schema, other: Schema) -> Schema:
    made: Schema = {key: one[key] for key in _SHAPE if key in one}
    made |= _bound(one, other, "minimum", min) | _bound(one, other, "maximum", max)
    made |= {key: max(one[key], other[key]) for key in _SIZES if key in one and key in other}
    if "enum" in one and "enum" in other:
        made["enum"] = list(dict.fromkeys([*one["enum"], *other["enum"]]))
    if "nullable" in one or "nullable" in other:
        made["nullable"] = True
    return made


def _bound(one: Schema, other: Schema, key: str, widest: Callable[[Any, Any], Any]) -> Schema:
    """Return the wider of two bounds; it is part of the range where one of them says so."""
    if key not in one or key not in other:
        return {}
    exclusive = f"exclusive{key.capitalize()}"
    value = widest(one[key], other[key])
    closed = any(each[key] == value and not each.get(exclusive) for each in (one, other))
    return {key: value} if closed else {key: value, exclusive: True}


def _words(told: list[_Told]) -> str:
    """Return what each policy says of the parameter; those that say the same, together."""
    sayings: dict[str, list[str]] = {}
    for kind, schema, node in told:
        text = " ".join(str(node.get("description", "")).split()).rstrip(".")
        default = default_text(node.get("default"), schema)
        text += f"; default {default}" if default else ""
        sayings.setdefault(text, []).append(kind)
    return " ".join(f"For {', '.join(kinds)}: {text}." for text, kinds in sayings.items())
