"""Where the reconciler reports what happened: metrics, logs, the API's snapshot, a simulator."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol

from autoscaler.model import AppKey, Decision, Intervention, Observation, ScaleDown, ScaleUp


class Outcome(StrEnum):
    """What came of a scale request."""

    APPLIED = "applied"
    """The platform said yes."""
    REJECTED = "rejected"
    """The platform said no, or was never reached: nothing happened."""
    UNKNOWN = "unknown"
    """No reply: it may have happened."""
    DRY_RUN = "dry_run"
    """Not sent, because this is a dry run."""
    NOT_SENT = "not_sent"
    """Not sent: the list had changed, or acting was not allowed at that moment."""


class Recorder(Protocol):
    """Takes reports. Every method is quick, does no waiting I/O and raises nothing."""

    def observed(self, observation: Observation) -> None:
        """A list arrived."""

    def decided(self, decision: Decision) -> None:
        """A decision was made (every pass, also a hold)."""

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """A scale request ended; ``action`` is what was sent, which may be less than decided."""

    def raced(self, app: AppKey, worker_id: str) -> None:
        """A removed worker turned out to have been serving when the removal arrived."""

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        """One reconcile pass of an app ended, well or badly."""

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        """One HTTP request to the platform ended; ``code``: HTTP status or an error's name."""

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """The state store refused a write; scaling goes on from memory."""

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """A person's order took force, or ended; ``ended``: who ended it and why, else empty."""

    def forget(self, app: AppKey) -> None:
        """The app left the configuration: drop its series and snapshot."""
