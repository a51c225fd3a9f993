"""One recorder that is several, so that the reconciler reports once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

import structlog

from autoscaler.model import AppKey, Decision, Intervention, Observation, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome, Recorder


class Recorders(Recorder):
    """Forwards every report to each recorder, in order.

    A recorder that raises breaks its promise; it neither stops the reconciler nor the others. Its
    first failure in each kind of report is logged with the traceback, all are counted.

    Attributes:
        failures: how often each recorder raised, by class name and kind of report.
    """

    def __init__(self, recorders: tuple[Recorder, ...]) -> None:
        self._recorders = recorders
        self.failures: Counter[tuple[str, str]] = Counter()

    def observed(self, observation: Observation) -> None:
        """Forward."""
        self._forward("observed", lambda recorder: recorder.observed(observation))

    def decided(self, decision: Decision) -> None:
        """Forward."""
        self._forward("decided", lambda recorder: recorder.decided(decision))

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Forward."""
        self._forward("scaled", lambda recorder: recorder.scaled(decision, action, outcome, detail))

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Forward."""
        self._forward("raced", lambda recorder: recorder.raced(app, worker_id))

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        """Forward."""
        self._forward(
            "pass_ended",
            lambda recorder: recorder.pass_ended(app, duration_s=duration_s, lateness_s=lateness_s),
        )

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        """Forward."""
        self._forward(
            "platform_called",
            lambda recorder: recorder.platform_called(operation, code, duration_s),
        )

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """Forward."""
        self._forward("state_write_failed", lambda recorder: recorder.state_write_failed(app, kind))

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Forward."""
        self._forward(
            "intervened", lambda recorder: recorder.intervened(app, intervention, at, ended)
        )

    def forget(self, app: AppKey) -> None:
        """Forward."""
        self._forward("forget", lambda recorder: recorder.forget(app))

    def _forward(self, report: str, send: Callable[[Recorder], None]) -> None:
        for recorder in self._recorders:
            try:
                send(recorder)
            except Exception:  # noqa: BLE001 - one failing recorder must not break the others
                self._failed(type(recorder).__name__, report)

    def _failed(self, recorder: str, report: str) -> None:
        self.failures[recorder, report] += 1
        if self.failures[recorder, report] == 1:
            structlog.get_logger().error(
                "recorder failed",
                recorder=recorder,
                report=report,
                message="Scaling goes on. Further failures of this kind are counted, not logged.",
                exc_info=True,
            )
