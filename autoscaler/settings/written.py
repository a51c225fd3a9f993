"""Settings in the words of the configuration file: what is in force, for people to read.

Durations stand as text, policies as flat entries, and whatever may be a secret is masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from autoscaler.settings.fields import is_duration
from autoscaler.settings.policy import OWN_KEYS, PolicySettings, entry_model
from autoscaler.settings.problems import is_secret, without_user

MASK = "[redacted]"


def written(section: BaseModel, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a section (or all of the settings) as mappings and lists, ready for YAML or JSON."""
    fields = type(section).model_fields
    return {
        name: _value(name, getattr(section, name), field)
        for name, field in fields.items()
        if name not in without
    }


def _value(name: str, value: Any, field: FieldInfo | None) -> Any:
    if value is not None and is_secret(name):
        return MASK
    if field is not None and is_duration(field) and isinstance(value, (int, float)):
        return f"{value:g}s"
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, PolicySettings):
        return _policy(value)
    if isinstance(value, BaseModel):
        return written(value)
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), item, None) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return without_user(str(value)) if not isinstance(value, Path) else str(value)


def _policy(entry: PolicySettings) -> dict[str, Any]:
    fields = entry_model(entry.type).model_fields
    own = {"type": entry.type, "name": entry.name, "role": entry.role.value}
    params = {
        name: _value(name, getattr(entry.params, name), fields.get(name))
        for name in type(entry.params).model_fields
        if name not in OWN_KEYS
    }
    return own | params
