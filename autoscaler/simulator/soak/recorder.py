"""The recorder of one simulated process: counts, and checks what every decision says of itself."""

from __future__ import annotations

from typing import Literal

from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    Intervention,
    Observation,
    ScaleDown,
    ScaleUp,
    action_name,
)
from autoscaler.ports import Outcome
from autoscaler.simulator.soak.journal import Journal

LATENESS_MAX_S = 1.5
"""A pass starts this late at most, whatever the other apps do; the simulated tick is 1 s."""


class SoakRecorder:
    """Implements :class:`autoscaler.ports.Recorder`.

    Attributes:
        latest: the last decision of each app: what a scale call on the wire was made for.
    """

    def __init__(self, process: str, journal: Journal, token: str) -> None:
        self._process = process
        self._journal = journal
        self._token = token
        self.latest: dict[AppKey, Decision] = {}

    def observed(self, observation: Observation) -> None:  # noqa: ARG002 - the port's words
        """Count."""
        self._journal.count("lists believed or doubted")

    def decided(self, decision: Decision) -> None:
        """Count, and check that the decision explains itself."""
        before = self.latest.get(decision.app)
        self.latest[decision.app] = decision
        name = action_name(decision.action)
        self._journal.count(f"reason {decision.reason}" if name == "hold" else name)
        if decision.reason == "InternalError":
            self._journal.fail("internal-error", str(decision.app), decision.message)
        unexplained = _unexplained(decision)
        if unexplained:
            self._journal.fail("unexplained", str(decision.app), unexplained)
        self._keep_secret(decision.message)
        if name != "hold" or before is None or before.reason is not decision.reason:
            self._journal.note(
                f"{self._process} {decision.app} {name} {decision.reason}: {decision.message}"
            )

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Count what came of a scale call."""
        self._journal.count(f"{action_name(action)} {outcome}")
        self._keep_secret(detail)
        self._journal.note(f"{self._process} {decision.app} {action_name(action)} {outcome}")

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Count a removal that hit a serving worker, as the autoscaler itself saw it."""
        self._journal.count("raced removals seen")
        self._journal.note(f"{self._process} {app} raced {worker_id}")

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:  # noqa: ARG002
        """Check that no app waits for another."""
        self._journal.count("passes")
        if lateness_s > LATENESS_MAX_S:
            self._journal.fail("late-pass", str(app), f"started {lateness_s:.1f} s late")

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:  # noqa: ARG002
        """Count every request."""
        self._journal.count("requests to the platform")

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:  # noqa: ARG002
        """Count."""
        self._journal.count(f"state writes failed: {kind}")

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:  # noqa: ARG002
        """Count the orders by hand, and those that ended."""
        self._journal.count(f"{'ended' if ended else 'began'} by hand: {intervention.kind}")

    def forget(self, app: AppKey) -> None:
        """Drop the app's last decision."""
        self.latest.pop(app, None)

    def _keep_secret(self, text: str) -> None:
        if self._token in text:
            self._journal.fail("token-told", "", text.replace(self._token, "[token]"))


def _unexplained(decision: Decision) -> str:
    """Return what a decision leaves open; empty if nothing."""
    if not decision.message:
        return f"{decision.reason} without words"
    if isinstance(decision.action, ScaleDown) and not all(
        candidate.why for candidate in decision.action.candidates
    ):
        return "a candidate is chosen without saying why"
    if not isinstance(decision.action, Hold) and (
        decision.census is None or decision.desired is None or not decision.proposals
    ):
        return f"{decision.reason} acts without saying on what"
    if any(not limit.why for limit in decision.limits):
        return "a limit without words"
    return ""
