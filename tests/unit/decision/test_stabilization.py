"""The stabilization windows of HPA v2, by worked examples."""

from __future__ import annotations

import pytest

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.spec import Direction
from autoscaler.decision.stabilization import remember, stabilize
from autoscaler.model import Reason
from tests.fakes.clock import T0
from tests.fakes.stories import Story, spec


def seen(*recommendations: tuple[float, int], up_s: float = 0, down_s: float = 0) -> AppMemory:
    memory = AppMemory()
    for at, workers in recommendations:
        memory = remember(memory, workers, T0 + at, up_window_s=up_s, down_window_s=down_s)
    return memory


def steady(memory: AppMemory, wanted: int, current: int) -> int:
    return stabilize(memory, wanted, current, min_workers=0, max_workers=100)[0]


def test_the_highest_recommendation_of_the_down_window_holds() -> None:
    memory = seen((0, 8), (60, 5), (120, 6), (180, 2), down_s=300)
    assert steady(memory, 2, current=8) == 8


def test_the_next_highest_takes_over_when_the_highest_leaves_the_window() -> None:
    memory = seen((0, 8), (60, 5), (120, 6), (299, 2), (300, 2), down_s=300)
    assert steady(memory, 2, current=8) == 6


def test_a_recommendation_exactly_one_window_old_no_longer_counts() -> None:
    assert steady(seen((0, 8), (299.9, 2), down_s=300), 2, current=8) == 8
    assert steady(seen((0, 8), (300, 2), down_s=300), 2, current=8) == 2


def test_the_lowest_recommendation_of_the_up_window_holds() -> None:
    memory = seen((0, 3), (10, 9), (20, 7), up_s=60)
    assert steady(memory, 7, current=2) == 3


def test_the_windows_never_move_past_the_current_number() -> None:
    # The down window remembers 8, but only 5 are there: it holds 5, it does not raise to 8.
    assert steady(seen((0, 8), (10, 2), down_s=300), 2, current=5) == 5
    assert steady(seen((0, 1), (10, 9), up_s=300), 9, current=5) == 5


def test_without_windows_the_recommendation_passes() -> None:
    assert steady(seen((0, 8), (1, 2)), 2, current=8) == 2
    assert steady(seen((0, 2), (1, 8)), 8, current=2) == 8


def test_the_limit_names_the_recommendation_that_holds() -> None:
    memory = seen((0, 8), (60, 2), down_s=300)
    number, limit = stabilize(memory, 2, 9, min_workers=0, max_workers=100)
    assert number == 8
    assert limit is not None
    assert (limit.reason, limit.before, limit.after) == (Reason.STABILIZING, 2, 8)
    assert "8" in limit.why


def test_a_lowered_maximum_takes_effect_at_once() -> None:
    memory = seen((0, 8), (60, 4), down_s=300)
    assert stabilize(memory, 4, 8, min_workers=0, max_workers=4)[0] == 4


def test_a_raised_minimum_takes_effect_at_once() -> None:
    memory = seen((0, 1), (10, 5), up_s=600)
    assert stabilize(memory, 5, 1, min_workers=5, max_workers=9)[0] == 5


def test_memory_holds_no_recommendation_that_cannot_decide() -> None:
    memory = seen(*((t, t % 7) for t in range(1000)), up_s=1000, down_s=1000)
    assert len(memory.high) <= 7
    assert len(memory.low) <= 7


@pytest.mark.parametrize("lull_s", [30, 285])
def test_a_lull_shorter_than_the_window_removes_nobody(lull_s: int) -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 600, 15):
        story.at(t).wants(4).sees(busy=4)
    t = 585
    while t < 585 + lull_s:
        t += 15
        story.at(t).wants(1).sees(free=3, busy=1).expects(hold=Reason.STABILIZING)
    story.at(t + 15).wants(4).sees(busy=4).expects(hold=Reason.AT_TARGET)


def test_a_lull_longer_than_the_window_removes() -> None:
    story = Story(spec(down=Direction(stabilization_window_s=300)))
    for t in range(0, 600, 15):
        story.at(t).wants(4).sees(busy=4)
    for t in range(600, 885, 15):
        story.at(t).wants(1).sees(free=3, busy=1).expects(hold=Reason.STABILIZING)
    story.at(885).wants(1).sees(free=3, busy=1).expects(
        scale_down=["w1", "w2", "w3"], reason=Reason.LOAD_BELOW_CAPACITY
    )
