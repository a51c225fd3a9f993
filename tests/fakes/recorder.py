"""A recorder that remembers everything it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autoscaler.model import AppKey, Decision, Intervention, Observation, ScaleDown, ScaleUp
from autoscaler.ports import Outcome


@dataclass(frozen=True, slots=True)
class Scaled:
    decision: Decision
    action: ScaleUp | ScaleDown
    outcome: Outcome
    detail: str


@dataclass(slots=True)
class RecordingRecorder:
    """Implements ports.Recorder."""

    observations: list[Observation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    scalings: list[Scaled] = field(default_factory=list)
    races: list[tuple[AppKey, str]] = field(default_factory=list)
    passes: list[tuple[AppKey, float, float]] = field(default_factory=list)
    calls: list[tuple[str, str, float]] = field(default_factory=list)
    write_failures: list[tuple[AppKey, str]] = field(default_factory=list)
    interventions: list[tuple[AppKey, Intervention, float, str]] = field(default_factory=list)
    forgotten: list[AppKey] = field(default_factory=list)

    def observed(self, observation: Observation) -> None:
        self.observations.append(observation)

    def decided(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        self.scalings.append(Scaled(decision, action, outcome, detail))

    def raced(self, app: AppKey, worker_id: str) -> None:
        self.races.append((app, worker_id))

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        self.passes.append((app, duration_s, lateness_s))

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        self.calls.append((operation, code, duration_s))

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        self.write_failures.append((app, kind))

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        self.interventions.append((app, intervention, at, ended))

    def forget(self, app: AppKey) -> None:
        self.forgotten.append(app)

    def outcomes(self) -> list[Outcome]:
        return [scaled.outcome for scaled in self.scalings]

    def reasons_of(self, app: AppKey) -> list[str]:
        return [decision.reason.value for decision in self.decisions if decision.app == app]
