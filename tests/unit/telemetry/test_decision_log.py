"""Which events are written, and how loud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from autoscaler.model import (
    AppKey,
    Decision,
    Intervention,
    InterventionKind,
    Observation,
    Reason,
    ScaleDown,
    ScaleUp,
)
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.telemetry import DecisionLog
from autoscaler.telemetry.decision_log import ODDITIES_MAX

Decide = Callable[..., Decision]


@pytest.fixture
def decisions(log: Any) -> DecisionLog:
    return DecisionLog(structlog.get_logger())


def levels(log: Any) -> list[tuple[str, str]]:
    return [(event["level"], event["event"]) for event in log.events]


def test_an_event_has_every_field_of_the_decision(
    log: Any, decisions: DecisionLog, decide: Decide, removal: ScaleDown
) -> None:
    decisions.decided(decide(removal, reason=Reason.LOAD_BELOW_CAPACITY))
    (event,) = log.events
    assert event["event"] == "decision"
    assert (event["namespace"], event["app"]) == ("default", "sd15")
    assert (event["action"], event["reason"]) == ("scale_down", "LoadBelowCapacity")
    assert (event["combined"], event["desired"], event["queue_size"]) == (9, 4, 3)
    assert event["limits"] == [
        {"reason": "AtMaximum", "before": 9, "after": 4, "why": "max_workers is 4"}
    ]
    assert event["census"]["busy"] == 2
    assert event["proposals"][0]["inputs"] == {"busy": 6}
    assert event["proposals"][1] == {
        "policy": "slo",
        "workers": None,
        "why": "no arrivals seen yet",
        "inputs": {},
    }
    assert event["candidates"][0] == {"worker_id": "w0", "idle_s": 90.0, "why": "longest idle"}


def test_quiet_polls_write_nothing_at_info(
    log: Any, decisions: DecisionLog, decide: Decide
) -> None:
    for second in range(5):
        decisions.decided(decide(at=float(second)))
    assert levels(log) == [("info", "decision")]


def test_quiet_polls_are_there_at_debug(debug_log: Any, decide: Decide) -> None:
    decisions = DecisionLog(structlog.get_logger())
    decisions.decided(decide())
    decisions.decided(decide())
    assert levels(debug_log) == [("info", "decision"), ("debug", "decision")]


def test_a_changed_reason_or_number_is_told(
    log: Any, decisions: DecisionLog, decide: Decide
) -> None:
    decisions.decided(decide())
    decisions.decided(decide(reason=Reason.STABILIZING))
    decisions.decided(decide(reason=Reason.STABILIZING, desired=5))
    assert [(event["reason"], event["desired"]) for event in log.events] == [
        ("AtTarget", 4),
        ("Stabilizing", 4),
        ("Stabilizing", 5),
    ]


def test_every_acting_decision_is_told(log: Any, decisions: DecisionLog, decide: Decide) -> None:
    for _ in range(2):
        decisions.decided(decide(ScaleUp(1), reason=Reason.BELOW_MINIMUM))
    assert levels(log) == [("info", "decision")] * 2


def test_trouble_is_told_when_it_begins_turns_and_ends(
    log: Any, decisions: DecisionLog, decide: Decide
) -> None:
    unreachable, denied = Reason.PLATFORM_UNREACHABLE, Reason.UNAUTHORIZED
    story = [unreachable, unreachable, denied, Reason.FALLBACK, Reason.AT_TARGET, Reason.AT_TARGET]
    for minute, reason in enumerate(story):
        decisions.decided(decide(reason=reason, at=60.0 * minute))
    assert [(event["level"], event["event"], event["reason"]) for event in log.events] == [
        ("warning", "decision", "PlatformUnreachable"),
        ("warning", "decision", "Unauthorized"),
        ("warning", "decision", "Fallback"),
        ("info", "recovered", "AtTarget"),
        ("info", "decision", "AtTarget"),
    ]
    assert log.events[3]["trouble_s"] == 240
    assert log.events[3]["message"] == "Recovered after 240 s."


def test_trouble_in_one_app_is_not_recovered_by_another(
    log: Any, decisions: DecisionLog, decide: Decide
) -> None:
    decisions.decided(decide(reason=Reason.PLATFORM_ERROR))
    decisions.decided(decide(app=AppKey("default", "other")))
    assert "recovered" not in log.text


def test_a_new_warning_is_loud_once_though_its_number_moves(
    log: Any, decisions: DecisionLog, decide: Decide
) -> None:
    decisions.decided(decide())
    for age_s in (10, 20):
        decisions.decided(decide(warnings=(f"The clock is off by {age_s}.5 s.",)))
    decisions.decided(decide(warnings=("min_workers is above the platform's maximum.",)))
    assert levels(log) == [("info", "decision"), ("warning", "decision"), ("warning", "decision")]


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (Outcome.APPLIED, "info"),
        (Outcome.DRY_RUN, "info"),
        (Outcome.NOT_SENT, "info"),
        (Outcome.REJECTED, "warning"),
        (Outcome.UNKNOWN, "warning"),
    ],
)
def test_a_scale_request_is_told_with_what_was_sent(
    log: Any,
    decisions: DecisionLog,
    decide: Decide,
    removal: ScaleDown,
    outcome: Outcome,
    level: str,
) -> None:
    decisions.scaled(decide(removal), removal, outcome, "HTTP 500")
    decisions.scaled(decide(ScaleUp(3)), ScaleUp(2), outcome, "")
    down, up = log.events
    assert (down["level"], down["event"], down["outcome"]) == (level, "scale request", outcome)
    assert (down["direction"], down["worker_ids"]) == ("down", ["w0", "w1"])
    assert (up["direction"], up["count"], up["worker_ids"]) == ("up", 2, [])
    assert down["detail"] == "HTTP 500"


def test_an_oddity_is_told_once_in_all_apps(
    log: Any, decisions: DecisionLog, observe: Callable[..., Observation]
) -> None:
    odd = ("status STATUS_DREAMING is not known",)
    decisions.observed(observe(oddities=odd))
    decisions.observed(observe(oddities=odd, app=AppKey("default", "other")))
    decisions.observed(observe(oddities=(*odd, "another")))
    assert [event["message"] for event in log.events] == [*odd, "another"]


def test_endless_oddities_end(
    log: Any, decisions: DecisionLog, observe: Callable[..., Observation]
) -> None:
    many = tuple(f"oddity {index}" for index in range(ODDITIES_MAX + 50))
    decisions.observed(observe(oddities=many))
    assert len(log.events) == ODDITIES_MAX
    assert "not logged" in log.events[-1]["note"]


def test_refused_writes_of_the_state_are_told_ever_more_seldom(
    log: Any, decisions: DecisionLog, app: AppKey
) -> None:
    for _ in range(100):
        decisions.state_write_failed(app, "memory")
    assert [event["failures"] for event in log.events] == [1, 2, 4, 8, 16, 32, 64]


def test_a_raced_removal_is_a_warning(log: Any, decisions: DecisionLog, app: AppKey) -> None:
    decisions.raced(app, "w7")
    assert (log.events[0]["level"], log.events[0]["worker_id"]) == ("warning", "w7")


def test_an_order_by_hand_and_its_end_are_logged(
    log: Any, decisions: DecisionLog, app: AppKey
) -> None:
    pause = Intervention(InterventionKind.PAUSE, 1.0, None, "ann", "an update")
    decisions.intervened(app, pause, 1.0, "")
    decisions.intervened(app, pause, 9.0, "ended by bob: done")
    assert levels(log) == [("info", "order by hand"), ("info", "order by hand ended")]
    assert log.events[0]["message"] == "paused until resumed by ann: an update"
    assert log.events[1]["ended"] == "ended by bob: done"


def test_a_forgotten_app_starts_anew(log: Any, decisions: DecisionLog, decide: Decide) -> None:
    recorder: Recorder = decisions
    recorder.decided(decide())
    recorder.forget(decide().app)
    recorder.decided(decide())
    assert levels(log) == [("info", "decision")] * 2
    assert len(decisions._seen) == 1
