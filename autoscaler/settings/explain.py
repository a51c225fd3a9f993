"""pydantic's errors in this program's words: path, line, value, what is allowed, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from autoscaler.settings.app import NAME_PATTERN
from autoscaler.settings.fields import child, has, is_duration, keys_at, walk
from autoscaler.settings.model import Settings
from autoscaler.settings.origin import Layers
from autoscaler.settings.problems import Path, Problem, is_secret, path_text, value_text

_TOKEN_HINT = "put it into a file and name that in token_file, or set EVERAI_TOKEN"  # noqa: S105
_SERVER_TOKEN_HINT = "put it into a file and name that in read_token_file or action_token_file"  # noqa: S105
_ABSENT = ("missing", "extra_forbidden", "invalid_key")

_MISSING_HINTS: dict[tuple[int, str | int], str] = {
    (3, "max_workers"): "give it here or under defaults",
}

_MESSAGES: dict[str, str] = {
    "missing": "is required",
    "extra_forbidden": "unknown key",
    "invalid_key": "keys must be text",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "path_type": "must be a path, as text",
    "model_type": "must be a mapping (keys and values)",
    "model_attributes_type": "must be a mapping (keys and values)",
    "dict_type": "must be a mapping (keys and values)",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} entry",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "unknown_policy": "must be {expected}",
}
_BOUNDS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
_CONTAINERS = frozenset({"model_type", "model_attributes_type", "dict_type"})

Found = tuple[Path, Problem]


def explain(error: ValidationError, layers: Layers, filled: dict[str, Any]) -> Iterator[Found]:
    """Yield each of pydantic's errors once, with the path of the value that is to blame.

    Args:
        error: what pydantic said of ``filled``.
        layers: where values come from.
        filled: the merged layers with ``defaults`` filled into the apps. What an app only
            inherits is reported once, under ``defaults``; its path is still yielded, with the
            problem that stands there.
    """
    data = layers.merged()
    for details in error.errors(include_url=False):
        if _is_only_consequence(details):
            continue
        path = _real_path(details, filled)
        yield path, _problem(details, path, data, layers.origin)


def _is_only_consequence(details: ErrorDetails) -> bool:
    """A bad entry makes pydantic call its list too short as well: it counts only good ones."""
    return details["type"] == "too_short" and len(details["input"]) > 0


def inherited(path: Path, data: dict[str, Any], *, absent: bool) -> bool:
    """Whether an app has the value at ``path`` from ``defaults`` only."""
    return path[:1] == ("apps",) and not has(data, path[:-1] if absent else path)


def _real_path(details: ErrorDetails, filled: dict[str, Any]) -> Path:
    """Drop what pydantic puts into a location beside keys: names of alternatives of a union."""
    path: list[str | int] = []
    current: Any = filled
    last = len(details["loc"]) - 1
    for index, part in enumerate(details["loc"]):
        if has(current, (part,)):
            current = child(current, part)
        elif not (index == last and details["type"] in _ABSENT):
            continue
        path.append(part)
    return tuple(path)


def _problem(
    details: ErrorDetails,
    path: Path,
    data: dict[str, Any],
    origin: Callable[[Path], tuple[str, int | None]],
) -> Problem:
    source, line = origin(path)
    kind = details["type"]
    return Problem(
        path_text(path),
        _message(details, path, data),
        value=_value(kind, path, details["input"]),
        line=line,
        hint=_hint(details, path, data),
        source=source,
    )


def _is_secret(path: Path) -> bool:
    return any(isinstance(part, str) and is_secret(part) for part in path)


def _value(kind: str, path: Path, given: Any) -> str:
    """Show what stands there, but nothing that could be a secret or hold one."""
    if kind in _ABSENT or _is_secret(path) or path[-1:] == ("endpoint",):
        return ""
    if kind in _CONTAINERS and isinstance(given, str):
        return "text"
    return value_text(given)


def _message(details: ErrorDetails, path: Path, data: dict[str, Any]) -> str:
    kind, context = details["type"], dict(details.get("ctx", {}))
    if context.get("pattern") == NAME_PATTERN:
        return "must be letters, digits, '.', '_' or '-', a letter or digit first"
    if kind in _MESSAGES:
        if "expected" in context:
            options = _options(details)
            which = ", ".join(options)
            context["expected"] = which if len(options) == 1 else f"one of {which}"
        return _MESSAGES[kind].format_map(context) + _unit(kind, path, data)
    if _is_secret(path):
        return "is not valid"
    if kind == "value_error":
        return str(context.get("error", details["msg"]))
    return details["msg"]


def _options(details: ErrorDetails) -> list[str]:
    """Return the values that a closed choice allows, as the file would have them."""
    words = re.split(r", | or ", details["ctx"]["expected"])
    return [{"True": "true", "False": "false"}.get(word, word.strip("'")) for word in words]


def _unit(kind: str, path: Path, data: dict[str, Any]) -> str:
    """Return the unit of a bound: that of a duration is the second."""
    if kind not in _BOUNDS or not path:
        return ""
    field = keys_at(Settings, path[:-1], data).get(str(path[-1]))
    return "s" if field is not None and is_duration(field) else ""


def _hint(details: ErrorDetails, path: Path, data: dict[str, Any]) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return _key_hint(str(path[-1]), path[:-1], data)
    if kind in ("literal_error", "unknown_policy") and isinstance(details["input"], str):
        near = get_close_matches(details["input"].lower(), _options(details), n=1)
        return f"did you mean {near[0]}?" if near else ""
    if kind == "missing":
        return _MISSING_HINTS.get((len(path), path[-1]), "")
    return ""


def _key_hint(key: str, parent: Path, data: dict[str, Any]) -> str:
    if is_secret(key):
        return _SERVER_TOKEN_HINT if parent == ("server",) else _TOKEN_HINT
    keys = keys_at(Settings, parent, data)
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower().replace("-", "_")
    near = get_close_matches(snake, [*keys, "token"], n=1)
    if near == ["token"]:
        return _TOKEN_HINT
    if near:
        return f"did you mean {near[0]}?"
    elsewhere = [path_text(path) for path, _ in walk(Settings) if path[-1] == snake]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    return "allowed: " + ", ".join(keys) if keys else ""
