"""Observations and decisions of a small fleet, and a log that can be read back."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from autoscaler.model import (
    Action,
    AppKey,
    Candidate,
    Census,
    Decision,
    Hold,
    Limit,
    NoData,
    Observation,
    Proposal,
    Reason,
    Recommendation,
    ScaleDown,
    Worker,
    WorkerState,
)
from autoscaler.telemetry import configure_logging

NOW = 1_764_000_000.0


@pytest.fixture
def app() -> AppKey:
    return AppKey("default", "sd15")


@pytest.fixture
def observe(app: AppKey) -> Callable[..., Observation]:
    def make(*states: WorkerState, **changes: Any) -> Observation:
        workers = tuple(Worker(f"w{index}", state) for index, state in enumerate(states))
        fields: dict[str, Any] = {
            "app": app,
            "workers": workers,
            "queue_size": 3,
            "requested_at": NOW,
            "received_at": NOW + 0.25,
            "platform_now": NOW + 0.25,
        }
        return Observation(**(fields | changes))

    return make


@pytest.fixture
def decide(app: AppKey) -> Callable[..., Decision]:
    def make(action: Action | None = None, **changes: Any) -> Decision:
        fields: dict[str, Any] = {
            "app": app,
            "at": NOW + 1,
            "action": action or Hold(),
            "reason": Reason.AT_TARGET,
            "message": "As many workers as wanted.",
            "desired": 4,
            "combined": 9,
            "proposals": (
                Proposal("queue", Recommendation(9, "6 busy + 3 queued", {"busy": 6})),
                Proposal("slo", NoData("no arrivals seen yet")),
            ),
            "limits": (Limit(Reason.AT_MAXIMUM, 9, 4, "max_workers is 4"),),
            "census": Census(free=1, busy=2, on_order=1, present=3),
            "queue_size": 3,
            "min_workers": 1,
            "max_workers": 4,
        }
        return Decision(**(fields | changes))

    return make


@pytest.fixture
def removal() -> ScaleDown:
    return ScaleDown((Candidate("w0", 90.0, "longest idle"), Candidate("w1", 30.0, "idle")))


class Log:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def clear(self) -> None:
        self.stream.seek(0)
        self.stream.truncate()


@pytest.fixture
def _logging_kept() -> Iterator[None]:
    """Put the process's logging back as it was."""
    handlers = logging.getLogger().handlers[:]
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.getLogger().handlers[:] = handlers


@pytest.fixture
def log(_logging_kept: None) -> Log:
    log = Log()
    configure_logging("info", "json", log.stream)
    return log


@pytest.fixture
def debug_log(_logging_kept: None) -> Log:
    log = Log()
    configure_logging("debug", "json", log.stream)
    return log


@pytest.fixture
def console_log(_logging_kept: None) -> Log:
    log = Log()
    configure_logging("info", "console", log.stream)
    return log
