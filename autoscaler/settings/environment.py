"""Environment variables: ``AUTOSCALER_<SECTION>__<KEY>``, and ``EVERAI_ENDPOINT``.

Sections and lists are JSON. A variable that nothing here knows is an error, as an unknown key in
the file is, because a misspelt one would otherwise be silently without effect. Two kinds are let
through: those of the command line, and those that Kubernetes injects into every pod of a
namespace that has a Service named ``autoscaler``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic.fields import FieldInfo

from autoscaler.settings.fields import PREFIX, item, nullable, section, variable, walk
from autoscaler.settings.model import Settings
from autoscaler.settings.problems import Path, Problem, path_text

ENDPOINT = "EVERAI_ENDPOINT"
"""The platform's own variable: stronger than the file, weaker than AUTOSCALER_EVERAI__ENDPOINT."""

OF_THE_COMMAND_LINE = frozenset(
    {
        "AUTOSCALER_CONFIG",
        "AUTOSCALER_NAMESPACE",
        "AUTOSCALER_TOKEN",
        "AUTOSCALER_TOKEN_FILE",
        "AUTOSCALER_URL",
    }
)
"""Variables that the command line reads, not the settings."""

_SERVICE_LINK = re.compile(
    r"AUTOSCALER_(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)"
    r"|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the variables say.

    Attributes:
        data: the values, nested as the file would have them.
        origins: which variable gave the value at a path. problems: what is wrong with them.
    """

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def origin(self, path: Path) -> str | None:
        """Return the variable that gave the value at ``path``, the most special one."""
        for length in range(len(path), 0, -1):
            name = self.origins.get(path[:length])
            if name is not None:
                return name
        return None


def read(env: Mapping[str, str]) -> Environment:
    """Read every ``AUTOSCALER_…`` variable that is not empty.

    Names may be written in either case. A section as a whole is read before the keys in it, so
    the more special variable wins.
    """
    data: dict[str, Any] = {}
    origins: dict[Path, str] = {}
    problems: list[Problem] = []
    ours = [name for name, text in env.items() if name.upper().startswith(PREFIX) and text.strip()]
    for name in sorted(ours, key=lambda name: (name.count("__"), name)):
        known = _variables().get(name.upper())
        if known is None:
            problems.extend(_unknown(name))
            continue
        path, info = known
        try:
            value = _value(env[name], info)
        except (ValueError, RecursionError) as error:
            problems.append(Problem(path_text(path), f"is no valid JSON: {error}", source=name))
            continue
        _put(data, path, value)
        origins[path] = name
    return Environment(data, origins, tuple(problems))


def endpoint(env: Mapping[str, str]) -> Environment:
    """Read ``EVERAI_ENDPOINT``."""
    value = env.get(ENDPOINT, "").strip()
    if not value:
        return Environment()
    path: Path = ("everai", "endpoint")
    return Environment({"everai": {"endpoint": value}}, {path: ENDPOINT})


@cache
def _variables() -> Mapping[str, tuple[Path, FieldInfo]]:
    return {variable(path): (path, info) for path, info in walk(Settings)}


def _value(text: str, info: FieldInfo) -> Any:
    """Read JSON where a section or a list is due, else text, which the model parses further."""
    if section(info.annotation) is not None or item(info.annotation) is not None:
        return json.loads(text)
    if nullable(info.annotation) and text.strip() == "null":
        return None
    return text


def _put(data: dict[str, Any], path: Path, value: Any) -> None:
    *parents, last = [str(part) for part in path]
    for part in parents:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[last] = value


def _unknown(name: str) -> list[Problem]:
    upper = name.upper()
    if upper in OF_THE_COMMAND_LINE or _SERVICE_LINK.fullmatch(upper):
        return []
    if upper.endswith("TOKEN"):
        hint = "the token goes into EVERAI_TOKEN or into the file of everai.token_file"
    else:
        near = get_close_matches(upper, _variables(), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "unset it"
    return [Problem("", "no such environment variable", hint=hint, source=name)]
