"""The net is known to hold: each rule's guard is broken on purpose, and the simulation must see it.

Every entry breaks the code that guards one rule of the design and names seeds in which that comes
to light. A mutation that no seed detects would mean a rule that nobody watches.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any

import pytest

from autoscaler.control import actuator, reconciler, supervisor
from autoscaler.control.actuator import Actuator
from autoscaler.control.fleet import Fleet
from autoscaler.control.reconciler import Reconciler
from autoscaler.decision import AppMemory, action, clock, drain, expectations, pipeline, quality
from autoscaler.decision.drain import Confirmed
from autoscaler.decision.rollout import NO_ROLLOUT
from autoscaler.everai import call, client, exchange, statuses, wire
from autoscaler.everai.wire_workers import Notes
from autoscaler.model import (
    AppKey,
    Candidate,
    Census,
    InterventionKind,
    Observation,
    Scaler,
    WorkerState,
)
from autoscaler.model.errors import PlatformError
from autoscaler.ports import Trust
from autoscaler.simulator.soak.by_hand import Order
from autoscaler.simulator.soak.plan import Plan, Step, draw_plan
from autoscaler.simulator.soak.world import run_plan
from autoscaler.state import SqliteState

pytestmark = [pytest.mark.mutation, pytest.mark.timeout(600)]

Patch = Callable[[pytest.MonkeyPatch], None]
HOURS = 1.0
SEEDS_MAX = 60
CRASHES = {"pass-raised", "internal-error", "deadlock"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One deliberate break: of which rule, how, in which seeds it shows, and as what."""

    rule: int
    name: str
    seeds: tuple[int, ...]
    patches: tuple[Patch, ...]
    plan: Callable[[int], Plan]


def setting(owner: Any, name: str, value: Any) -> Patch:
    def apply(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, value)

    return apply


def _any_trouble(seed: int) -> Plan:
    return draw_plan(seed, HOURS)


def _restarts(*clocks_s: float) -> Callable[[int], Plan]:
    """Return plans in which the daemon is killed at every other scale call and restarts at once."""

    def draw(seed: int) -> Plan:
        plan, clocks = draw_plan(seed, HOURS), cycle(clocks_s)
        steps = tuple(
            Step(at_s, "kill-at-call", 0.5, next(clocks), operation="scale-up", stage="applied")
            for at_s in range(30, int(plan.quiet_from_s), 45)
        )
        return replace(plan, steps=steps, offset_s=clocks_s[-1])

    return draw


def _pauses(seed: int) -> Plan:
    """Return plans in which every app is paused by hand for a quarter of the time, and restarts."""
    plan = draw_plan(seed, HOURS)
    at_s, for_s = 0.3 * plan.quiet_from_s, 0.5 * plan.quiet_from_s
    orders = tuple(Order(at_s, spec.key, InterventionKind.PAUSE, for_s) for spec in plan.specs)
    steps = (Step(at_s + 60.0, "kill", 0.5), Step(at_s + 300.0, "kill", 0.5))
    return replace(plan, orders=orders, steps=steps)


def mutation(
    rule: int,
    name: str,
    seeds: tuple[int, ...],
    *patches: Patch,
    plan: Callable[[int], Plan] = _any_trouble,
) -> Mutation:
    return Mutation(rule, name, seeds, patches, plan)


def _keep_all(candidates: Any, first: Observation, *_: Any, **__: Any) -> Confirmed:
    by_id = {worker.id: worker for worker in first.workers}
    return Confirmed(tuple(by_id[one.worker_id] for one in candidates), ())


def _in_states(*states: WorkerState) -> Callable[..., list[Any]]:
    return lambda workers, _: [w for w in workers if w.state in states and w.session_number == 0]


def _sessions_do_not_matter(workers: Any, _: Any) -> list[Any]:
    return [w for w in workers if w.state is WorkerState.FREE]


def _why_stays_but_for_sessions(before: Any, after: Any, rollout: Any) -> str | None:
    if after is not None:
        after = replace(after, session_number=0)
    return _WHY_STAYS(before, after, rollout)


_WHY_STAYS = drain._why_stays
_BOUNDS = pipeline._bounds
_CHOOSE = drain.choose
_CHOOSE_FAILED = drain.choose_failed
_SIZE_ACTION = action.size_action
_LOOK = Reconciler._look
_AFTER_RESTART = expectations.after_restart


def _no_maximum(spec: Any, observation: Any) -> Any:
    low, _, warnings = _BOUNDS(spec, observation)
    return low, 1000, warnings


def _no_minimum(spec: Any, observation: Any) -> Any:
    _, high, warnings = _BOUNDS(spec, observation)
    return 0, high, warnings


def _own_maximum_only(spec: Any, observation: Any) -> Any:
    return _BOUNDS(spec, replace(observation, max_workers=None))


