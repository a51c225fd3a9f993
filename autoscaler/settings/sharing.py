"""Equal values of many apps become one object.

Ten thousand apps have a few different wishes between them; pydantic makes each of them anew for
each app. Settings are frozen, so that only memory tells: 1.3 KiB an app.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from sys import intern
from typing import Any

from autoscaler.settings.app import AppSettings

_OWN = frozenset({"name", "token_file"})
"""What hardly two apps have in common; a name is the same in the next configuration."""


def share_equal(apps: Iterable[AppSettings]) -> None:
    """Let these apps, and all that came before them, have equal values in common."""
    for app in apps:
        values = app.__dict__
        for name, value in values.items():
            if name not in _OWN:
                values[name] = _one_of(value)
        values["name"] = intern(app.name)
        given = _given(frozenset(app.__pydantic_fields_set__))
        object.__setattr__(app, "__pydantic_fields_set__", given)


def _one_of(value: Any) -> Any:
    """Return the first object that was equal to this one, and of its type."""
    try:
        return _first(value)
    except TypeError:  # a list or a mapping in it has no hash
        return value


@lru_cache(maxsize=4096, typed=True)
def _first(value: Any) -> Any:
    return value


@lru_cache(maxsize=4096)
def _given(names: frozenset[str]) -> set[str]:
    return set(names)
