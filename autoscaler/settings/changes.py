"""What a reload changed, in lines for the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Any

from pydantic import BaseModel

from autoscaler.model import AppKey
from autoscaler.settings.app import AppSettings
from autoscaler.settings.fields import is_duration
from autoscaler.settings.model import Settings
from autoscaler.settings.policy import PolicySettings
from autoscaler.settings.problems import is_secret, value_text

_TOGETHER = 5
"""The same change to more apps than this is one line."""


def diff(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return one line per change; none where both mean the same.

    ``defaults`` are compared by their effect on the apps.
    """
    lines: list[str] = []
    for key in Settings.model_fields:
        if key not in ("defaults", "apps"):
            lines.extend(_values(getattr(old, key), getattr(new, key), key, duration=False))
    return tuple(chain(lines, _apps(_by_key(old), _by_key(new))))


def _by_key(settings: Settings) -> dict[AppKey, AppSettings]:
    return {AppKey(app.namespace, app.name): app for app in settings.apps}


def _apps(old: dict[AppKey, AppSettings], new: dict[AppKey, AppSettings]) -> Iterator[str]:
    for key in old.keys() - new.keys():
        yield f"app {key} removed"
    changed: dict[str, list[AppKey]] = defaultdict(list)
    for key, app in new.items():
        if key not in old:
            yield f"app {key} added: {app.min_workers} to {app.max_workers} workers"
        elif old[key] != app:
            for line in _values(old[key], app, "", duration=False):
                changed[line].append(key)
    for line, keys in changed.items():
        if len(keys) > _TOGETHER:
            yield f"{len(keys)} apps ({keys[0]}, …): {line}"
        else:
            yield from (f"app {key}: {line}" for key in keys)


def _values(old: Any, new: Any, path: str, *, duration: bool) -> Iterator[str]:
    """Compare two values of the same place; go into sections and lists."""
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        for name, field in type(old).model_fields.items():
            inner = f"{path}.{name}" if path else name
            pair = getattr(old, name), getattr(new, name)
            yield from _values(*pair, inner, duration=is_duration(field))
    elif isinstance(old, tuple) and isinstance(new, tuple):
        yield from _lists(old, new, path)
    elif isinstance(old, PolicySettings) and isinstance(new, PolicySettings):
        if old.type != new.type:
            yield f"{path}: type {old.type} → {new.type}"
        else:
            yield from _values(old.role.value, new.role.value, f"{path}.role", duration=False)
            yield from _values(old.params, new.params, path, duration=False)
    elif is_secret(path.rpartition(".")[2]):
        yield f"{path} changed"
    else:
        yield f"{path} {_text(old, duration=duration)} → {_text(new, duration=duration)}"


def _lists(old: tuple[Any, ...], new: tuple[Any, ...], path: str) -> Iterator[str]:
    """Compare policies by name, other lists by index."""
    before, after = _named(old), _named(new)
    for name in before:
        if name not in after:
            yield f"{path}[{name}] removed"
    for name, value in after.items():
        if name in before:
            yield from _values(before[name], value, f"{path}[{name}]", duration=False)
        else:
            yield f"{path}[{name}] added"
    if before.keys() == after.keys() and list(before) != list(after):
        yield f"{path}: order {', '.join(before)} → {', '.join(after)}"


def _named(values: tuple[Any, ...]) -> dict[str, Any]:
    return {
        value.name if isinstance(value, PolicySettings) else str(index): value
        for index, value in enumerate(values)
    }


def _text(value: Any, *, duration: bool) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}s" if duration else f"{value:g}"
    if isinstance(value, BaseModel):
        return "…"
    return value_text(value).strip('"')
