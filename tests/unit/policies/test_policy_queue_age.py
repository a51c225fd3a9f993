"""``queue-age``: nobody waits longer than ``max_age``, as far as more workers can help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import NoData
from autoscaler.testing import Scene, observe


@pytest.mark.parametrize(
    ("scene", "workers"),
    [
        # RunPod: a request that waits more than 4 s asks for a worker
        (Scene(busy=2, queue=1, waits_s=(4.1,)), 3),
        (Scene(busy=2, queue=1, waits_s=(4.0,)), 2),
        (Scene(busy=2, queue=3, waits_s=(9.0, 5.0, 1.0)), 4),
        # workers on order are for those that are late already
        (Scene(busy=2, in_flight=1, on_order=1, queue=2, waits_s=(9.0, 9.0)), 4),
        # a young request does not add, but the worker that it will need is not given up
        (Scene(busy=1, free=1, queue=1, waits_s=(1.0,)), 2),
        (Scene(free=3), 0),
        (Scene(queue=1, waits_s=(60.0,)), 1),
    ],
)
def test_late_requests_get_workers(ask: Callable[..., int], scene: Scene, workers: int) -> None:
    assert ask("queue-age", scene) == workers


def test_waiting_for_one_particular_worker_does_not_count(ask: Callable[..., int]) -> None:
    waits = Scene(busy=2, queue=2, waits_s=(300.0, 300.0), reason="QueueReasonSessionWorkerBusy")
    assert ask("queue-age", waits) == 2


def test_a_queue_that_was_not_listed_is_no_data(make: Callable[..., Any]) -> None:
    policy = make("queue-age")
    assert "request_queue" in policy.needs
    answer, _ = policy.recommend(observe(Scene(busy=1, queue=4, queue_listed=False)), None)
    assert isinstance(answer, NoData)


def test_story_a_slow_start_does_not_multiply_the_order(story: Callable[..., Any]) -> None:
    tale = story("queue-age", max_age=10)
    assert tale.at(0, Scene(busy=1, queue=3, waits_s=(2.0,) * 3)) == 1
    assert tale.at(15, Scene(busy=1, queue=3, waits_s=(17.0,) * 3)) == 4
    for look in range(2, 10):  # the three are on order and do not come
        scene = Scene(busy=1, on_order=3, queue=3, waits_s=(15.0 * look + 2,) * 3)
        assert tale.at(15 * look, scene) == 4
    assert tale.at(150, Scene(busy=4, queue=0)) == 4
    assert tale.at(165, Scene(busy=1, free=3, queue=0)) == 1
