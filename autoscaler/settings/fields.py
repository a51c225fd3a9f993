"""Questions about the models: which keys there are, of which type, and what is a section.

Environment variables, hints and the reference are all answered from here, so that none of them
can forget a key.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from autoscaler.policies import parse_duration, policies
from autoscaler.settings.policy import PolicySettings, entry_model
from autoscaler.settings.problems import Path

PREFIX = "AUTOSCALER_"
"""Start of every environment variable's name."""


def bare(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off a type."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        if len(rest) == 1:
            return bare(rest[0])
    return annotation


def section(annotation: Any) -> type[BaseModel] | None:
    """Return the model where a type is a section (optional or not)."""
    found = bare(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def item(annotation: Any) -> Any:
    """Return the type of a list's items; ``None`` where a type is no list."""
    found = bare(annotation)
    if get_origin(found) in (tuple, list):
        return get_args(found)[0]
    return None


def nullable(annotation: Any) -> bool:
    """Whether ``null`` is a value of its own."""
    return type(None) in get_args(annotation)


def is_duration(field: FieldInfo) -> bool:
    """Whether a value is a duration: its type is parsed by ``parse_duration``."""
    marks: list[Any] = list(field.metadata)
    for part in (field.annotation, *get_args(field.annotation)):
        if get_origin(part) is Annotated:
            marks.extend(get_args(part)[1:])
    return any(getattr(mark, "func", None) is parse_duration for mark in marks)


def walk(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[Path, FieldInfo]]:
    """Yield every key with its path, sections before what is in them; lists are not entered."""
    for name, field in model.model_fields.items():
        yield (*path, name), field
        inner = section(field.annotation)
        if inner is not None:
            yield from walk(inner, (*path, name))


def variable(path: Path) -> str:
    """Return the environment variable of a value: ``AUTOSCALER_SERVER__LISTEN``."""
    return PREFIX + "__".join(str(part) for part in path).upper()


def keys_at(root: type[BaseModel], path: Path, data: Any) -> Mapping[str, FieldInfo]:
    """Return the keys that are allowed in the mapping at ``path``; none where it is no mapping.

    ``data`` is the whole configuration as given: the ``type`` of a policy says which keys it has.
    """
    current: Any = root
    for part in path:
        data = child(data, part)
        inner = section(current)
        if inner is not None and isinstance(part, str) and part in inner.model_fields:
            current = inner.model_fields[part].annotation
        elif item(current) is not None and isinstance(part, int):
            current = item(current)
        else:
            return {}
    if bare(current) is PolicySettings:
        kind = child(data, "type")
        known = isinstance(kind, str) and kind in policies()
        return entry_model(kind).model_fields if known else {}
    inner = section(current)
    return inner.model_fields if inner is not None else {}


def child(data: Any, part: str | int) -> Any:
    """Go one step into a configuration as given; ``None`` where there is nothing."""
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def has(data: Any, path: Path) -> bool:
    """Whether a value stands at ``path``."""
    for part in path:
        if isinstance(data, dict):
            if part not in data:
                return False
        elif not (isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data)):
            return False
        data = data[part]
    return True
