"""Several recorders as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import (
    AppKey,
    Decision,
    Intervention,
    InterventionKind,
    Observation,
    ScaleDown,
    ScaleUp,
)
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.telemetry import Recorders, SilentRecorder

PAUSE = Intervention(InterventionKind.PAUSE, 1.0, None, "ann", "a test")


class Memory(SilentRecorder):
    """Remembers every report, and fails after that if it is told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.reports: list[tuple[object, ...]] = []
        self._fails = fails

    def _keep(self, *report: object) -> None:
        self.reports.append(report)
        if self._fails:
            raise RuntimeError("this recorder is broken")

    def observed(self, observation: Observation) -> None:
        self._keep("observed", observation)

    def decided(self, decision: Decision) -> None:
        self._keep("decided", decision)

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        self._keep("scaled", decision, action, outcome, detail)

    def raced(self, app: AppKey, worker_id: str) -> None:
        self._keep("raced", app, worker_id)

    def pass_ended(self, app: AppKey, *, duration_s: float, lateness_s: float) -> None:
        self._keep("pass_ended", app, duration_s, lateness_s)

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        self._keep("platform_called", operation, code, duration_s)

    def state_write_failed(self, app: AppKey, kind: str) -> None:
        self._keep("state_write_failed", app, kind)

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        self._keep("intervened", app, intervention, at, ended)

    def forget(self, app: AppKey) -> None:
        self._keep("forget", app)


@pytest.fixture
def reports(
    app: AppKey, observe: Callable[..., Observation], decide: Callable[..., Decision]
) -> list[tuple[object, ...]]:
    """One of each, as ``Memory`` keeps them."""
    return [
        ("observed", observe()),
        ("decided", decide()),
        ("scaled", decide(), ScaleUp(1), Outcome.APPLIED, "fine"),
        ("raced", app, "w1"),
        ("pass_ended", app, 0.1, 0.2),
        ("platform_called", "list_workers", "200", 0.3),
        ("state_write_failed", app, "memory"),
        ("intervened", app, PAUSE, 1.0, ""),
        ("forget", app),
    ]


def send_all(recorder: Recorder, reports: list[tuple[object, ...]]) -> None:
    for name, *arguments in reports:
        if name == "pass_ended":
            app, duration_s, lateness_s = arguments
            recorder.pass_ended(app, duration_s=duration_s, lateness_s=lateness_s)  # type: ignore[arg-type]  # kept as objects
        else:
            getattr(recorder, str(name))(*arguments)


def test_every_report_reaches_every_recorder(reports: list[tuple[object, ...]]) -> None:
    first, second = Memory(), Memory()
    send_all(Recorders((first, second)), reports)
    assert first.reports == second.reports == reports


def test_a_broken_recorder_breaks_no_other(log: Any, reports: list[tuple[object, ...]]) -> None:
    broken, whole = Memory(fails=True), Memory()
    recorders = Recorders((broken, whole))
    send_all(recorders, reports)
    send_all(recorders, reports)
    assert whole.reports == reports * 2
    assert recorders.failures == {("Memory", name): 2 for name, *_ in reports}
    assert len(log.events) == len(reports)
    assert "this recorder is broken" in log.events[0]["exception"]


def test_the_silent_recorder_takes_everything(reports: list[tuple[object, ...]]) -> None:
    send_all(SilentRecorder(), reports)
