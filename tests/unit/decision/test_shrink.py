"""Before a number gets smaller: tolerance, fit, initial cooldown, idle timeout."""

from __future__ import annotations

import pytest

from autoscaler.decision.memory import AppMemory
from autoscaler.decision.shrink import idle_timeout_s, tolerate
from autoscaler.decision.spec import Direction
from autoscaler.model import Reason, ScaleDown
from tests.fakes.stories import Story, spec


@pytest.mark.parametrize(
    ("wanted", "current", "kept"),
    [(11, 10, 10), (12, 10, 12), (9, 10, 10), (8, 10, 8), (1, 0, 1), (10, 10, 10)],
)
def test_tolerance_of_ten_percent(wanted: int, current: int, kept: int) -> None:
    direction = Direction(tolerance=0.1)
    number, limit = tolerate(spec(up=direction, down=direction), wanted, current)
    assert number == kept
    assert (limit is not None) == (kept != wanted)


def test_each_direction_has_its_own_tolerance() -> None:
    wish = spec(up=Direction(tolerance=0.0), down=Direction(tolerance=0.5))
    assert tolerate(wish, 11, 10)[0] == 11
    assert tolerate(wish, 6, 10)[0] == 10


def removed(story: Story) -> int:
    action = story.decision.action
    return len(action.candidates) if isinstance(action, ScaleDown) else 0


def test_fewer_workers_only_where_the_load_fits_on_them() -> None:
    story = Story(spec(min_workers=0, max_utilization=0.5, down=Direction()))
    story.at(0).wants(1).sees(free=6, busy=2)
    assert removed(story) == 4
    tight = Story(spec(min_workers=0, max_utilization=0.5, down=Direction()))
    tight.at(0).wants(1).sees(free=2, busy=2).expects(hold=Reason.LOAD_WOULD_NOT_FIT)


def test_a_load_that_never_fitted_is_no_reason_to_scale_up() -> None:
    story = Story(spec(min_workers=0, max_utilization=0.5, down=Direction()))
    story.at(0).wants(2).sees(busy=2, queue=6).expects(hold=Reason.AT_TARGET)


def test_the_initial_cooldown_counts_from_the_first_look() -> None:
    story = Story(spec(min_workers=0, initial_cooldown_s=100, down=Direction()))
    story.at(0).wants(1).sees(free=3).expects(hold=Reason.COOLDOWN)
    story.at(90).wants(1).sees(free=3).expects(hold=Reason.COOLDOWN)
    story.at(101).wants(1).sees(free=3)
    assert removed(story) == 2


def test_the_last_worker_goes_only_after_the_idle_timeout() -> None:
    story = Story(spec(min_workers=0, idle_timeout_s=120, down=Direction()))
    story.at(0).wants(1).sees("a busy").expects(hold=Reason.AT_TARGET)
    story.at(15).wants(0).sees("a free").expects(hold=Reason.IDLE_TIMEOUT)
    story.at(110).wants(0).sees("a free").expects(hold=Reason.IDLE_TIMEOUT)
    story.at(135).wants(0).sees("a free").expects(scale_down=["a"])


def test_a_higher_number_falls_to_one_at_once_and_then_waits() -> None:
    story = Story(spec(min_workers=0, idle_timeout_s=120, down=Direction()))
    story.at(0).wants(0).sees(free=4)
    assert removed(story) == 3


def test_the_default_idle_timeout_follows_the_cold_start() -> None:

    wish = spec(idle_timeout_s=None)
    assert idle_timeout_s(wish, AppMemory()) == 300
    assert idle_timeout_s(wish, AppMemory(cold_starts_s=(90.0, 100.0, 110.0))) == 500
