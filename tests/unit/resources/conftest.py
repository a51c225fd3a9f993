"""Verdicts and decisions about objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import AppKey, Census, Decision, Hold, Reason
from autoscaler.ports import Resource
from autoscaler.settings.resource import Readiness, Verdict
from tests.fakes.clock import ManualClock

APP = AppKey("default", "one")

Decide = Callable[..., Decision]


@pytest.fixture
def decide(manual_clock: ManualClock) -> Decide:
    """Make a decision of this moment."""

    def make(reason: Reason = Reason.AT_TARGET, **changes: Any) -> Decision:
        fields: dict[str, Any] = {
            "app": APP, "at": manual_clock.now(), "action": Hold(), "desired": 2,
            "census": Census(free=1, busy=1, present=2), "queue_size": 0,
            "min_workers": 1, "max_workers": 5, "message": f"words about {reason}",
        }  # fmt: skip
        return Decision(reason=reason, **(fields | changes))

    return make


@pytest.fixture
def accepted() -> Callable[[Resource], Verdict]:
    def make(resource: Resource) -> Verdict:
        app = AppKey("default", resource.key.name)
        return Verdict(Readiness.ACCEPTED, f"app {app} is scaled as it says", app, scales=True)

    return make
