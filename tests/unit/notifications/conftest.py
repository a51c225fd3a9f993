"""Decisions in time, a target, and a real receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from autoscaler.model import AppKey, Decision, Hold, Reason
from autoscaler.notifications import Event, Format, Target
from autoscaler.telemetry.decision_log import TROUBLE
from tests.fakes.clock import T0
from tests.fakes.receiver import Receiver, receiving

APP = AppKey("default", "sd15")


@pytest.fixture
def decision() -> Callable[..., Decision]:
    """Make a hold for a reason, so many seconds after the begin."""

    def make(reason: Reason = Reason.AT_TARGET, at: float = 0.0, **changes: Any) -> Decision:
        fields: dict[str, Any] = {"app": APP, "action": Hold(), "desired": 3}
        fields["message"] = f"words about {reason}"
        return Decision(at=T0 + at, reason=reason, **(fields | changes))

    return make


@pytest.fixture
def target() -> Callable[..., Target]:
    """Make a target that is told of trouble at once and of everything."""

    def make(url: str = "https://hooks.example.com/key", **changes: Any) -> Target:
        fields: dict[str, Any] = {
            "name": "ops",
            "format": Format.GENERIC,
            "address": lambda: url,
            "events": frozenset(Event),
            "reasons": frozenset(reason.value for reason in TROUBLE),
            "after_s": 60.0,
            "timeout_s": 2.0,
        }
        return Target(**(fields | changes))

    return make


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