def _no_lifetime(count: Any, observation: Any, order: Any, *rest: Any) -> Any:
    return _CHOOSE(count, observation, replace(order, min_lifetime_s=0.0), *rest)


def _always_clear(observation: Any, order: Any, *rest: Any) -> Any:
    return _CHOOSE_FAILED(observation, replace(order, clear_failed=True), *rest)


def _never_paused(case: Any) -> Any:
    return _SIZE_ACTION(replace(case, spec=replace(case.spec, paused="no")))


async def _written(*_: Any) -> None:
    return None


def _surely_not_applied(patch: pytest.MonkeyPatch) -> None:
    def init(self: PlatformError, message: str, **facts: Any) -> None:
        Exception.__init__(self, message)
        self.status = facts.get("status", 0)
        self.maybe_applied = False

    patch.setattr(PlatformError, "__init__", init)


async def _empty_where_failed(self: Reconciler, run: Any, memory: Any, *, show_all: bool) -> Any:
    look = await _LOOK(self, run, memory, show_all=show_all)
    if isinstance(look, Observation):
        return look
    return Observation(run.key, (), 0, look.at, look.at, look.at)


def _forget(passes: dict[AppKey, Any], key: AppKey, _: object) -> None:
    passes.pop(key, None)


def _two_passes(self: supervisor.Supervisor) -> None:
    for key, due_at in self._pacer.due(self._clock.now()):
        for _ in range(2):
            task = asyncio.get_running_loop().create_task(self._pass(key, due_at))
            self._passes[key] = task
            task.add_done_callback(partial(_forget, self._passes, key))


class _OneSlot(asyncio.Semaphore):
    def __init__(self, _: int) -> None:
        super().__init__(1)


def _without_changes(memory: AppMemory, now: float) -> AppMemory:
    return replace(_AFTER_RESTART(memory, now), changes=())


def _without_orders(memory: AppMemory, now: float) -> AppMemory:
    return replace(_AFTER_RESTART(memory, now), interventions=())


def _never_dry(
    platform: Any, state: Any, clock: Any, recorder: Any, fleet: Any, **_: Any
) -> Actuator:
    return Actuator(platform, state, clock, recorder, fleet)


def _tell_all(text: str, secret: str) -> str:
    return text


