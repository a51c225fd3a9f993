from __future__ import annotations

from collections import Counter

import pytest

from autoscaler.decision.roster import roster_of
from autoscaler.model import PRESENT, WorkerState
from tests.fakes.stories import look, worker

LISTS = {
    "nobody": (),
    "all serve": ("free", "busy", "busy"),
    "some start": ("free", "in_flight", "rollin"),
    "some are gone": ("free", "gone", "removing", "error", "unavailable", "unknown"),
}


@pytest.mark.parametrize("states", LISTS.values(), ids=LISTS)
def test_the_columns_say_what_the_rows_say(states: tuple[str, ...]) -> None:
    seen = look(*[worker(f"w{n}", state) for n, state in enumerate(states)])
    roster = roster_of(seen, {})
    assert roster.workers is seen.workers
    assert list(roster.ids) == [w.id for w in seen.workers]
    counted = Counter(w.state for w in seen.workers)
    assert all(roster.counts.get(state, 0) == counted[state] for state in WorkerState)
    assert roster.alive == {w.id: w.state for w in seen.workers if w.state in PRESENT}


def known(*ids: str) -> dict[str, WorkerState]:
    return dict.fromkeys(ids, WorkerState.FREE)


def test_only_the_same_workers_in_the_same_order_are_familiar() -> None:
    seen = look(worker("a"), worker("b", "busy"))
    for ids, familiar in ((("a", "b"), True), (("b", "a"), False), (("a",), False), ((), False)):
        assert roster_of(seen, known(*ids)).familiar is familiar
    more = look(worker("a"), worker("b"), worker("c", "gone"))
    assert not roster_of(more, known("a", "b")).familiar


def test_who_is_alive_is_kept_where_no_state_changed() -> None:
    before = known("a", "b")
    assert roster_of(look(worker("a"), worker("b")), before).alive is before
    after = roster_of(look(worker("a"), worker("b", "busy")), before).alive
    assert after == {"a": WorkerState.FREE, "b": WorkerState.BUSY}
    assert before == known("a", "b")
