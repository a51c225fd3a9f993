"""The store of a replica is believed where it proves to be the last leader's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.decision import AppMemory
from autoscaler.decision.expectations import open_up_order
from autoscaler.model import AppKey
from autoscaler.model.errors import StateError
from autoscaler.ports import State, Term, Trust
from autoscaler.state import ReignState, SqliteState, StateLockedError, VolatileState
from tests.fakes.clock import ManualClock

A = AppKey("default", "a")
MEMORY = open_up_order(AppMemory(signal_failures=7), 3, 1000.0, 60.0)
DOUBT_S = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def state_at(path: Path, clock: ManualClock) -> ReignState:
    def opened() -> State:
        return SqliteState(path, "https://platform")

    return ReignState(opened, path=path, clock=clock, doubt_s=DOUBT_S)


async def reign(
    state: ReignState, number: int, clock: ManualClock, for_s: float, lease: str = "l"
) -> None:
    """Lead for a while, write, and end as a leader does."""
    await state.open(Term(lease, number))
    state.checkpoint(A, MEMORY)
    clock.jump(for_s)
    await state.flush()
    await state.close()


async def found(state: ReignState, number: int, lease: str = "l") -> tuple[bool, AppMemory | None]:
    await state.open(Term(lease, number))
    memory = await state.load(A)
    await state.close()
    return state.proven, memory


async def test_the_store_of_the_term_before_is_believed(
    path: Path, manual_clock: ManualClock
) -> None:
    await reign(state_at(path, manual_clock), 4, manual_clock, DOUBT_S)
    state = state_at(path, manual_clock)
    await state.open(Term("l", 5))
    assert (state.proven, await state.load(A)) == (True, MEMORY)
    assert state.trust is Trust.WHOLE
    await state.close()
    assert await found(state_at(path, manual_clock), 6) == (True, MEMORY)


@pytest.mark.parametrize(("number", "lease"), [(6, "l"), (4, "l"), (5, "another")])
async def test_a_store_of_any_other_term_is_emptied(
    path: Path, manual_clock: ManualClock, number: int, lease: str
) -> None:
    await reign(state_at(path, manual_clock), 4, manual_clock, DOUBT_S)
    state = state_at(path, manual_clock)
    await state.open(Term(lease, number))
    assert (state.proven, state.trust, await state.load(A)) == (False, Trust.LOST, None)
    await state.close()


async def test_who_led_for_too_short_a_time_proves_nothing(
    path: Path, manual_clock: ManualClock
) -> None:
    await reign(state_at(path, manual_clock), 4, manual_clock, DOUBT_S - 1)
    assert await found(state_at(path, manual_clock), 5) == (False, None)


async def test_a_store_that_another_process_holds_is_left_alone(
    path: Path, manual_clock: ManualClock
) -> None:
    await reign(state_at(path, manual_clock), 4, manual_clock, DOUBT_S)
    holder = SqliteState(path, "https://platform")
    state = state_at(path, manual_clock)
    with pytest.raises(StateLockedError):
        await state.open(Term("l", 5))
    assert state.trust is Trust.LOST
    await state.write_intent(A, AppMemory(signal_failures=1))
    manual_clock.jump(DOUBT_S)
    await state.flush()
    await state.close()
    assert await holder.load(A) == MEMORY
    holder.abandon()
    # The term that wrote nothing into it is missing in it.
    assert await found(state_at(path, manual_clock), 6) == (False, None)


async def test_a_closed_store_takes_and_gives_nothing(
    path: Path, manual_clock: ManualClock
) -> None:
    state = state_at(path, manual_clock)
    state.checkpoint(A, MEMORY)
    await state.flush()
    with pytest.raises(StateError, match="does not lead"):
        await state.load(A)
    with pytest.raises(StateError, match="does not lead"):
        await state.write_intent(A, MEMORY)
    with pytest.raises(StateError, match="does not lead"):
        await state.forget(A)
    await state.close()
    assert not path.exists()


@pytest.fixture
def nothing() -> Callable[[], State]:
    return lambda: VolatileState(Trust.LOST)


async def test_without_a_file_nothing_is_ever_believed(
    nothing: Callable[[], State], manual_clock: ManualClock
) -> None:
    state = ReignState(nothing, path=None, clock=manual_clock, doubt_s=0.0)
    await reign(state, 1, manual_clock, 100.0)
    await state.open(Term("l", 2))
    assert (state.proven, state.trust, await state.load(A)) == (False, Trust.LOST, None)