_NO_FIRST_LOOK = setting(pipeline, "_first_look", lambda _spec, memory, *_: memory)
NOTHING = frozenset[str]()
MUTATIONS = (
    mutation(
        1,
        "a busy worker may go",
        (4,),
        setting(drain, "removable", _in_states(WorkerState.FREE, WorkerState.BUSY)),
    ),
    mutation(
        1,
        "a starting worker may go",
        (5,),
        setting(drain, "removable", _in_states(WorkerState.IN_FLIGHT)),
    ),
    mutation(
        1,
        "sessions do not matter",
        (4,),
        setting(drain, "removable", _sessions_do_not_matter),
        setting(drain, "_why_stays", _why_stays_but_for_sessions),
    ),
    mutation(1, "the second list is not compared", (5, 4), setting(actuator, "confirm", _keep_all)),
    mutation(
        1, "an old confirmation will do", (16, 27), setting(actuator, "CONFIRMATION_VALID_S", 1e9)
    ),
    mutation(
        1,
        "a roll-out is not recognised",
        (22, 51),
        setting(
            Census,
            "ready",
            property(lambda self: self.free + self.busy + self.in_flight + self.rollin),
        ),
        setting(pipeline, "find_rollout", lambda *_: NO_ROLLOUT),
        setting(actuator, "find_rollout", lambda *_: NO_ROLLOUT),
    ),
    mutation(
        1,
        "what leaves is named again",
        (53, 25),
        setting(AppMemory, "leaving", property(lambda _: NOTHING)),
        setting(quality, "_stale", lambda *_: None),
    ),
    mutation(
        1,
        "failed workers go without opt-in",
        (14, 15),
        setting(action, "choose_failed", _always_clear),
    ),
    mutation(1, "min_lifetime is ignored", (12,), setting(action, "choose", _no_lifetime)),
    mutation(
        1,
        "the disruption budget is ignored",
        (7, 6),
        setting(action, "budget_left", lambda *_: None),
    ),
    mutation(
        2,
        "what is on order is not counted",
        (10, 6),
        setting(AppMemory, "on_order", property(lambda _: 0)),
    ),
    mutation(2, "no maximum", (2, 6), setting(pipeline, "_bounds", _no_maximum)),
    mutation(
        2,
        "the platform's maximum is ignored",
        (2, 1),
        setting(pipeline, "_bounds", _own_maximum_only),
    ),
    mutation(2, "no minimum", (4,), setting(pipeline, "_bounds", _no_minimum)),
    mutation(
        2,
        "an app that the platform scales is scaled",
        (11,),
        setting(Scaler, "is_platform", property(lambda _: False)),
    ),
    mutation(
        2, "the owner's pause is ignored", (14, 16), setting(pipeline, "size_action", _never_paused)
    ),
    mutation(
        2,
        "the fleet's ceiling is ignored",
        (25, 37),
        setting(Fleet, "grant", lambda _self, _app, count, _now: count),
    ),
    mutation(3, "the intent is not written", (1,), setting(Actuator, "_write_intent", _written)),
    mutation(3, "a lost reply means not applied", (2, 7), _surely_not_applied),
    mutation(
        3,
        "scale calls are retried",
        (2, 7),
        setting(call.Call, "changes", property(lambda _: False)),
    ),
    mutation(
        3, "an open order is given up at once", (10, 2), setting(expectations, "_FRESH_LISTS", 0)
    ),
    mutation(
        4,
        "a failed list is an empty one",
        (3, 12),
        setting(Reconciler, "_look", _empty_where_failed),
    ),
    mutation(4, "a stale list is believed", (53, 25), setting(quality, "_stale", lambda *_: None)),
    mutation(
        4, "a contradictory list is believed", (5, 9), setting(Notes, "problem", lambda *_: None)
    ),
    mutation(
        4,
        "vanished workers are not asked about",
        (4, 5),
        setting(pipeline, "_vanished", lambda *_: NOTHING),
    ),
    mutation(
        4,
        "an absurd queue is an empty one",
        (1, 3),
        setting(
            wire, "_queue_size", lambda value: value if isinstance(value, int) and value > 0 else 0
        ),
    ),
    mutation(5, "two passes at a time", (1,), setting(supervisor.Supervisor, "tick", _two_passes)),
    mutation(5, "one app waits for another", (5, 10), setting(asyncio, "Semaphore", _OneSlot)),
    mutation(
        6,
        "a restart forgets orders",
        (),
        setting(reconciler, "after_restart", lambda *_: AppMemory()),
        _NO_FIRST_LOOK,
        plan=_restarts(0.0),
    ),
    mutation(
        6, "no window is waited for", (3, 5), setting(pipeline, "_watching_since", lambda *_: 0.0)
    ),
    mutation(
        6,
        "a lost memory is trusted",
        (53,),
        setting(SqliteState, "trust", property(lambda _: Trust.WHOLE)),
        _NO_FIRST_LOOK,
    ),
    mutation(
        6,
        "a clock that was set goes unnoticed",
        (),
        setting(clock, "_set_by_s", lambda *_: 0.0),
        plan=_restarts(0.0, 300.0),
    ),
    mutation(
        6,
        "a restart forgets cooldowns",
        (),
        setting(reconciler, "after_restart", _without_changes),
        plan=_restarts(0.0),
    ),
    mutation(
        2,
        "a person's pause is not heeded",
        (),
        setting(action, "paused", lambda *_: None),
        plan=_pauses,
    ),
    mutation(
        6,
        "a restart forgets orders by hand",
        (),
        setting(reconciler, "after_restart", _without_orders),
        plan=_pauses,
    ),
    mutation(6, "the store is not locked", (4, 2), setting(fcntl, "flock", lambda *_: None)),
    mutation(7, "a dry run sends", (6, 17), setting(reconciler, "Actuator", _never_dry)),
    mutation(8, "a candidate is not explained", (4,), setting(Candidate, "why", "")),
    mutation(
        9,
        "the token is told",
        (16, 2),
        *(setting(module, "hide", _tell_all) for module in (client, exchange, statuses)),
        setting(statuses, "excerpt", lambda body, _: body.decode()),
    ),
)


@pytest.mark.parametrize("broken", MUTATIONS, ids=lambda one: f"rule {one.rule}: {one.name}")
def test_the_simulation_sees_it(broken: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for patch in broken.patches:
            patch(patched)
        plans = (broken.plan(seed) for seed in _worth_trying(broken))
        seen_in = next((plan for plan in plans if _broken_rules(plan)), None)
    assert seen_in is not None, f"no seed up to {SEEDS_MAX} saw that {broken.name}"
    assert not _broken_rules(seen_in), f"seed {seen_in.seed} is broken without a mutation too"


def _worth_trying(broken: Mutation) -> tuple[int, ...]:
    """Return the seeds known to show it, and then all: a change of the core moves them."""
    return (*broken.seeds, *(set(range(1, SEEDS_MAX + 1)) - set(broken.seeds)))


def _broken_rules(plan: Plan) -> set[str]:
    """Return the rules that a run breaks; a mutant that merely crashes is not seen by a rule."""
    found = {broken.rule for broken in run_plan(plan).broken}
    assert not found & CRASHES, f"the mutant crashes in seed {plan.seed}: adapt it to the code"
    return found
