"""One suite over every implementation of ports.State."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from autoscaler.app.clock import SystemClock
from autoscaler.decision import AppMemory
from autoscaler.decision.memory import (
    Call,
    Change,
    ClockAhead,
    CrashLoop,
    DownOrder,
    OrderOutcome,
    Recommended,
    Served,
    Starting,
    UpOrder,
)
from autoscaler.model import (
    AppInfo,
    AppKey,
    AppStatus,
    Intervention,
    InterventionKind,
    Scaler,
    WorkerState,
)
from autoscaler.model.errors import StateError
from autoscaler.ports import State, Trust
from autoscaler.state import SqliteState, VolatileState, revive
from autoscaler.state.postgres import PostgresState, StateDatabase
from tests.fakes.clock import T0
from tests.fakes.postgres import new_database
from tests.fakes.stories import Wish

A, B = AppKey("default", "a"), AppKey("team", "a")

FULL = AppMemory(
    up_orders=(
        UpOrder(T0, T0 + 60, 2, OrderOutcome.ACCEPTED, ("x", "y"), ("x",), True, T0 - 9, 1),
    ),
    down_orders=(DownOrder(T0, T0 + 60, (Served("a", 7, None),), OrderOutcome.UNKNOWN, ("a",), 1),),
    own_ups=(Call(T0, T0 + 1),),
    own_downs=(Call(T0 - 5, T0 - 4),),
    changes=(Change(T0, 2), Change(T0 + 0.125, -1)),
    high=(Recommended(T0, 9),),
    low=(Recommended(T0, 1),),
    watching_since=T0 - 300,
    last_look_at=T0,
    known={"a": WorkerState.FREE, "Zoë 工": WorkerState.IN_FLIGHT},
    unconfirmed=frozenset({"q", "r"}),
    removed={"z": T0 - 1},
    platform_up_at=T0 - 100,
    stale_since=T0 - 2,
    foreign=(T0 - 3,),
    starting={"x": Starting(T0, T0 - 1, overdue=True, ordered=True)},
    cold_starts_s=(12.5, 30.0),
    crash_loop=CrashLoop(3, T0, T0 + 60),
    hold_orders_until=T0 + 5,
    hold_orders_why="JustResumed",
    signal_failures=2,
    last_good_capacity=4,
    app=AppInfo(A, Scaler.MANUAL, AppStatus.DEPLOYED, {"team": "gpu"}, 3, 2),
    clock_ahead=ClockAhead(-0.5, 0.5),
    restarted_at=T0 + 1,
    policy_states={"p": {"samples": [1, 2.5, None, "text"]}},
    first_look_at=T0 - 900,
    last_active_at=T0 - 3,
    fleet_share=12,
    glimpsed=frozenset({"g"}),
    vanished_at=T0 - 1,
    interventions=(Intervention(InterventionKind.PAUSE, T0, None, "ann", "an update", "up"),),
)


@pytest.fixture(params=["volatile", "sqlite", "postgres"])
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[State]:
    if request.param == "volatile":
        yield VolatileState()
    elif request.param == "sqlite":
        yield SqliteState(tmp_path / "state.db", "https://platform")
    else:
        url = make_url(new_database(request.getfixturevalue("postgres")))
        database = StateDatabase(url, SystemClock())
        made = PostgresState(database, "https://platform", clock=SystemClock())
        await made.begin(None)
        yield made
        database.close()


async def test_an_app_never_written_has_no_memory(state: State) -> None:
    assert await state.load(A) is None
    assert state.trust is Trust.NEW
    await state.close()


async def test_everything_that_is_written_comes_back_the_same(state: State) -> None:
    await state.write_intent(A, FULL)
    assert await state.load(A) == FULL
    await state.close()


async def test_every_field_is_kept(state: State) -> None:
    """A field added to the memory must be in FULL, or nothing proves that it is kept."""
    empty = AppMemory()
    same = [n for n in AppMemory.__dataclass_fields__ if getattr(FULL, n) == getattr(empty, n)]
    assert same == ["platform_down_at"]
    await state.close()


async def test_apps_are_kept_apart(state: State) -> None:
    await state.write_intent(A, FULL)
    await state.write_intent(B, AppMemory(signal_failures=7))
    assert await state.load(A) == FULL
    assert await state.load(B) == AppMemory(signal_failures=7)
    await state.close()


async def test_what_is_written_last_counts(state: State) -> None:
    state.checkpoint(A, AppMemory(signal_failures=1))
    await state.write_intent(A, AppMemory(signal_failures=2))
    await state.flush()
    assert await state.load(A) == AppMemory(signal_failures=2)
    state.checkpoint(A, AppMemory(signal_failures=3))
    assert await state.load(A) == AppMemory(signal_failures=3)
    await state.flush()
    assert await state.load(A) == AppMemory(signal_failures=3)
    await state.close()


async def test_a_forgotten_app_has_no_memory(state: State) -> None:
    await state.write_intent(A, FULL)
    await state.write_intent(B, FULL)
    state.checkpoint(A, FULL)
    await state.forget(A)
    await state.forget(A)
    await state.flush()
    assert await state.load(A) is None
    assert await state.load(B) == FULL
    await state.close()


@dataclass(frozen=True, slots=True)
class Samples:
    """The state of some policy."""

    values: tuple[float, ...]
    names: frozenset[str] = frozenset()


class Remembering(Wish):
    """A policy with a typed state."""

    state_type = Samples


async def test_a_policys_state_comes_back_with_its_type(state: State) -> None:
    memory = AppMemory(policy_states={"p": Samples((1.0, 2.5), frozenset({"x"})), "gone": 3})
    await state.write_intent(A, memory)
    stored = await state.load(A)
    assert stored is not None
    revived = revive(stored, [Remembering(0, "p"), Wish(0, "new")])
    assert revived.policy_states == {"p": Samples((1.0, 2.5), frozenset({"x"}))}
    await state.close()


@pytest.mark.parametrize("raw", [{"values": "no list"}, 7, ["x"], {"other": 1}])
def test_a_state_that_no_longer_fits_is_dropped(raw: Any) -> None:
    assert revive(AppMemory(policy_states={"p": raw}), [Remembering(0, "p")]).policy_states == {}


class Unknown:
    """Something that no store can keep."""


async def test_a_memory_that_cannot_be_kept_is_an_error_and_harms_no_other(state: State) -> None:
    bad = AppMemory(policy_states={"p": Unknown()})
    with pytest.raises(StateError):
        await state.write_intent(A, bad)
    state.checkpoint(A, bad)
    state.checkpoint(B, FULL)
    with pytest.raises(StateError):
        await state.flush()
    assert await state.load(B) == FULL
    state.checkpoint(A, replace(bad, policy_states={}))
    await state.flush()
    assert await state.load(A) == AppMemory()
    await state.close()


async def test_ten_thousand_workers_are_kept(state: State) -> None:
    known = {f"worker-{i:06}": WorkerState.BUSY for i in range(10_000)}
    await state.write_intent(A, AppMemory(known=known))
    stored = await state.load(A)
    assert stored is not None
    assert stored.known == known
    await state.close()


async def test_closing_writes_what_was_checkpointed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = SqliteState(path, "https://platform")
    first.checkpoint(A, FULL)
    await first.close()
    second = SqliteState(path, "https://platform")
    assert await second.load(A) == FULL
    await second.close()


def make_stores(tmp_path: Path) -> dict[str, Callable[[], State]]:
    return {
        "volatile": VolatileState,
        "sqlite": lambda: SqliteState(tmp_path / "state.db", "https://platform"),
    }


@pytest.mark.parametrize("kind", ["volatile", "sqlite"])
async def test_a_store_with_nothing_to_write_flushes_and_closes(kind: str, tmp_path: Path) -> None:
    store = make_stores(tmp_path)[kind]()
    await store.flush()
    await store.close()
