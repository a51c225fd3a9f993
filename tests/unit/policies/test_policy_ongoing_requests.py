"""``ongoing-requests``: Ray Serve's policy, with delays in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.policies.ongoing_requests import OngoingRequestsParams, scaled
from autoscaler.testing import Scene


@pytest.mark.parametrize(
    ("total", "current", "more", "workers"),
    [
        # Ray documentation: error ratio = (requests per replica) / target; 20 on 10 at target 1
        (20, 10, {}, 20),
        (20, 10, {"target_ongoing_requests": 2}, 10),
        # smoothing: half of the way, and six tenths
        (20, 10, {"upscaling_factor": 0.5}, 15),
        (20, 10, {"upscaling_factor": 0.6}, 16),
        (5, 10, {"downscaling_factor": 0.5}, 8),
        # stuck above a lower desired number: one less
        (9, 10, {"downscaling_factor": 0.5}, 9),
        # from zero at once, at least the factor
        (1, 0, {}, 1),
        (1, 0, {"upscaling_factor": 3}, 3),
        (7, 0, {"upscaling_factor": 0.5}, 7),
        (0, 0, {"upscaling_factor": 3}, 0),
    ],
)
def test_worked_examples(total: float, current: int, more: dict[str, Any], workers: int) -> None:
    assert scaled(OngoingRequestsParams.model_validate(more), total, current) == workers


def test_story_up_after_the_delay_whatever_the_interval(story: Callable[..., Any]) -> None:
    for interval_s in (1.0, 10.0):
        tale = story("ongoing-requests", look_back=1)
        at = 0.0
        while tale.at(at, Scene(busy=2, queue=4)) == 2:
            at += interval_s
        assert at == 30.0


def test_story_a_contrary_look_begins_anew(story: Callable[..., Any]) -> None:
    tale = story("ongoing-requests", look_back=1)
    assert tale.at(0, Scene(busy=2, queue=2)) == 2
    assert tale.at(20, Scene(busy=2, queue=0)) == 2  # as many as wanted: the wait is broken
    assert tale.at(29, Scene(busy=2, queue=2)) == 2
    assert tale.at(58, Scene(busy=2, queue=2)) == 2
    assert tale.at(59, Scene(busy=2, queue=2)) == 4


def test_story_down_to_zero_by_way_of_one(story: Callable[..., Any]) -> None:
    tale = story("ongoing-requests", look_back=1, downscale_to_zero_delay=1200)
    assert tale.at(0, Scene(free=4)) == 4
    assert tale.at(599, Scene(free=4)) == 4
    assert tale.at(600, Scene(free=4)) == 1
    assert tale.at(660, Scene(free=1)) == 1
    assert tale.at(1199, Scene(free=1)) == 1
    assert tale.at(1200, Scene(free=1)) == 0


def test_story_from_zero_without_any_delay(story: Callable[..., Any]) -> None:
    tale = story("ongoing-requests")
    assert tale.at(0, Scene()) == 0
    assert tale.at(15, Scene(queue=3)) == 3


def test_the_average_smooths_a_jitter(story: Callable[..., Any]) -> None:
    tale = story("ongoing-requests", upscale_delay=0)
    for look in range(10):
        tale.at(3.0 * look, Scene(busy=2, free=0))
    assert tale.at(30, Scene(busy=2, queue=9)) == 3  # (9 * 2 + 11) / 10 = 2.9
