"""Targets, floors and ceilings become one number, and say what changed it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.combine import Cap, combine, lower_to_cap
from autoscaler.model import (
    NoData,
    PolicyInput,
    Proposal,
    Reason,
    Recommendation,
    Role,
    ScaleUp,
)
from autoscaler.policies import Answer, Policy, PolicyParams
from autoscaler.testing import Scene, observe
from autoscaler.testing.scenes import APP, EPOCH


def said(name: str, workers: int | None, role: str = "target", **more: Any) -> Proposal:
    """Return a proposal; ``None``: the policy has no data."""
    answer = NoData("down") if workers is None else Recommendation(workers, "so", **more)
    return Proposal(name, answer, Role(role))


CURRENT = 5


@pytest.mark.parametrize(
    ("proposals", "workers", "reasons"),
    [
        # no roles: as before
        ([said("a", 3), said("b", 7)], 7, []),
        ([said("a", 3), said("b", None)], 5, [Reason.NO_DATA]),
        ([said("a", 8), said("b", None)], 8, []),
        ([said("a", None)], None, []),
        # a floor raises, and only raises
        ([said("a", 3), said("f", 6, "floor")], 6, [Reason.RAISED_TO_FLOOR]),
        ([said("a", 8), said("f", 6, "floor")], 8, []),
        ([said("f", 6, "floor")], 6, [Reason.RAISED_TO_FLOOR]),
        ([said("a", 1), said("f", 2, "floor"), said("g", 4, "floor")], 4, [Reason.RAISED_TO_FLOOR]),
        # the same from within a recommendation, whatever the role
        ([said("a", 3), said("s", 0, floor=6, abstains=True)], 6, [Reason.RAISED_TO_FLOOR]),
        # a floor without data never lowers; a ceiling without data neither lowers nor holds
        ([said("a", 3), said("f", None, "floor")], 5, [Reason.NO_DATA]),
        ([said("a", 3), said("c", None, "ceiling")], 3, [Reason.NO_DATA]),
        # targets without data: what is there, or a floor above it
        ([said("a", None), said("f", 9, "floor")], 9, [Reason.RAISED_TO_FLOOR]),
        ([said("a", None), said("f", 2, "floor")], None, []),
        ([said("a", None), said("s", 0, abstains=True)], None, []),
        # who abstains has no say
        ([said("a", 3), said("s", 0, abstains=True)], 3, []),
        ([said("s", 0, abstains=True)], 0, []),
    ],
)
def test_worked_examples(
    proposals: list[Proposal], workers: int | None, reasons: list[Reason]
) -> None:
    combined = combine(tuple(proposals), "max", CURRENT)
    assert combined.workers == workers
    assert [limit.reason for limit in combined.limits] == reasons


def test_min_and_first_look_at_targets_only() -> None:
    proposals = (said("f", 1, "floor"), said("s", 0, abstains=True), said("a", 6), said("b", 3))
    assert combine(proposals, "min", CURRENT).workers == 3
    assert combine(proposals, "first", CURRENT).workers == 6


def test_the_lowest_ceiling_is_kept_for_the_end() -> None:
    proposals = (said("a", 9), said("c", 4, "ceiling"), said("s", 0, ceiling=3, abstains=True))
    combined = combine(proposals, "max", CURRENT)
    assert combined.workers == 9
    assert combined.cap == Cap(3, "s")


@pytest.mark.parametrize(
    ("workers", "cap", "low", "after"),
    [(9, None, 1, 9), (9, 4, 1, 4), (3, 4, 1, 3), (9, 0, 2, 2), (1, 0, 2, 1)],
)
def test_a_ceiling_never_goes_below_the_minimum(
    workers: int, cap: int | None, low: int, after: int
) -> None:
    lowered, limits = lower_to_cap(workers, None if cap is None else Cap(cap, "c"), low)
    assert lowered == after
    assert [limit.reason for limit in limits] == [Reason.CAPPED_BY_CEILING] * (after != workers)


answers = st.one_of(st.none(), st.integers(0, 20))
proposal = st.builds(
    said,
    st.sampled_from("abc"),
    answers,
    st.sampled_from([role.value for role in Role]),
)


@given(st.lists(proposal, max_size=5), st.sampled_from(["max", "min", "first"]), st.integers(0, 20))
def test_a_policy_without_data_never_lowers_the_number(
    proposals: list[Proposal], rule: Any, current: int
) -> None:
    combined = combine(tuple(proposals), rule, current)
    without_data = [
        p for p in proposals if isinstance(p.answer, NoData) and p.role is not Role.CEILING
    ]
    if without_data and combined.workers is not None:
        assert combined.workers >= current
    for limit in combined.limits:
        assert limit.after >= limit.before


@given(st.lists(proposal, max_size=5), st.sampled_from(["max", "min", "first"]), st.integers(0, 20))
def test_every_floor_is_kept(proposals: list[Proposal], rule: Any, current: int) -> None:
    combined = combine(tuple(proposals), rule, current)
    for p in proposals:
        if p.role is Role.FLOOR and isinstance(p.answer, Recommendation):
            known = current if combined.workers is None else combined.workers
            assert known >= p.answer.workers


class Says(Policy):
    """Always the same answer."""

    kind = "says"
    Params = PolicyParams

    def __init__(self, name: str, answer: Answer, role: str = "target") -> None:
        super().__init__(PolicyParams(), name)
        self.role = Role(role)
        self._answer = answer

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        return self._answer, state


def pass_once(*policies: Policy, scene: Scene, low: int = 1) -> Any:
    spec = AppSpec(APP, 20, policies, min_workers=low)
    return decide(spec, observe(scene).observation, AppMemory(), EPOCH)[0]


def test_the_pipeline_caps_after_the_fallback_and_explains_it() -> None:
    decision = pass_once(
        Says("queue", Recommendation(12, "much")),
        Says("night", Recommendation(0, "open", ceiling=4, abstains=True)),
        scene=Scene(busy=2),
    )
    assert decision.combined == 12
    assert decision.desired == 4
    assert decision.action == ScaleUp(2)
    limit = decision.limits[0]
    assert (limit.reason, limit.before, limit.after) == (Reason.CAPPED_BY_CEILING, 12, 4)
    assert "night" in limit.why


def test_the_pipeline_raises_to_a_floor_and_explains_it() -> None:
    decision = pass_once(
        Says("queue", Recommendation(1, "little")),
        Says("forecast", Recommendation(6, "the rush"), "floor"),
        scene=Scene(busy=1),
    )
    assert decision.desired == 6
    assert decision.limits[0].reason is Reason.RAISED_TO_FLOOR
    assert [p.role for p in decision.proposals] == [Role.TARGET, Role.FLOOR]


def test_held_at_a_ceiling_the_reason_says_so() -> None:
    decision = pass_once(
        Says("queue", Recommendation(12, "much")),
        Says("cap", Recommendation(2, "tonight"), "ceiling"),
        scene=Scene(busy=2),
    )
    assert decision.reason is Reason.CAPPED_BY_CEILING
