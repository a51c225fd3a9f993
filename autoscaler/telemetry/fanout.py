"""One recorder that is several, so that the reconciler reports once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

import structlog

from autoscaler.model import AppKey, Decision, Intervention, Observation, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.telemetry.base import SilentRecorder

Take = Callable[..., None]
_REPORTS = (
    "observed",
    "decided",
    "scaled",
    "raced",
    "pass_ended",
    "platform_called",
    "state_write_failed",
    "intervened",
    "forget",
)


class Recorders(Recorder):
    """Forwards every report to each recorder that takes it, in order.

    A recorder that raises breaks its promise; it neither stops the reconciler nor the others. Its
    first failure in each kind of report is logged with the traceback, all are counted.

    Attributes:
        failures: how often each recorder raised, by class name and kind of report.
    """

    def __init__(self, recorders: tuple[Recorder, ...]) -> None:
        self._takers = {report: _takers(recorders, report) for report in _REPORTS}
        self._observed = self._takers["observed"]
        self._decided = self._takers["decided"]
        self._pass_ended = self._takers["pass_ended"]
        self._platform_called = self._takers["platform_called"]
        self.failures: Counter[tuple[str, str]] = Counter()

    # The four that come with every pass are written out, for the sake of their cost.

    def observed(self, observation: Observation) -> None:
        """Forward."""
        for take in self._observed:
            try:
                take(observation)
            except Exception:  # noqa: BLE001 - one failing recorder must not break the others
                self._failed(take, "observed")

    def decided(self, decision: Decision) -> None:
        """Forward."""
        for take in self._decided:
            try:
                take(decision)
            except Exception:  # noqa: BLE001 - as above
                self._failed(take, "decided")

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        """Forward."""
        for take in self._pass_ended:
            try:
                take(app, duration_s=duration_s, lateness_s=lateness_s)
            except Exception:  # noqa: BLE001 - as above
                self._failed(take, "pass_ended")

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        """Forward."""
        for take in self._platform_called:
            try:
                take(operation, code, duration_s)
            except Exception:  # noqa: BLE001 - as above
                self._failed(take, "platform_called")

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Forward."""
        self._forward("scaled", decision, action, outcome, detail)

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Forward."""
        self._forward("raced", app, worker_id)

    def state_write_failed(self, app: AppKey, kind: Literal["intent", "memory"]) -> None:
        """Forward."""
        self._forward("state_write_failed", app, kind)

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Forward."""
        self._forward("intervened", app, intervention, at, ended)

    def forget(self, app: AppKey) -> None:
        """Forward."""
        self._forward("forget", app)

    def _forward(self, report: str, *told: object) -> None:
        for take in self._takers[report]:
            try:
                take(*told)
            except Exception:  # noqa: BLE001 - as above
                self._failed(take, report)

    def _failed(self, take: Take, report: str) -> None:
        recorder = type(getattr(take, "__self__", take)).__name__
        self.failures[recorder, report] += 1
        if self.failures[recorder, report] == 1:
            structlog.get_logger().error(
                "recorder failed",
                recorder=recorder,
                report=report,
                message="Scaling goes on. Further failures of this kind are counted, not logged.",
                exc_info=True,
            )


def _takers(recorders: tuple[Recorder, ...], report: str) -> tuple[Take, ...]:
    """Return how each recorder takes a report, without those known to do nothing with it."""
    silent = getattr(SilentRecorder, report)
    return tuple(
        getattr(recorder, report)
        for recorder in recorders
        if getattr(type(recorder), report, None) is not silent
    )
