"""A recorder that ignores every report, so that a real one writes only the methods it needs."""

from __future__ import annotations

from typing import Literal

from autoscaler.model import AppKey, Decision, Intervention, Observation, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome, Recorder


class SilentRecorder(Recorder):
    """Takes every report and does nothing with it."""

    def observed(self, observation: Observation) -> None:
        """Ignore it."""

    def decided(self, decision: Decision) -> None:
        """Ignore it."""

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Ignore it."""

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Ignore it."""

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        """Ignore it."""

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        """Ignore it."""

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """Ignore it."""

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Ignore it."""

    def forget(self, app: AppKey) -> None:
        """Ignore it."""
