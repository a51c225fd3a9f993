"""``utilization``: HPA v2's ratio, tolerance and rules for what is not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import Recommendation
from autoscaler.policies import policies
from autoscaler.testing import Scene, observe


@pytest.mark.parametrize(
    ("scene", "target", "workers"),
    [
        # Kubernetes documentation: 200m used, 100m wanted doubles; 50m halves
        (Scene(busy=4, queue=4), 1.0, 8),
        (Scene(busy=2, free=2), 1.0, 2),
        # within the tolerance of 0.1 nothing changes
        (Scene(busy=10, queue=1), 1.0, 10),
        (Scene(busy=9, free=1), 1.0, 10),
        (Scene(busy=10, queue=2), 1.0, 12),
        (Scene(busy=8, free=2), 1.0, 8),
        # replica_calculator.go rounds the product of ratio and ready up
        (Scene(busy=3, queue=0), 0.3, 10),
        # unready ones count as idle when it would grow: 6 / 4 is 1.5, but 6 / 6 is none
        (Scene(busy=4, in_flight=1, on_order=1, queue=2), 1.0, 6),
        (Scene(busy=4, in_flight=1, queue=4), 1.0, 8),
        # missing ones count as fully used when it would shrink
        (Scene(busy=6, free=4, unavailable=1), 1.0, 7),
        (Scene(busy=8, free=2, unavailable=8), 1.0, 10),
        # at zero there is no tolerance
        (Scene(queue=3), 1.0, 3),
        (Scene(), 1.0, 0),
        # none ready yet: those that start are kept
        (Scene(in_flight=2, on_order=1, queue=1), 1.0, 3),
    ],
)
def test_worked_examples(
    ask: Callable[..., int], scene: Scene, target: float, workers: int
) -> None:
    assert ask("utilization", scene, target=target) == workers


def test_without_the_queue_only_busy_workers_count(ask: Callable[..., int]) -> None:
    assert ask("utilization", Scene(busy=4, queue=400), target=0.8, count_queue=False) == 5


@given(
    busy=st.integers(0, 30),
    free=st.integers(0, 30),
    in_flight=st.integers(0, 5),
    unavailable=st.integers(0, 5),
    queue=st.integers(0, 60),
    target=st.floats(0.1, 2),
)
def test_missing_and_unready_workers_never_turn_it_round(
    busy: int, free: int, in_flight: int, unavailable: int, queue: int, target: float
) -> None:
    """Growth only above the target, shrinking only below it."""
    cls = policies()["utilization"]
    policy = cls(cls.Params.model_validate({"target": target}))
    scene = Scene(busy=busy, free=free, in_flight=in_flight, unavailable=unavailable, queue=queue)
    answer, _ = policy.recommend(observe(scene), None)
    assert isinstance(answer, Recommendation)
    capacity, ready = busy + free + in_flight, busy + free
    if ready and answer.workers > capacity:
        assert busy + queue > ready * target
    if ready and answer.workers < capacity:
        assert busy + queue < ready * target


def test_story_a_ramp_up_and_down(story: Callable[..., Any]) -> None:
    tale = story("utilization", target=0.5)
    assert tale.at(0, Scene(busy=1, free=1)) == 2
    assert tale.at(15, Scene(busy=2)) == 4
    assert tale.at(30, Scene(busy=2, in_flight=2)) == 4
    assert tale.at(45, Scene(busy=2, free=2)) == 4
    assert tale.at(60, Scene(busy=1, free=3)) == 2
    assert tale.at(75, Scene(free=2)) == 0
