"""What a rule over several values found, and which place is to blame for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from autoscaler.settings.fields import has
from autoscaler.settings.problems import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    Attributes:
        path: the value to blame. message: what is wrong. hint: what to do.
        uses: values that the rule looked at; if one of them is wrong by itself, this is moot.
        other: the second place of a pair. severity: errors refuse the configuration.
    """

    path: Path
    message: str
    uses: tuple[Path, ...]
    severity: Literal["error", "warning"] = "error"
    hint: str = ""
    other: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an app (or ``defaults``) stands in the configuration as given."""

    at: Path
    data: dict[str, Any]

    def gives(self, *key: str | int) -> bool:
        """Whether the app itself gives this value."""
        return has(self.data, (*self.at, *key))

    def blame(self, *key: str | int) -> Path:
        """Return where the value was written: in the app, else under ``defaults``."""
        shared = ("defaults", *key)
        return shared if not self.gives(*key) and has(self.data, shared) else (*self.at, *key)

    def error(
        self, key: tuple[str | int, ...], message: str, *also: str, hint: str = ""
    ) -> Finding:
        """Make an error about ``key``; ``also``: the app's other keys that were looked at."""
        return Finding(self.blame(*key), message, self._uses(key, also), hint=hint)

    def warning(
        self, key: tuple[str | int, ...], message: str, *also: str, hint: str = ""
    ) -> Finding:
        """Make a warning, as :meth:`error` does."""
        return Finding(self.blame(*key), message, self._uses(key, also), "warning", hint)

    def _uses(self, key: tuple[str | int, ...], also: tuple[str, ...]) -> tuple[Path, ...]:
        return ((*self.at, key[0]), *((*self.at, other) for other in also))
