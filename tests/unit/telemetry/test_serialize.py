"""Every field of the model comes through; nothing that JSON cannot hold does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from math import inf, nan

import pytest

from autoscaler.model import (
    Decision,
    NoData,
    Observation,
    Proposal,
    QueuedRequest,
    Recommendation,
    Role,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.telemetry.serialize import (
    decision_fields,
    observation_fields,
    observation_summary,
    rfc3339,
)


def test_times_are_utc_and_to_the_millisecond() -> None:
    assert rfc3339(1_764_000_000.25) == "2025-11-24T16:00:00.250Z"


@pytest.mark.parametrize("absurd", [None, 1e30, -1e30, nan, inf])
def test_an_absurd_time_is_none(absurd: float | None) -> None:
    assert rfc3339(absurd) is None


def test_every_field_of_a_decision_is_there(decide: Callable[..., Decision]) -> None:
    shown = decision_fields(decide(ScaleUp(2)))
    assert {field.name for field in fields(Decision)} <= shown.keys()
    assert (shown["action"], shown["count"]) == ("scale_up", 2)
    assert (shown["at"], shown["at_epoch_s"]) == ("2025-11-24T16:00:01.000Z", 1_764_000_001.0)


def test_every_field_of_an_observation_and_its_workers_is_there(
    observe: Callable[..., Observation],
) -> None:
    queue = (QueuedRequest(1_764_000_000.0, "QUEUE_REASON_BUSY"),)
    shown = observation_fields(
        observe(WorkerState.FREE, queue=queue, signals={"rps": 2.5, "lag": NoData("no answer")})
    )
    assert {field.name for field in fields(Observation)} <= shown.keys()
    assert {field.name for field in fields(Worker)} <= shown["workers"][0].keys()
    assert shown["workers_by_state"]["free"] == 1
    assert shown["queue"][0]["created_at"] == "2025-11-24T16:00:00.000Z"
    assert shown["signals"]["rps"] == {"value": 2.5, "missing": None}
    assert shown["signals"]["lag"] == {"value": None, "missing": "no answer"}


def test_a_missing_queue_is_not_zero(observe: Callable[..., Observation]) -> None:
    missing = NoData("the value made no sense")
    shown = observation_fields(observe(queue_size=missing, queue=missing))
    assert (shown["queue_size"], shown["queue_size_missing"]) == (None, "the value made no sense")
    assert (shown["queue"], shown["queue_missing"]) == (None, "the value made no sense")


def test_the_summary_counts_workers_and_names_none(observe: Callable[..., Observation]) -> None:
    shown = observation_summary(observe(WorkerState.BUSY, WorkerState.GONE))
    assert "workers" not in shown
    assert (shown["workers_by_state"]["busy"], shown["workers_by_state"]["gone"]) == (1, 1)


def test_a_proposal_says_what_its_number_is_for(decide: Callable[..., Decision]) -> None:
    plain, bounds = Recommendation(2, "so"), Recommendation(0, "so", floor=3, abstains=True)
    shown = decision_fields(
        decide(proposals=(Proposal("a", plain, Role.CEILING), Proposal("b", bounds)))
    )
    capped, floored = shown["proposals"]
    assert capped == {"policy": "a", "workers": 2, "why": "so", "inputs": {}, "role": "ceiling"}
    assert (floored["floor"], floored["abstains"]) == (3, True)
    assert "ceiling" not in floored
    assert "role" not in floored


def test_all_of_it_is_strict_json(
    observe: Callable[..., Observation], decide: Callable[..., Decision]
) -> None:
    odd = Recommendation(1, "why", {"rate": inf, "share": nan, "mode": "fast"})
    shown = decision_fields(decide(proposals=(Proposal("odd", odd),)))
    assert shown["proposals"][0]["inputs"] == {"rate": None, "share": None, "mode": "fast"}
    json.dumps(shown, allow_nan=False)
    json.dumps(observation_fields(observe(WorkerState.FREE, signals={"x": nan})), allow_nan=False)
