"""Policies in shadow are asked like the others and change nothing."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.decision import AppMemory
from autoscaler.model import NoData, Proposal, Reason, Recommendation, ScaleUp
from autoscaler.policies.slo import SloParams, SloPolicy, SloState
from tests.fakes.stories import Story, spec, wish


def test_a_shadow_is_told_beside_what_is_done() -> None:
    told = Story(spec(policies=(wish(3),), shadow=(wish(9, "bold"), wish(0, "timid"))))
    told.at(0).sees(free=1)
    assert told.decision.action == ScaleUp(2)
    assert [p.policy for p in told.decision.proposals] == ["wish"]
    assert told.decision.shadow == (
        Proposal("bold", Recommendation(9, "9 wished")),
        Proposal("timid", Recommendation(0, "0 wished")),
    )


def test_what_is_decided_is_the_same_without_it() -> None:
    for answer in (7, NoData("no signal"), RuntimeError("broken")):
        plain = Story(spec(policies=(wish(2),)))
        watched = Story(spec(policies=(wish(2),), shadow=(wish(answer, "other"),)))
        for at in (0, 15, 30, 45):
            plain.at(at).sees(free=4)
            watched.at(at).sees(free=4)
            assert replace(watched.decision, shadow=()) == plain.decision
            assert watched.memory == plain.memory


def test_a_shadow_without_data_is_no_missing_signal() -> None:
    told = Story(spec(policies=(wish(1),), shadow=(wish(NoData("down"), "other"),)))
    told.at(0).sees(free=1)
    assert told.decision.reason is Reason.AT_TARGET
    assert told.memory.signal_failures == 0
    (proposal,) = told.decision.shadow
    assert proposal.answer == NoData("down")


def test_a_shadow_learns_from_pass_to_pass() -> None:
    told = Story(spec(policies=(wish(2),), shadow=(SloPolicy(SloParams()),)), AppMemory())
    for at in range(0, 60, 15):
        told.at(at).sees(free=1, busy=1)
    state = told.memory.policy_states["slo"]
    assert isinstance(state, SloState)
    assert state.forecast.looks == 4
