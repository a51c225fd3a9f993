"""One word for each reason, and none forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.model import Decision, Reason, ScaleUp
from autoscaler.telemetry.status import AppStatus, status_of

LIMITED = {
    "AtMaximum", "CappedByCeiling", "Stabilizing", "RateLimited", "Cooldown", "WarmingUp",
    "LoadWouldNotFit", "IdleTimeout", "NoFreeWorkers", "MinLifetime", "DisruptionBudget",
    "CandidatesChanged", "RollingOut", "FleetLimit", "FrozenAfterRestart", "JustResumed",
    "LoadAboveCapacity", "BelowMinimum", "LoadBelowCapacity", "AboveMaximum", "ClearingFailed",
    "Overridden", "Boosted",
}  # fmt: skip
"""Reasons that are limits when they hold; a reason to act that holds was kept from acting."""


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_word(reason: Reason, decide: Callable[..., Decision]) -> None:
    word = status_of(decide(reason=reason))
    assert (word is AppStatus.LIMITED) is (reason.value in LIMITED), (
        "a new reason: say in autoscaler/telemetry/status.py what it means for the app"
    )


def test_whoever_acts_is_scaling(decide: Callable[..., Decision]) -> None:
    assert status_of(decide(ScaleUp(1), reason=Reason.FALLBACK)) is AppStatus.SCALING
    assert status_of(None) is AppStatus.UNSEEN
    assert status_of(decide(reason=Reason.PAUSED)) is AppStatus.OFF
    assert status_of(decide(reason=Reason.CRASH_LOOP)) is AppStatus.TROUBLED
