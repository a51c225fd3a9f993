"""The elector step by step: what it takes, how long it waits, what it lets go."""

from __future__ import annotations

from dataclasses import replace
from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.election import SLACK_S, Elector, LeasePace
from autoscaler.ports import Term
from tests.fakes.clock import ManualClock
from tests.fakes.lease import LeaseLink, LeaseServer

PACE = LeasePace(15.0, 10.0, 2.0)


class Election:
    """A lease and those who want it, moved step by step."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.server = LeaseServer()
        self.links: dict[str, LeaseLink] = {}
        self.troubles: list[str] = []

    def candidate(self, name: str) -> Elector:
        self.links[name] = LeaseLink(self.server, self.clock)
        return Elector(
            self.links[name],
            name,
            pace=PACE,
            clock=self.clock,
            rng=Random(1),
            on_trouble=self.troubles.append,
        )

    async def pass_time(self, seconds: float, *candidates: Elector) -> None:
        """Let time go by, and each candidate try once a second."""
        for _ in range(round(seconds)):
            self.clock.jump(1.0)
            for each in candidates:
                await each.attempt()


@pytest.fixture
def election(manual_clock: ManualClock) -> Election:
    return Election(manual_clock)


async def test_the_first_makes_the_lease_and_waits_for_one_that_may_have_been_deleted(
    election: Election,
) -> None:
    a = election.candidate("a")
    await a.attempt()
    assert a.term == Term("lease-1", 1)
    assert (a.leader, a.left_s()) == ("a", 0.0)
    await election.pass_time(14, a)
    assert a.left_s() == 0.0
    await election.pass_time(1, a)
    assert a.left_s() == PACE.duration_s - SLACK_S


async def test_the_lead_ends_by_the_own_clock(election: Election) -> None:
    a = election.candidate("a")
    await a.attempt()
    await election.pass_time(20, a)
    election.clock.jump(9.9)
    assert a.left_s() == pytest.approx(PACE.margin_s - SLACK_S + 0.1)
    assert a.term is not None
    election.clock.jump(0.2)
    assert a.left_s() == 0.0
    assert a.term is None, "nobody had the time to notice, and it is over all the same"


async def test_a_lease_that_runs_out_is_taken_and_the_margin_waited_for(election: Election) -> None:
    a, b = election.candidate("a"), election.candidate("b")
    await a.attempt()
    await b.attempt()
    await election.pass_time(14, b)
    assert b.term is None
    await election.pass_time(1, b)
    assert b.term == Term("lease-1", 2)
    await election.pass_time(4, b)
    assert b.left_s() == 0.0
    await election.pass_time(1, b)
    assert b.left_s() > 0
    assert (a.left_s(), b.leader) == (0.0, "b")


async def test_a_lease_given_back_is_taken_and_used_at_once(election: Election) -> None:
    a, b = election.candidate("a"), election.candidate("b")
    await a.attempt()
    await election.pass_time(16, a, b)
    await a.release()
    assert (a.term, a.left_s()) == (None, 0.0)
    await b.attempt()
    assert b.left_s() > 0


@pytest.mark.parametrize("arrives", ["before the release reads", "after the release read"])
async def test_a_renewal_that_was_cut_off_does_not_keep_it_from_being_given_back(
    election: Election, arrives: str
) -> None:
    a = election.candidate("a")
    await a.attempt()
    await election.pass_time(16, a)

    def renew() -> None:
        lease = election.server.lease
        assert lease is not None
        election.server.write(replace(lease.record, renewed_at=election.clock.now()), lease)

    if arrives == "before the release reads":
        renew()
    else:
        election.links["a"].before_write = renew
    await a.release()
    assert election.server.lease is not None
    assert election.server.lease.record.holder == ""


async def test_who_still_had_to_wait_hands_the_waiting_on(election: Election) -> None:
    a, b = election.candidate("a"), election.candidate("b")
    await a.attempt()
    await a.release()
    await b.attempt()
    assert b.term is not None
    await election.pass_time(14, b)
    assert b.left_s() == 0.0
    await election.pass_time(1, b)
    assert b.left_s() > 0


async def test_an_emptied_lease_is_not_one_that_was_given_back(election: Election) -> None:
    a, b = election.candidate("a"), election.candidate("b")
    await a.attempt()
    await election.pass_time(16, a, b)
    lease = election.server.lease
    assert lease is not None
    election.server.write(replace(lease.record, holder=""), lease)
    await b.attempt()
    assert (b.term is not None, b.left_s()) == (True, 0.0)
    assert a.left_s() > 0, "a has not noticed, and b waits for that"
    await a.attempt()
    assert a.left_s() == 0.0


async def test_a_deleted_lease_ends_the_lead(election: Election) -> None:
    a = election.candidate("a")
    await a.attempt()
    await election.pass_time(16, a)
    election.server.delete()
    await a.attempt()
    assert a.left_s() == 0.0
    await a.attempt()
    assert a.term == Term("lease-2", 1)


async def test_a_late_renewal_of_our_own_is_no_stranger(election: Election) -> None:
    a = election.candidate("a")
    await a.attempt()
    await election.pass_time(16, a)
    lease = election.server.lease
    assert lease is not None
    election.server.write(replace(lease.record, renewed_at=election.clock.now()), lease)
    await election.pass_time(1, a)
    assert a.left_s() > 0
    assert a.term == Term("lease-1", 1)


async def test_a_restarted_process_of_the_same_name_is_somebody_else(election: Election) -> None:
    a = election.candidate("pod-0_1")
    await a.attempt()
    again = election.candidate("pod-0_2")
    await again.attempt()
    assert (again.term, again.leader) == (None, "pod-0_1")


async def test_trouble_is_told_once_and_its_end(election: Election) -> None:
    a = election.candidate("a")
    await a.attempt()
    election.links["a"].refused = True
    await election.pass_time(3, a)
    assert (election.troubles, a.trouble) == (["401 Unauthorized"], "401 Unauthorized")
    election.links["a"].refused = False
    await election.pass_time(1, a)
    assert (election.troubles[1:], a.trouble) == ([""], "")


async def test_a_longer_duration_of_the_holder_counts(election: Election) -> None:
    a, b = election.candidate("a"), election.candidate("b")
    await a.attempt()
    lease = election.server.lease
    assert lease is not None
    election.server.write(replace(lease.record, duration_s=40.0), lease)
    await b.attempt()
    await election.pass_time(39, b)
    assert b.term is None
    await election.pass_time(1, b)
    assert b.term is not None
