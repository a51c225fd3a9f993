"""The elector under every trouble, in virtual time; and each guard broken on purpose is seen."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest

from autoscaler.control import election
from autoscaler.control.election import Elector, LeasePace
from autoscaler.ports import Lease
from tests.simulation.election_world import RUN_S, run_world

SEEDS = 90
BATCH = 30


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_never_two_at_once(first: int) -> None:
    calls = handovers = 0
    acted_s = 0.0
    for seed in range(first, first + BATCH):
        world = run_world(seed)
        assert world.broken() == "", f"seed {seed}: {world.broken()}"
        calls += len(world.sent)
        acted_s += sum(call.until_s - call.at_s for call in world.sent)
        handovers += sum(a.replica != b.replica for a, b in pairwise(world.sent))
    # The test means something: there is much to judge, and the lead changes hands.
    assert calls > BATCH * 50
    assert handovers > BATCH * 3
    assert acted_s > 0.2 * BATCH * RUN_S


class LeadsUntilToldOtherwise(Elector):
    """As both Python libraries with an election do: no clock of its own ends the lead."""

    def left_s(self) -> float:
        return 0.0 if self._term is None else 1e9

    def _end_if_over(self) -> None:
        pass

    def _limit_s(self) -> float:
        return 60.0


class TakesNoMargin(Elector):
    """Acts at once after a lease that ran out."""

    def _wait_s(self, lease: Lease | None) -> float:
        wait_s = super()._wait_s(lease)
        return 0.0 if wait_s == self.pace.margin_s else wait_s


class CountsFromTheReply(TakesNoMargin):
    """Counts its time from the answer, not from the sending."""

    async def attempt(self) -> None:
        before = self._renewed_at
        await super().attempt()
        if self._renewed_at != before:
            self._renewed_at = self._clock.now()


class TrustsWrittenTimes(Elector):
    """Takes the lease when the time that stands in it is old by its own clock."""

    def _free_at(self, lease: Lease) -> float:
        return lease.record.renewed_at + self.pace.duration_s


class TakesTooSoon(Elector):
    """Waits for half of the duration only."""

    def _free_at(self, lease: Lease) -> float:
        return self._changed_at + self.pace.duration_s / 2


class DoesNotWait(Elector):
    """Acts at once after a lease that was deleted."""

    def _wait_s(self, lease: Lease | None) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("mutant", "seeds"),
    [
        (LeadsUntilToldOtherwise, range(40)),
        (CountsFromTheReply, (47, 381)),
        (TrustsWrittenTimes, range(40)),
        (TakesTooSoon, range(40)),
        (DoesNotWait, range(40)),
    ],
)
def test_the_world_sees_a_broken_guard(mutant: type[Elector], seeds: Iterable[int]) -> None:
    assert any(run_world(seed, mutant).broken() for seed in seeds)


def test_the_sender_s_time_limit_alone_is_enough() -> None:
    assert not any(run_world(seed, TakesNoMargin).broken() for seed in range(40))


def test_the_slack_covers_clocks_that_run_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election, "SLACK_S", -1.0)
    assert any(run_world(seed).broken() for seed in range(60))


def test_a_pace_has_room_for_a_call() -> None:
    pace = LeasePace()
    assert pace.margin_s - election.SLACK_S > 4.0
    assert pace.try_limit_s * election.TRIES == pytest.approx(pace.renew_deadline_s)
