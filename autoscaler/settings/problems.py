"""What is wrong with a configuration: one value per finding, and the errors that carry them.

    ConfigurationError
    ├── UnreadableConfiguration   the file cannot be read at all
    └── InvalidConfiguration      it was read, and cannot be used; has every problem at once

No problem ever holds the value of a key that may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autoscaler.model.errors import ConfigurationError

Path = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the root."""

_SHOWN_CHARS = 80
"""A value is cut to this many characters in a message."""

_LISTED = 50
"""The error's own text lists this many problems; ``problems`` has them all."""

_SECRET = re.compile(r"token|secret|passw|credential|api_?key|auth|cookie|header", re.IGNORECASE)
_NOT_SECRET = frozenset(
    {"token_file", "secret_file", "read_token_file", "action_token_file", "metrics_need_token"}
)
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^/\s]*@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes:
        path: which value, as ``apps[1].max_workers``; empty for the file as a whole.
        message: what is wrong with it and what is allowed.
        value: what stands there, shortened; empty where there is none or it may be a secret.
        line: line in the file, from 1; ``None`` where it does not come from a file.
        hint: what to do next, often ``did you mean …?``; may be empty.
        severity: an error refuses the configuration, a warning does not.
        source: file name, name of the environment variable, or ``command line``.
    """

    path: str
    message: str
    value: str = ""
    line: int | None = None
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    source: str = ""

    def __str__(self) -> str:
        """``file:line: path = value: message (hint)``, without the parts that are empty."""
        place = f"{self.source}:{self.line}" if self.line is not None else self.source
        what = f"{self.path} = {self.value}" if self.path and self.value else self.path
        parts = [part for part in (place, what, self.message) if part]
        return ": ".join(parts) + (f" ({self.hint})" if self.hint else "")


class UnreadableConfiguration(ConfigurationError):  # noqa: N818 - named for what happened
    """The file is missing, is not a file, may not be read, or is no UTF-8 text."""


class InvalidConfiguration(ConfigurationError):  # noqa: N818 - named for what it is
    """The configuration was read and is refused whole.

    Attributes:
        problems: every finding, errors and warnings, in the order of the file.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        errors = [problem for problem in problems if problem.severity == "error"]
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        lines = "".join(f"\n  {problem}" for problem in errors[:_LISTED])
        if len(errors) > _LISTED:
            lines += f"\n  and {len(errors) - _LISTED} more; `autoscaler validate` lists them all"
        super().__init__(f"the configuration has {count}:{lines}")


def path_text(path: Path) -> str:
    """Write ``("apps", 1, "name")`` as ``apps[1].name``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def is_secret(key: str) -> bool:
    """Whether the value of such a key may be a secret, so that it is shown nowhere."""
    return key not in _NOT_SECRET and _SECRET.search(key) is not None


def is_secret_place(path: Path) -> bool:
    """Whether the value that stands there may be a secret: so is a webhook's address."""
    if path[-1:] == ("url",) and path[0] in ("notifications", "state"):
        return True
    return any(isinstance(part, str) and is_secret(part) for part in path)


def value_text(value: object) -> str:
    """Write a value as the file would have it, shortened; containers only by their kind.

    A user and password within an address are left out.
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    if isinstance(value, (str, bool, int, float)) or value is None:
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = str(value)
    text = without_user(text)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def without_user(text: str) -> str:
    """Return a text whose addresses have no user and password in them."""
    return _USER_IN_ADDRESS.sub("…@", text)


def sort_key(problem: Problem) -> tuple[str, int, str]:
    """Order of problems: by source, then line, then path."""
    return problem.source, problem.line or 0, problem.path
