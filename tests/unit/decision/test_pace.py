"""How often an app is looked at: at rest less often, and whatever wakes it, every interval."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from autoscaler.decision.pace import REST_SHARE, pace_s
from autoscaler.decision.spec import Direction
from autoscaler.model import Hold, Intervention, InterventionKind, NoData, Reason
from tests.fakes.stories import Story, Wish, spec

SLOWEST_S = 300.0


class Sleeper(Wish):
    """A wish that never rises by itself."""

    rests = True


def sleeper(answer: int = 0, **fields: Any) -> Story:
    given: dict[str, Any] = {"interval_max_s": SLOWEST_S, "policies": (Sleeper(answer),)}
    return Story(spec(**(given | fields)))


def pace(story: Story) -> float:
    return pace_s(story.spec, story.decision, story.memory, story.now)


def slept(story: Story, **by_state: Any) -> Story:
    """Look as often as the pace says, until it is the slowest."""
    for _ in range(100):
        story.sees(**by_state)
        if pace(story) == SLOWEST_S:
            return story
        story.at(story.t + pace(story))
    raise AssertionError(f"still {pace(story):g} s after {story.t:g} s")


def test_without_interval_max_the_pace_is_fixed() -> None:
    story = sleeper(interval_max_s=None)
    for at in (0, 3600, 7200):
        assert pace(story.at(at).sees()) == 15.0


@pytest.mark.parametrize("there", [0, 2])
def test_an_idle_app_is_looked_at_less_and_less_often(there: int) -> None:
    story, paces = sleeper(there), []
    while story.t < 3600:
        paces.append(pace(story.sees(free=there)))
        story.at(story.t + paces[-1])
    assert paces[0] == 15.0
    assert paces[-1] == SLOWEST_S
    assert paces == sorted(paces)
    assert len(paces) < 3600 / 15 / 6
    growth = [after / before for before, after in pairwise(paces)]
    assert max(growth) <= 1 + REST_SHARE + 0.05


def test_what_wakes_an_app_is_noticed_after_a_quarter_of_its_sleep() -> None:
    story = sleeper()
    story.sees()
    while pace(story) < SLOWEST_S:
        assert pace(story) <= max(15.0, REST_SHARE * story.t + 0.001)
        story.at(story.t + pace(story)).sees()


def test_the_first_request_brings_the_interval_back() -> None:
    story = slept(sleeper())
    story.at(story.t + SLOWEST_S).wants(1).sees(queue=1).expects(scale_up=1)
    assert pace(story) == 15.0
    story.sends()
    assert pace(story.at(story.t + 15).sees("n in_flight", queue=1)) == 15.0
    assert pace(story.at(story.t + 15).sees("n busy")) == 15.0
    assert pace(story.at(story.t + 15).wants(0).sees("n free")) == 15.0


AWAKE: dict[str, dict[str, Any]] = {
    "a request is served": {"busy": 1, "free": 1},
    "a request waits": {"free": 2, "queue": 1},
    "the queue is not known": {"free": 2, "queue": NoData("odd")},
    "a worker starts": {"free": 1, "in_flight": 1},
    "a worker leaves": {"free": 2, "removing": 1},
    "a worker failed": {"free": 2, "error": 1},
    "a worker is not reachable": {"free": 1, "unavailable": 1},
    "a worker is of no known state": {"free": 2, "unknown": 1},
    "fewer than wanted": {"free": 1},
    "more than wanted": {"free": 3},
}


@pytest.mark.parametrize("why", AWAKE)
def test_an_app_is_awake_while_something_goes_on(why: str) -> None:
    story = slept(sleeper(2), free=2)
    assert pace(story.at(story.t + SLOWEST_S).sees(**AWAKE[why])) == 15.0


def test_a_window_that_holds_a_number_keeps_the_pace() -> None:
    story = sleeper(2, down=Direction(stabilization_window_s=600.0))
    story.sees(free=2)
    story.wants(1)
    for at in range(15, 600, 15):
        assert pace(story.at(at).sees(free=2)) == 15.0


def test_an_order_by_hand_keeps_the_pace() -> None:
    story = slept(sleeper(2), free=2)
    boost = Intervention(
        InterventionKind.BOOST, story.now, story.now + 9000.0, "ann", "x", workers=2
    )
    story.memory = replace(story.memory, interventions=(boost,))
    assert pace(story.at(story.t + SLOWEST_S).sees(free=2)) == 15.0


def test_a_policy_that_follows_the_clock_keeps_the_pace() -> None:
    story = sleeper(policies=(Sleeper(0), Wish(0, "by the clock")))
    assert pace(story.sees().at(9000).sees()) == 15.0
    shadow = sleeper(shadow=(Wish(0, "watching"),))
    assert pace(shadow.sees().at(9000).sees()) == 15.0


def test_a_look_that_failed_or_is_not_believed_brings_the_interval_back() -> None:
    story = slept(sleeper(2), free=2)
    assert pace(story.at(story.t + SLOWEST_S).sees_nothing()) == 15.0
    story.sees(free=2)
    vanished = story.at(story.t + 15).sees(free=1)
    assert vanished.decision.reason is Reason.CONTRADICTORY_OBSERVATION
    assert pace(story) == 15.0


@pytest.mark.parametrize("window_s", [20.0, 60.0, 300.0, 900.0])
def test_after_a_slow_stretch_a_removal_waits_for_a_full_window_at_the_interval(
    window_s: float,
) -> None:
    """What was seen every few minutes says little: one low number is no reason to remove."""
    story = slept(sleeper(2, down=Direction(stabilization_window_s=window_s)), free=2)
    woken = story.t + SLOWEST_S
    story.wants(0).at(woken)
    while story.t < woken + window_s:
        assert isinstance(story.sees(free=2).decision.action, Hold)
        assert pace(story) == 15.0
        story.at(story.t + 15)
    story.sees(free=2).expects(scale_down=["w0", "w1"])
