"""The tables of docs/configuration.md, made from the models, so that the page cannot lag behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from autoscaler.policies import policies
from autoscaler.settings.app import AppSettings
from autoscaler.settings.fields import bare, is_duration, item, nullable, section, variable
from autoscaler.settings.model import Settings
from autoscaler.settings.policy import OWN_KEYS, PolicySettings, entry_model

_HEAD = "| key | type | default | meaning | environment variable |\n|---|---|---|---|---|\n"
_POLICY_HEAD = "| key | type | default | meaning |\n|---|---|---|---|\n"


MARKS = ("<!-- reference: begin -->\n", "<!-- reference: end -->\n")
"""Lines of a page between which the tables stand."""


def with_reference(page: str) -> str:
    """Return a page with the tables between its marks written anew.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise ValueError(f"there are no lines {MARKS[0].strip()} and {MARKS[1].strip()} in it")
    return before + begin + reference() + end + after


def with_parameters(page: str) -> str:
    """Return a page with the parameter tables anew, each between the marks of its policy.

    Raises:
        ValueError: the page lacks the marks of a policy.
    """
    for kind in policies():
        begin, end = (f"<!-- parameters of {kind}: {word} -->\n" for word in ("begin", "end"))
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"there are no lines {begin.strip()} and {end.strip()} in it")
        page = before + begin + _parameter_table(kind) + end + after
    return page


def reference() -> str:
    """Return the tables as Markdown: the keys, then each policy's parameters."""
    keys = "".join(_rows(Settings, "", ()))
    policy_tables = "".join(_policy(kind) for kind in policies())
    return f"### Keys\n\n{_HEAD}{keys}\n### Policies\n{policy_tables}"


def _rows(model: type[BaseModel], prefix: str, env: tuple[str, ...] | None) -> Iterator[str]:
    """Yield a row per key; ``env`` is the path for the variable, ``None`` inside lists."""
    for name, field in _in_order(model):
        if model is Settings and name == "defaults":
            yield _row(name, "section", "", "Every key of an app but `name`.", (name,))
            continue
        path = None if env is None else (*env, name)
        inner, entry = section(field.annotation), item(field.annotation)
        if inner is not None:
            yield from _section(inner, field, prefix + name, path)
        else:
            yield _row(prefix + name, _type(field), _default(field), field.description, path)
        if model is Settings and name == "apps":
            yield from _rows(section(entry) or inner or model, "apps[].", ("defaults",))
        elif section(entry) is not None:
            yield from _rows(section(entry) or model, f"{prefix}{name}[].", None)


def _in_order(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Return the fields as a person would write them: an app begins with its name."""
    order = {key: place for place, key in enumerate(("name", "namespace", "max_workers"))}
    fields = list(model.model_fields.items())
    return (
        sorted(fields, key=lambda pair: order.get(pair[0], len(order)))
        if model is AppSettings
        else fields
    )


def _section(
    inner: type[BaseModel], field: FieldInfo, name: str, path: tuple[str, ...] | None
) -> Iterator[str]:
    default = "null" if nullable(field.annotation) else ""
    yield _row(name, "section", default, field.description, path)
    yield from _rows(inner, f"{name}.", path)


def _row(
    key: str, kind: str, default: str, meaning: str | None, path: tuple[str, ...] | None
) -> str:
    env = variable(path) if path and path[-1] != "name" else ""
    return f"| `{key}` | {kind} | {_code(default)} | {_cell(meaning)} | {_code(env)} |\n"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a policy, in words. ``default`` is empty where one must be given."""

    name: str
    type: str
    default: str
    meaning: str


def parameters(kind: str) -> tuple[Parameter, ...]:
    """Return a policy's parameters; those of the entries of a list follow it as ``list[].key``."""
    return tuple(_parameters(entry_model(kind), ""))


def _parameters(model: type[BaseModel], prefix: str) -> Iterator[Parameter]:
    for name, field in model.model_fields.items():
        if name in OWN_KEYS and not prefix:
            continue
        meaning = field.description or ""
        yield Parameter(prefix + name, _type(field), _default(field), meaning)
        entry = section(item(field.annotation))
        if entry is not None:
            yield from _parameters(entry, f"{prefix}{name}[].")


def _policy(kind: str) -> str:
    return f"\n#### `type: {kind}`\n\n{_parameter_table(kind)}"


def _parameter_table(kind: str) -> str:
    rows = "".join(
        f"| `{each.name}` | {each.type} | {_code(each.default)} | {_cell(each.meaning)} |\n"
        for each in parameters(kind)
    )
    return f"{_POLICY_HEAD}{rows}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


def _type(field: FieldInfo) -> str:
    """Name a type for people."""
    kind = bare(field.annotation)
    if is_duration(field):
        name = "duration"
    elif get_origin(kind) is Literal:
        name = " / ".join(f"`{_plain(value)}`" for value in get_args(kind))
    elif item(kind) is not None:
        name = "list of policies" if bare(item(kind)) is PolicySettings else "list"
    else:
        names = {
            int: "whole number",
            float: "number",
            str: "text",
            SecretStr: "text",
            bool: "`true` / `false`",
        }
        name = names.get(kind, "path" if getattr(kind, "__name__", "") == "Path" else "value")
    return f"{name} or `null`" if nullable(field.annotation) else name


def _default(field: FieldInfo) -> str:
    """Return the default as the file would have it; empty where there is none."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "default" in extra:
        return str(extra["default"])
    if field.is_required():
        return ""
    value = field.default
    if field.default_factory is dict:
        return "{}"
    if value is PydanticUndefined:
        return "[{type: queue, target: 1}]"
    if is_duration(field) and isinstance(value, (int, float)):
        return f"{value:g}s"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return "[]"
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) else str(value)
