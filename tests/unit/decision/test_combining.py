"""Several policies become one number; policies without data never lower it; the fallback."""

from __future__ import annotations

from typing import Any, Literal, cast

import pytest

from autoscaler.decision.combine import combine
from autoscaler.decision.spec import Fallback
from autoscaler.model import NoData, Proposal, Reason, Recommendation
from tests.fakes.stories import Story, spec, wish

MISSING = NoData("no answer")
Mode = Literal["hold", "current-if-higher", "static"]


def combined(
    rule: Literal["max", "min", "first"], current: int, *answers: int | None
) -> int | None:
    proposals = tuple(
        Proposal(f"p{i}", MISSING if n is None else Recommendation(n, "test"))
        for i, n in enumerate(answers)
    )
    return combine(proposals, rule, current).workers


@pytest.mark.parametrize(
    ("rule", "current", "answers", "expected"),
    [
        ("max", 3, (2, 5, 1), 5),
        ("min", 3, (2, 5, 1), 1),
        ("first", 3, (2, 5, 1), 2),
        ("max", 3, (5, None), 5),  # up on partial signals
        ("max", 3, (1, None), 3),  # never down
        ("min", 3, (1, None), 3),
        ("min", 3, (5, None), 5),
        ("first", 3, (None, 5), 5),
        ("first", 3, (None, 1), 3),
        ("max", 0, (0, None), 0),
        ("max", 3, (None, None), None),
        ("max", 3, (0, 0), 0),  # zero is a number, not a missing one
    ],
)
def test_rules(rule: Any, current: int, answers: tuple[Any, ...], expected: int | None) -> None:
    assert combined(rule, current, *answers) == expected


def test_a_policy_without_data_is_named_in_the_limit() -> None:
    proposals = (Proposal("queue", Recommendation(1, "x")), Proposal("slo", NoData("no ages")))
    result = combine(proposals, "max", 4)
    assert result.missing == ("slo: no ages",)
    assert [(x.reason, x.before, x.after) for x in result.limits] == [(Reason.NO_DATA, 1, 4)]


@pytest.mark.parametrize(
    "answer",
    [
        *(RuntimeError("boom"), None, 2.5, float("nan"), "3"),
        Recommendation(cast("int", 2.5), "half a worker"),
        Recommendation(1, "half a floor", floor=cast("int", 0.5)),
        Recommendation(1, "a ceiling in words", ceiling=cast("int", "9")),
    ],
)
def test_a_policy_that_answers_nonsense_is_one_without_data(answer: Any) -> None:
    story = Story(spec(policies=(wish(1, "good"), wish(answer, "bad")))).sees(free=3)
    story.expects(hold=Reason.NO_DATA, desired=3)
    assert "bad" in story.decision.message or "bad" in story.decision.limits[0].why


@pytest.mark.parametrize(("answer", "desired"), [(-5, 1), (10**30, 10)])
def test_absurd_numbers_stay_within_the_bounds(answer: int, desired: int) -> None:
    Story(spec(min_workers=1)).wants(answer).sees(free=3).expects(desired=desired)


def without_signals(mode: Mode, workers: int, *, there: int) -> Story:
    fallback = Fallback(failure_threshold=3, mode=mode, workers=workers)
    story = Story(spec(fallback=fallback))
    story.at(0).wants(there).sees(busy=there)
    for t in (15, 30):
        story.at(t).wants(MISSING).sees(busy=there).expects(hold=Reason.NO_DATA, desired=there)
    return story.at(45).sees(busy=there)


@pytest.mark.parametrize("there", [0, 1, 5])
def test_hold_changes_nothing(there: int) -> None:
    without_signals("hold", 3, there=there).expects(hold=Reason.NO_DATA, desired=there)


@pytest.mark.parametrize(("there", "desired"), [(0, 3), (1, 3), (3, 3), (5, 5)])
@pytest.mark.parametrize("mode", ["static", "current-if-higher"])
def test_a_number_raises_and_never_lowers(mode: Mode, there: int, desired: int) -> None:
    story = without_signals(mode, 3, there=there)
    story.expects(desired=desired)
    assert Reason.FALLBACK in story.limits()


def test_current_if_higher_returns_to_the_last_number_known_to_be_right() -> None:
    fallback = Fallback(failure_threshold=1, mode="current-if-higher", workers=2)
    story = Story(spec(fallback=fallback)).at(0).wants(5).sees("a busy", "b busy", "c busy")
    story.sends(ids=("d", "e"))
    story.at(15).wants(MISSING)
    # Three were there, or on order; two of them crash while the signals are away.
    story.sees("a busy", "b error", "c error", "d error", "e error").expects(desired=3)


def test_the_fallback_is_left_at_the_first_good_signal() -> None:
    story = without_signals("static", 5, there=2).expects(scale_up=3)
    story.at(60).wants(2).sees(busy=2).expects(hold=Reason.AT_TARGET)
    story.at(75).wants(MISSING).sees(busy=2).expects(hold=Reason.NO_DATA)


def test_the_fallback_stays_within_the_bounds() -> None:
    without_signals("static", 50, there=2).expects(scale_up=8, desired=10)
    Story(spec(min_workers=2)).wants(MISSING).sees(busy=1).expects(
        scale_up=1, reason=Reason.BELOW_MINIMUM
    )


def test_one_of_two_signals_missing_still_counts_towards_the_fallback() -> None:
    fallback = Fallback(failure_threshold=2, mode="static", workers=6)
    story = Story(spec(policies=(wish(1, "good"), wish(MISSING, "bad")), fallback=fallback))
    story.at(0).sees(busy=3).expects(desired=3)
    story.at(15).sees(busy=3).expects(scale_up=3, desired=6)


def test_every_decision_explains_itself() -> None:
    story = Story(spec(max_workers=4, policies=(wish(9, "p"), wish(2, "q")))).sees(busy=3, queue=7)
    decision = story.decision
    assert [p.policy for p in decision.proposals] == ["p", "q"]
    assert (decision.combined, decision.desired, decision.queue_size) == (9, 4, 7)
    assert [(x.reason, x.before, x.after) for x in decision.limits] == [(Reason.AT_MAXIMUM, 9, 4)]
    assert "9 wished" in decision.message
