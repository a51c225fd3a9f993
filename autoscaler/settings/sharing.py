"""Equal values of many apps become one object.

Ten thousand apps have a few different wishes between them; pydantic makes each of them anew for
each app. Settings are frozen, so that only memory tells: 1.3 KiB an app.
"""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import Any

from pydantic import BaseModel


def share_equal(app: BaseModel) -> None:
    """Let an app have equal values in common with the apps before it, in any configuration.

    Done as each is made, so that ten thousand do not first lie in memory each with its own.
    """
    values = app.__dict__
    for name, value in values.items():
        # Hardly two apps have a name in common, but one has it in the next configuration too.
        values[name] = intern(value) if name == "name" else _one_of(value)
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
