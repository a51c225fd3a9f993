"""An app update is no surplus: pairs count once, and nobody of them goes."""

from __future__ import annotations

from typing import Any

from autoscaler.decision.rollout import NO_ROLLOUT, find_rollout, newest_revision
from autoscaler.model import Reason, Worker
from tests.fakes.clock import T0
from tests.fakes.stories import Story, look, spec, worker


def old(worker_id: str, state: str = "free", **fields: Any) -> Worker:
    return worker(worker_id, state, app_revision="r1", created_at=T0 - 3600, **fields)


def new(worker_id: str, state: str = "in_flight", **fields: Any) -> Worker:
    return worker(worker_id, state, app_revision="r2", created_at=T0 - 5, **fields)


def test_a_quiet_list_is_no_rollout() -> None:
    assert find_rollout(look(worker("a"), worker("b", "busy")), ()) == NO_ROLLOUT


def test_a_pair_counts_as_one() -> None:
    story = Story(spec())
    story.wants(2).sees("a busy", worker("b"), worker("c", "rollin", replace_worker_id="b"))
    story.expects(hold=Reason.AT_TARGET, capacity=2, present=2, paired=1)


def test_the_newcomer_counts_itself_once_its_partner_leaves() -> None:
    story = Story(spec())
    story.wants(2).sees(
        "a busy", worker("b", "removing"), worker("c", "rollin", replace_worker_id="b")
    )
    story.expects(capacity=2, present=3, rollin=1)


def test_replacements_are_known_by_their_partner_whatever_their_state() -> None:
    found = find_rollout(look(worker("b"), worker("c", "in_flight", replace_worker_id="b")), ())
    assert found.newcomers == {"c"}
    assert found.running


def test_two_newcomers_for_one_partner_hide_only_one() -> None:
    # Else one real place would hide any number of workers from the maximum.
    seen = look(
        worker("a"),
        *(worker(f"n{i}", "rollin", replace_worker_id="a") for i in range(3)),
    )
    found = find_rollout(seen, ())
    assert len(found.newcomers) == 1
    assert found.protected == {"a", "n0", "n1", "n2"}


def test_a_worker_that_replaces_itself_still_counts() -> None:
    story = Story(spec(max_workers=2))
    story.wants(2).sees(
        worker("a", replace_worker_id="a"), worker("b", "busy", replace_worker_id="b")
    )
    story.expects(hold=Reason.AT_TARGET, capacity=2, present=2)


def test_workers_that_replace_each_other_count_at_least_once() -> None:
    story = Story(spec(max_workers=2))
    story.wants(2).sees(worker("a", replace_worker_id="b"), worker("b", replace_worker_id="a"))
    assert story.decision.census is not None
    assert story.decision.census.present >= 1


def test_a_chain_of_updates_counts_once() -> None:
    seen = look(
        worker("a"),
        worker("b", "rollin", replace_worker_id="a"),
        worker("c", "rollin", replace_worker_id="b"),
    )
    assert find_rollout(seen, ()).newcomers == {"b", "c"}


def test_a_rollin_without_a_partner_holds_all_removals() -> None:
    story = Story(spec())
    story.at(0).wants(1).sees("a free", "b free", "c rollin").expects(hold=Reason.ROLLING_OUT)


def test_newcomers_of_a_new_revision_pair_with_the_old() -> None:
    found = find_rollout(look(old("a"), old("b"), new("c"), new("d"), new("e")), ())
    assert found.newcomers == {"c", "d"}
    assert found.unpaired


def test_workers_that_we_ordered_are_no_update() -> None:
    assert find_rollout(look(old("a"), new("c")), {"c"}) == NO_ROLLOUT


def test_an_update_is_still_one_at_the_second_look() -> None:
    story = Story(spec())
    for t in (0, 15, 30, 45):
        story.at(t).wants(2).sees(old("a"), old("b"), new("c"), new("d"))
        story.expects(capacity=2, paired=2)
        story.wants(1).sees(old("a"), old("b"), new("c"), new("d")).expects(hold=Reason.ROLLING_OUT)


def test_our_own_order_of_the_new_revision_is_ours_though_its_reply_was_lost() -> None:
    story = Story(spec())
    story.at(0).wants(3).sees(old("a", "busy")).expects(scale_up=2).sends("lost")
    mine = [worker(i, "in_flight", app_revision="r2", at=1) for i in ("c", "d")]
    story.scaled_at(up=1).at(15).sees(old("a", "busy"), *mine)
    story.expects(hold=Reason.ORDER_PENDING, capacity=3, on_order=0, in_flight=2, present=3)
    for t in (30, 90, 105, 120, 300):
        story.at(t).sees(old("a", "busy"), *mine)
        story.expects(hold=Reason.ORDER_PENDING, present=3, in_flight=2)


def test_the_newest_revision_is_that_of_the_worker_made_last() -> None:
    assert newest_revision([old("a"), new("b"), worker("c", at=100)]) == "r2"
    assert newest_revision([worker("c")]) == ""
