"""What happened in a run, in order: counted, hashed, and kept in words where asked to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that did not hold. ``at_s``: seconds from the start of the run."""

    rule: str
    at_s: float
    app: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.at_s:.1f} s, {self.app or 'whole system'}: {self.detail}"


class Journal:
    """Takes events. Two runs of one seed must give the same digest.

    Attributes:
        counts: of everything by name. broken: rules that did not hold.
    """

    def __init__(self, time: Callable[[], float], say: Say | None = None) -> None:
        self._time = time
        self._say = say
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()
        self.broken: list[Broken] = []

    def note(self, text: str) -> None:
        """Write one event down."""
        line = f"{self._time():10.3f} {text}"
        self._digest.update(line.encode())
        if self._say is not None:
            self._say(line)

    def count(self, name: str) -> None:
        """Count one more of a kind."""
        self.counts[name] += 1

    def fail(self, rule: str, app: str, detail: str) -> None:
        """Book a rule that did not hold."""
        broken = Broken(rule, self._time(), app, detail)
        self.broken.append(broken)
        self.note(f"BROKEN {broken}")

    @property
    def digest(self) -> str:
        """The hash of all events so far."""
        return self._digest.hexdigest()
