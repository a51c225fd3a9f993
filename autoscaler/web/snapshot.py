"""The last word on every app: what was seen, what was decided, what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autoscaler.model import AppKey, Decision, Hold, Observation, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome
from autoscaler.telemetry import SilentRecorder


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """A scale request that ended.

    Attributes:
        decision: what led to it. action: what was sent, which may be less than decided.
        outcome: what came of it. detail: the same for people.
    """

    decision: Decision
    action: ScaleUp | ScaleDown
    outcome: Outcome
    detail: str


@dataclass(slots=True)
class AppSnapshot:
    """What is kept of one app; ``None`` until there was one.

    Attributes:
        observation: the last complete list. decision: the last decision.
        acted: the last decision that was no hold. scaled: the last scale request that ended.
    """

    observation: Observation | None = None
    decision: Decision | None = None
    acted: Decision | None = None
    scaled: ScaleResult | None = None


class Snapshot(SilentRecorder):
    """Keeps, per app, the last of each report. It holds references and copies nothing."""

    def __init__(self) -> None:
        self._apps: dict[AppKey, AppSnapshot] = {}
        self._in_order: tuple[AppKey, ...] | None = None

    def observed(self, observation: Observation) -> None:
        """Keep the list."""
        self._entry(observation.app).observation = observation

    def decided(self, decision: Decision) -> None:
        """Keep the decision; and a second time, if it acts, for when holds have followed."""
        entry = self._entry(decision.app)
        entry.decision = decision
        if not isinstance(decision.action, Hold):
            entry.acted = decision

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Keep what came of the request."""
        self._entry(decision.app).scaled = ScaleResult(decision, action, outcome, detail)

    def forget(self, app: AppKey) -> None:
        """Drop the app."""
        if self._apps.pop(app, None) is not None:
            self._in_order = None

    def get(self, app: AppKey) -> AppSnapshot | None:
        """Return what is kept of an app; ``None`` for one that nothing was reported of."""
        return self._apps.get(app)

    def __iter__(self) -> Iterator[tuple[AppKey, AppSnapshot]]:
        """Go through the apps in order of their names, as they are now."""
        return iter([(app, self._apps[app]) for app in self.keys()])

    def keys(self) -> tuple[AppKey, ...]:
        """Return the apps in order of their names; sorted anew only after one joined or left."""
        if self._in_order is None:
            self._in_order = tuple(sorted(self._apps))
        return self._in_order

    def __len__(self) -> int:
        return len(self._apps)

    def _entry(self, app: AppKey) -> AppSnapshot:
        entry = self._apps.get(app)
        if entry is None:
            entry = self._apps[app] = AppSnapshot()
            self._in_order = None
        return entry
