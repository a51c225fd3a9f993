"""A made-up past: lists and decisions that a recorder is fed with."""

from __future__ import annotations

from typing import Any

from autoscaler.history.recorder import HistoryRecorder
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    NoData,
    Observation,
    Proposal,
    Reason,
    Recommendation,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.telemetry.serialize import decision_fields
from tests.fakes.clock import ManualClock

A, B = AppKey("default", "a"), AppKey("team", "b")
PRICE = 3.6
"""Of one worker per hour: a thousandth of it per second."""


def recorder(clock: ManualClock, price: float = PRICE) -> HistoryRecorder:
    return HistoryRecorder(clock, decision_fields, lambda _: lambda _: price)


def look(
    at: float, *, busy: int = 0, free: int = 0, queue: int | None = 0, served: int = 0,
    app: AppKey = A, **fields: Any,
) -> Observation:  # fmt: skip
    """Return a list; ``served``: requests that the first worker has finished so far."""
    states = [WorkerState.BUSY] * busy + [WorkerState.FREE] * free
    states += [WorkerState(s) for s, n in fields.pop("more", {}).items() for _ in range(n)]
    workers = tuple(
        Worker(f"w{index}", state, success_count=served if index == 0 else 0)
        for index, state in enumerate(states)
    )
    size = NoData("not told") if queue is None else queue
    return Observation(app, workers, size, at, at, at, max_workers=10, **fields)


def decision(
    at: float, *, up: int = 0, reason: Reason = Reason.AT_TARGET, desired: int = 2, app: AppKey = A
) -> Decision:
    action = ScaleUp(up) if up else Hold()
    proposals = (Proposal("queue", Recommendation(desired, "busy and waiting")),)
    return Decision(
        app, at, action, reason, f"{desired} wanted", desired=desired, proposals=proposals,
        max_workers=8,
    )  # fmt: skip
