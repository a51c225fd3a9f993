"""``step``: thresholds, k of n breaches, adjustments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from autoscaler.policies.step import StepEntry, StepParams
from autoscaler.testing import Scene


@pytest.mark.parametrize(
    ("change", "current", "after"),
    [
        ("+2", 3, 5),
        ("-2", 3, 1),
        ("-5", 3, 0),
        # AWS, PercentChangeInCapacity: 6.67 becomes 6, .67 becomes 1, -.58 becomes -1, -6.67 -6
        ("+67%", 10, 16),
        ("+67%", 1, 2),
        ("-58%", 1, 0),
        ("-67%", 10, 4),
        ("+10%", 100, 110),
        ("-100%", 7, 0),
        ("+50%", 0, 1),
    ],
)
def test_adjustments(change: str, current: int, after: int) -> None:
    side = "above" if change.startswith("+") else "below"
    assert StepEntry.model_validate({side: 1, "change": change}).apply(current) == after


def test_a_number_is_taken_as_yaml_reads_it() -> None:
    assert StepEntry.model_validate({"above": 1, "change": 2}).change == "+2"
    assert StepEntry.model_validate({"below": 1, "change": -1}).change == "-1"


STEPS = [
    {"above": 5, "change": "+1"},
    {"above": 20, "change": "+100%"},
    {"below": 1, "change": "-1"},
]


def test_story_three_of_five_breaches_and_one_jitter_does_not_reset(
    story: Callable[..., Any],
) -> None:
    tale = story("step", steps=STEPS, hold=60)
    assert tale.at(0, Scene(busy=4, queue=6)) == 4
    assert tale.at(15, Scene(busy=4, queue=2)) == 4  # the jitter
    assert tale.at(30, Scene(busy=4, queue=7)) == 4
    assert tale.at(45, Scene(busy=4, queue=6)) == 5
    assert tale.at(60, Scene(busy=4, on_order=1, queue=9)) == 5  # held: no second step
    assert tale.at(104, Scene(busy=4, on_order=1, queue=30)) == 5
    for at in (105, 120):
        assert tale.at(at, Scene(busy=5, queue=30)) == 5
    assert tale.at(135, Scene(busy=5, queue=30)) == 10  # the outermost step that is crossed


def test_story_down_needs_its_own_breaches(story: Callable[..., Any]) -> None:
    tale = story("step", steps=STEPS, breaches=2, samples=3, hold=0)
    assert tale.at(0, Scene(busy=1, free=3, queue=0)) == 4
    assert tale.at(15, Scene(busy=1, free=3, queue=0)) == 3
    assert tale.at(30, Scene(busy=1, free=2, queue=6)) == 3
    assert tale.at(45, Scene(busy=1, free=2, queue=0)) == 3


def test_between_the_thresholds_it_wants_what_is_there(ask: Callable[..., int]) -> None:
    assert ask("step", Scene(busy=3, free=1, in_flight=2, queue=3), steps=STEPS) == 6


@pytest.mark.parametrize(
    ("metric", "scene", "value"),
    [
        ("queue", Scene(busy=1, queue=8), 8),
        ("busy", Scene(busy=4), 4),
        ("free", Scene(free=3), 3),
        ("utilization", Scene(busy=3, free=1), 0.75),
        ("backlog_per_worker", Scene(busy=2, in_flight=2, queue=8), 2),
        ("backlog_per_worker", Scene(queue=8), 8),
    ],
)
def test_metrics(make: Callable[..., Any], metric: str, scene: Scene, value: float) -> None:
    from autoscaler.testing import observe  # noqa: PLC0415 - used here alone

    change = "-1" if metric == "free" else "+1"
    policy = make("step", metric=metric, steps=[{"above": 1000, "change": change}])
    answer, _ = policy.recommend(observe(scene), None)
    assert answer.inputs["value"] == value


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": []},
        {"steps": [{"change": "+1"}]},
        {"steps": [{"above": True, "change": "+1"}]},
        {"steps": [{"above": 1, "below": 2, "change": "+1"}]},
        {"steps": [{"above": 1, "change": "-1"}]},
        {"steps": [{"below": 1, "change": "+1"}]},
        {"steps": [{"above": 1, "change": "1"}]},
        {"steps": [{"above": 1, "change": "+0"}]},
        {"steps": [{"below": 1, "change": "-120%"}]},
        {"steps": [{"above": 1, "change": "+1"}, {"below": 3, "change": "-1"}]},
        {"steps": STEPS, "breaches": 6},
        {"metric": "free", "steps": [{"above": 3, "change": "+1"}]},
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StepParams.model_validate(bad)


def test_story_a_step_down_that_a_window_holds_goes_on_being_wanted(
    story: Callable[..., Any],
) -> None:
    tale = story("step", steps=STEPS, breaches=2, samples=3, hold=30)
    idle = Scene(busy=1, free=3, queue=0)
    assert [tale.at(at, idle) for at in (0, 15)] == [4, 3]
    # nobody was removed: still 3, never 4 again, for as long as the queue is below 1
    assert [tale.at(at, idle) for at in range(30, 400, 15)] == [3] * 25
    assert tale.at(400, Scene(busy=4, queue=3)) == 4  # no longer: what is there
    assert tale.at(415, idle) == 4  # and the next step needs its own breaches
    assert tale.at(430, idle) == 3
