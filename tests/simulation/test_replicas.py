"""Several whole daemons in virtual time; and each guard of failover broken on purpose is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from autoscaler.control.actuator import Actuator
from autoscaler.decision import AppSpec
from autoscaler.ports import Term
from autoscaler.state import ReignState
from tests.simulation.replica_world import run_world

SEEDS = 12
BATCH = 3


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_one_acts_and_every_rule_holds(first: int) -> None:
    counts: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        journal = run_world(seed)
        assert journal.broken == [], f"seed {seed}"
        counts += journal.counts
    assert counts["scale-up arrived"] > 0
    assert counts["kill"] + counts["stop"] + counts["cut"] + counts["freeze"] > 0


async def _send_always(_: Actuator, __: AppSpec, send: Callable[[], Awaitable[Any]]) -> Any:
    return await send()


async def _believe_any_store(state: ReignState, _: Term) -> None:
    state._store = await state._run(state._open_store)
    state.proven = False


@pytest.mark.parametrize(
    ("owner", "name", "broken", "rule", "seeds"),
    [
        (Actuator, "_fenced", _send_always, "no-term", (9, 15)),
        (ReignState, "open", _believe_any_store, "ordered-too-soon", (27, 28)),
    ],
    ids=["the fence is not asked", "a store of another time is believed"],
)
def test_the_world_sees_a_broken_guard(
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    broken: Any,
    rule: str,
    seeds: tuple[int, ...],
) -> None:
    monkeypatch.setattr(owner, name, broken)
    assert rule in {each.rule for seed in seeds for each in run_world(seed).broken}
