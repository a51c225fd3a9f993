"""The platform's own two policies: worked examples, and the faults that are mended by default.

tests/foreign compares them with the real package on thousands of states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import NoData
from autoscaler.testing import Scene, observe

SIMPLE, FREE = "everai-simple", "everai-free-worker"


@pytest.mark.parametrize(
    ("kind", "scene", "params", "workers"),
    [
        (SIMPLE, Scene(), {"min_workers": 2}, 2),
        (SIMPLE, Scene(busy=2, queue=2), {"max_workers": 9}, 3),
        (SIMPLE, Scene(busy=2, queue=1), {"max_workers": 9}, 2),
        (SIMPLE, Scene(busy=2, queue=9), {"max_workers": 9, "scale_up_step": 4}, 6),
        (SIMPLE, Scene(busy=8, queue=9), {"max_workers": 9, "scale_up_step": 4}, 9),
        (SIMPLE, Scene(busy=9, queue=9), {"max_workers": 9}, 9),
        (SIMPLE, Scene(busy=1, free=3, idle_s=120), {"min_workers": 1}, 1),
        (SIMPLE, Scene(busy=1, free=3, idle_s=119), {"min_workers": 1}, 4),
        (SIMPLE, Scene(free=3, idle_s=300), {"min_workers": 2}, 2),
        (FREE, Scene(busy=3), {"max_workers": 9}, 4),
        (FREE, Scene(busy=3, free=1), {"max_workers": 9}, 4),
        (FREE, Scene(busy=3, free=4, idle_s=500), {"min_free_workers": 2}, 5),
    ],
)
def test_worked_examples(
    ask: Callable[..., int], kind: str, scene: Scene, params: dict[str, Any], workers: int
) -> None:
    assert ask(kind, scene, **params) == workers


def test_the_apps_own_bounds_hold_where_none_are_given(ask: Callable[..., int]) -> None:
    assert ask(SIMPLE, Scene(free=1, min_workers=3)) == 3
    assert ask(SIMPLE, Scene(busy=5, queue=9, max_workers=5)) == 5


def test_mended_one_worker_in_flight_does_not_stop_growth(ask: Callable[..., int]) -> None:
    burst = Scene(busy=2, in_flight=1, queue=20)
    assert ask(SIMPLE, burst, scale_up_step=5) == 8
    assert ask(SIMPLE, burst, scale_up_step=5, count_starting=False) == 3
    assert ask(FREE, Scene(busy=2, in_flight=1), min_free_workers=3) == 4
    assert ask(FREE, Scene(busy=2, in_flight=1), min_free_workers=3, count_starting=False) == 3


def test_mended_never_below_the_minimum(ask: Callable[..., int]) -> None:
    starting = Scene(free=2, in_flight=1, idle_s=500)
    assert ask(SIMPLE, starting, min_workers=3) == 3
    assert ask(SIMPLE, starting, min_workers=3, keep_min=False) == 2


def test_mended_the_reserve_stays_however_idle(ask: Callable[..., int]) -> None:
    reserve = Scene(busy=1, free=1, idle_s=500)
    assert ask(FREE, reserve) == 2
    assert ask(FREE, reserve, keep_free=False) == 1


def test_only_requests_that_wait_for_busy_workers_count(ask: Callable[..., int]) -> None:
    for reason in ("QueueReasonSessionWorkerBusy", "QueueReasonNotDispatch"):
        assert ask(SIMPLE, Scene(busy=2, queue=9, reason=reason)) == 2


def test_a_queue_that_was_not_listed_is_no_data(make: Callable[..., Any]) -> None:
    answer, _ = make(SIMPLE).recommend(observe(Scene(queue=9, queue_listed=False)), None)
    assert isinstance(answer, NoData)


def test_a_worker_with_a_session_stays(ask: Callable[..., int]) -> None:
    assert ask(SIMPLE, Scene(free=4, sessions=3, idle_s=900), min_workers=0) == 3


def test_story_the_reserve_follows_the_load(story: Callable[..., Any]) -> None:
    tale = story(FREE, min_workers=1, max_workers=6, min_free_workers=2, max_idle_time=60)
    assert tale.at(0, Scene(free=1)) == 2
    assert tale.at(15, Scene(free=1, in_flight=1)) == 2
    assert tale.at(30, Scene(busy=2)) == 3
    assert tale.at(45, Scene(busy=2, in_flight=1)) == 4
    assert tale.at(60, Scene(busy=2, free=2)) == 4
    assert tale.at(75, Scene(free=4, idle_s=59)) == 4
    assert tale.at(90, Scene(free=4, idle_s=74)) == 2
    assert tale.at(900, Scene(free=2, idle_s=884)) == 2


def test_story_a_burst_step_by_step(story: Callable[..., Any]) -> None:
    tale = story(SIMPLE, min_workers=1, max_workers=5, max_idle_time=60)
    assert tale.at(0, Scene(busy=1, queue=4)) == 2
    assert tale.at(15, Scene(busy=1, on_order=1, queue=4)) == 3
    assert tale.at(30, Scene(busy=1, in_flight=2, queue=4)) == 4
    assert tale.at(45, Scene(busy=1, in_flight=3, queue=4)) == 4  # the one left over is allowed
    assert tale.at(60, Scene(busy=4, queue=1)) == 4
    assert tale.at(75, Scene(busy=1, free=3, idle_s=59)) == 4
    assert tale.at(90, Scene(busy=1, free=3, idle_s=60)) == 1
