"""JSON Schema of the models, as the *structural* schema that a custom resource needs.

The API server takes no ``$ref``, no ``oneOf`` over types and no ``additionalProperties: false``
(it drops unknown keys itself), and knows only the older, boolean form of exclusive bounds. A
built-in default becomes a sentence of the description and no ``default``: the server would write it
into each object, and the ``defaults`` of the configuration file could fill nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

DURATION_PATTERN = (
    r"^\s*(([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+|\+?[0-9][0-9_]*(\.[0-9_]*)?([eE][+-]?[0-9]+)?)\s*$"
)
"""Text that the file takes for a duration: ``1h30m``, or a number of seconds in quotes."""

_DURATION_WORDS = "Seconds, or text such as 90s, 5m, 1h30m."
_KEPT = (
    "type", "enum", "minimum", "maximum", "pattern", "minLength", "maxLength", "minItems",
    "maxItems", "required",
)  # fmt: skip


def structural(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Return one node of a JSON Schema, and all below it, as a structural schema.

    Args:
        node: as pydantic makes it.
        definitions: what its ``$ref`` name.

    Raises:
        ValueError: it says something that no structural schema can.
    """
    node = _resolved(node, definitions)
    made = _shape(node, definitions)
    if words := _words(node, made):
        made = {"description": words, **made}
    return made


def is_duration(made: Mapping[str, Any]) -> bool:
    """Whether a structural schema is that of a duration."""
    return made.get("pattern") == DURATION_PATTERN


def default_text(default: object, made: Mapping[str, Any]) -> str:
    """Return a built-in default in words; empty where there is none to tell."""
    if default is None or isinstance(default, (dict, list)) or default == "":
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if is_duration(made) and isinstance(default, (int, float)):
        return f"{default:g}s"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Put what a ``$ref`` names in its place; what stands beside it is stronger."""
    if "$ref" not in node:
        return dict(node)
    named = definitions[str(node["$ref"]).rpartition("/")[2]]
    return {**named, **{key: value for key, value in node.items() if key != "$ref"}}


def _shape(node: Schema, definitions: Mapping[str, Any]) -> Schema:
    if "anyOf" in node:
        return _union(node["anyOf"], definitions)
    if "const" in node:
        return {"type": "string", "enum": [node["const"]]}
    made = {key: node[key] for key in _KEPT if key in node}
    made |= _exclusive(node)
    if "properties" in node:
        made["properties"] = {
            key: structural(inner, definitions) for key, inner in node["properties"].items()
        }
    if "items" in node:
        made["items"] = structural(node["items"], definitions)
    if isinstance(node.get("additionalProperties"), dict):
        made["additionalProperties"] = structural(node["additionalProperties"], definitions)
    if "type" not in made and "enum" in made:
        made["x-kubernetes-preserve-unknown-fields"] = True  # words and booleans in one list
    return made


def _exclusive(node: Mapping[str, Any]) -> Schema:
    made: Schema = {}
    for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if key in node:
            made |= {bound: node[key], key: True}
    return made


def _union(alternatives: list[Schema], definitions: Mapping[str, Any]) -> Schema:
    """Return alternatives as one: with null, a duration, a whole number or text."""
    rest = [_resolved(one, definitions) for one in alternatives if one.get("type") != "null"]
    if len(rest) == 1:
        made = _shape(rest[0], definitions)
    else:
        made = _int_or_string({str(one.get("type")): one for one in rest})
    if len(rest) < len(alternatives):
        made["nullable"] = True
    return made


def _int_or_string(by_type: Mapping[str, Schema]) -> Schema:
    if set(by_type) == {"number", "string"}:
        return _duration(positive="exclusiveMinimum" in by_type["number"])
    if set(by_type) == {"integer", "string"}:
        return {"x-kubernetes-int-or-string": True}
    raise ValueError(f"no structural schema can say: one of {', '.join(by_type)}")


def _duration(*, positive: bool) -> Schema:
    """Return a duration's schema. The server's int-or-string has no fractions: those are text."""
    return {
        "x-kubernetes-int-or-string": True,
        "minimum": int(positive),
        "pattern": DURATION_PATTERN,
    }


def _words(node: Schema, made: Schema) -> str:
    """Return the description: what it is, how it is written, what holds without it."""
    words = [" ".join(str(node.get("description", "")).split())]
    if is_duration(made) and ", seconds" not in words[0]:
        words.append(_DURATION_WORDS)
    if default := default_text(node.get("default"), made):
        words.append(f"Built-in default: {default}.")
    return " ".join(each if each.endswith(".") else f"{each}." for each in words if each)
