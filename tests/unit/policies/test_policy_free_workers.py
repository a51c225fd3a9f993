"""``free-workers``: a buffer of FREE workers, absolute and as a part of the load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.testing import Scene


@pytest.mark.parametrize(
    ("busy", "queue", "buffer", "percent", "workers"),
    [
        # Modal's buffer containers: idle ones beyond those in use
        (3, 0, 2, 0, 5),
        # fal.ai takes the larger of concurrency_buffer and concurrency_buffer_perc
        (10, 0, 2, 30, 13),
        (10, 0, 5, 30, 15),
        (1, 0, 0, 30, 2),
        (0, 0, 1, 50, 1),
        (2, 3, 1, 0, 6),
    ],
)
def test_worked_examples(
    ask: Callable[..., int], busy: int, queue: int, buffer: int, percent: float, workers: int
) -> None:
    scene = Scene(busy=busy, queue=queue)
    assert ask("free-workers", scene, buffer=buffer, buffer_percent=percent) == workers


def test_story_the_buffer_follows_the_load(story: Callable[..., Any]) -> None:
    tale = story("free-workers", buffer=1, buffer_percent=50)
    assert tale.at(0, Scene(free=1)) == 1
    assert tale.at(15, Scene(busy=1)) == 2
    assert tale.at(30, Scene(busy=4)) == 6
    assert tale.at(45, Scene(busy=1, free=5)) == 2
