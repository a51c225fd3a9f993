"""Is the program alive, and is it ready? The answers behind ``/livez`` and ``/readyz``."""

from __future__ import annotations

from collections.abc import Iterable

from autoscaler.model import AppKey
from autoscaler.ports.clock import Clock
from autoscaler.telemetry import SilentRecorder

NAMES_SHOWN = 5
"""Apps that a message names; the rest is a number."""


class Health(SilentRecorder):
    """Knows when the loop last went round, and which apps were tried.

    Alive: the loop's last beat is younger than a limit. Ready: the configuration was good once, and
    each of its apps has been tried once, well or badly; an outage of the platform makes nobody
    unready. Once ready it stays so: an app that is added later does not take the probe down.
    """

    def __init__(self, clock: Clock, *, beat_limit_s: float = 30.0) -> None:
        """Count from now, as if the loop had just gone round; ``beat_limit_s`` is above 0."""
        self._clock = clock
        self._beat_limit_s = beat_limit_s
        self._beat_at = clock.now()
        self._untried: set[AppKey] | None = None
        self._tried: set[AppKey] = set()
        self._trouble = "it has not been read yet"
        self._ready = False

    def beat(self) -> None:
        """The loop went round."""
        self._beat_at = self._clock.now()

    def configured(self, apps: Iterable[AppKey]) -> None:
        """A good configuration with these apps is in force; apps tried before need no more."""
        self._untried = set(apps) - self._tried
        self._note()

    def misconfigured(self, trouble: str) -> None:
        """The configuration was refused; matters only until a first one was good."""
        self._trouble = trouble

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:  # noqa: ARG002 - that it ended is enough
        """The app was tried."""
        if self._ready:
            return
        self._tried.add(app)
        self.forget(app)

    def forget(self, app: AppKey) -> None:
        """The app need not be tried any more."""
        if self._untried is not None:
            self._untried.discard(app)
            self._note()

    def live(self) -> tuple[bool, str]:
        """Return whether the loop goes round, and a sentence that says so."""
        age_s = max(0.0, self._clock.now() - self._beat_at)
        if age_s < self._beat_limit_s:
            return True, f"The loop went round {age_s:.1f} s ago."
        return False, (
            f"The loop is stuck: it last went round {age_s:.1f} s ago, "
            f"the limit is {self._beat_limit_s:g} s."
        )

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        """Return whether the program is ready, and what is missing."""
        if self._ready:
            return True, ()
        if self._untried is None:
            return False, (f"No good configuration: {self._trouble}.",)
        names = sorted(map(str, self._untried))
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        return False, (f"Not tried yet: {', '.join(names[:NAMES_SHOWN])}{more}.",)

    def _note(self) -> None:
        if self._untried is not None and not self._untried:
            self._ready = True
            self._tried.clear()
