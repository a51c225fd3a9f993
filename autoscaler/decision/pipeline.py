"""``decide``: from one look at an app to one explained decision. Pure.

The order: believe the list or not → settle open orders → count → ask the policies → combine →
bounds → stabilization → rate and cooldown → orders by hand → size the action. The same function
runs in the daemon, in the simulator and in every test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from autoscaler.decision import combine as combining
from autoscaler.decision.action import Case, size_action
from autoscaler.decision.census import count_workers
from autoscaler.decision.change import changed
from autoscaler.decision.clock import follow_clock
from autoscaler.decision.expectations import Settled, our_starts, settle
from autoscaler.decision.interventions import Bounds, put_first
from autoscaler.decision.memory import AppMemory, Change
from autoscaler.decision.quality import judge, put_off
from autoscaler.decision.rate import limit_rate
from autoscaler.decision.rollout import Rollout, find_rollout
from autoscaler.decision.roster import Roster, roster_of
from autoscaler.decision.shrink import activity, hold_back, tolerate
from autoscaler.decision.spec import AppSpec
from autoscaler.decision.stabilization import stabilize, windows
from autoscaler.decision.startup import follow_starts, learned_cold_start_s
from autoscaler.model import (
    AppStatus,
    Census,
    Decision,
    Hold,
    Limit,
    NoData,
    Observation,
    PolicyInput,
    Proposal,
    Reason,
    Recommendation,
    Role,
    Unobserved,
    WorkerState,
)
from autoscaler.model.frozen import maker, nothing

GAP_INTERVALS = 3.0
GAP_FLOOR_S = 60.0

_decision, _policy_input, _case = maker(Decision), maker(PolicyInput), maker(Case)
_proposal = maker(Proposal)
# Once, here: CPython 3.11 takes 85 ns to find a member of an enumeration.
_CEILING = Role.CEILING
_NOBODY: frozenset[str] = frozenset()
"""One for all: each call of ``frozenset()`` makes another, of 216 bytes."""


def decide(
    spec: AppSpec, look: Observation | Unobserved, memory: AppMemory, now: float
) -> tuple[Decision, AppMemory]:
    """Return what to do about an app, and what to remember.

    Args:
        spec: the owner's wishes.
        look: one worker list, or why there was none.
        memory: what the last call returned; ``AppMemory()`` at first.
        now: our clock, epoch seconds, not before the look.
    """
    if isinstance(look, Unobserved):
        return _hold(spec, memory, look.reason, look.message, now), memory
    memory = follow_clock(memory, look, spec.order_deadline_s)
    roster = roster_of(look, memory.known)
    doubt, memory = judge(roster, memory, now)
    if doubt is not None:
        if doubt.reason is Reason.STALE_OBSERVATION:
            memory = put_off(memory, now, spec.order_deadline_s)
        return _hold(spec, memory, doubt.reason, doubt.message, now), memory
    missing, memory = _miss(spec, roster, memory, now)
    if missing:
        return _hold(spec, memory, Reason.CONTRADICTORY_OBSERVATION, missing, now), memory
    scene, memory = _take_in(spec, roster, memory, now)
    return _decide_on(spec, scene, memory, now)


def _hold(spec: AppSpec, memory: AppMemory, reason: Reason, message: str, now: float) -> Decision:
    return Decision(
        spec.key,
        now,
        Hold(),
        reason,
        message,
        min_workers=spec.min_workers,
        max_workers=spec.max_workers,
        interventions=memory.interventions,
    )


def _miss(spec: AppSpec, roster: Roster, memory: AppMemory, now: float) -> tuple[str, AppMemory]:
    """Return why workers that are missing are not believed gone (empty if they are).

    A second list must confirm it. A list that includes the deleted ones should still name them; one
    that does not is most likely an older one, so then they must stay missing for one deadline.
    """
    vanished = _vanished(roster, memory)
    explained = memory.app is not None and memory.app.status is AppStatus.PAUSED
    if not vanished or explained:
        return "", memory
    since = memory.vanished_at if memory.vanished_at is not None else now
    waited = now - since >= spec.order_deadline_s
    if vanished <= memory.unconfirmed and (waited or not roster.observation.show_all):
        return "", memory
    some = ", ".join(sorted(vanished)[:3])
    return (
        f"{len(vanished)} workers vanished unordered ({some}); more lists must confirm it",
        changed(memory, unconfirmed=vanished, glimpsed=_going_on(roster), vanished_at=since),
    )


def _vanished(roster: Roster, memory: AppMemory) -> frozenset[str]:
    """Return ids that lived in the last list and are not in this one at all, unordered."""
    known, alive = memory.known, roster.alive
    if roster.familiar and not memory.glimpsed:
        return _NOBODY
    absent = [i for i in known if i not in alive and known[i] is not WorkerState.REMOVING]
    lived = memory.glimpsed.union(absent) - memory.leaving
    return lived.difference(roster.ids) if lived else _NOBODY


def _going_on(roster: Roster) -> frozenset[str]:
    return frozenset(i for i, state in roster.alive.items() if state is not WorkerState.REMOVING)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one believed list tells, apart from what memory holds of it already."""

    roster: Roster
    rollout: Rollout
    settled: Settled
    census: Census
    watching_since: float
    first_look_at: float
    last_active_at: float


_scene = maker(_Scene)


def _take_in(
    spec: AppSpec, roster: Roster, memory: AppMemory, now: float
) -> tuple[_Scene, AppMemory]:
    """Return what a list that is believed tells, and memory with its orders and starts followed."""
    observation = roster.observation
    rollout = find_rollout(observation, our_starts(memory, observation))
    settled = settle(memory, roster, rollout, now)
    memory = follow_starts(
        _first_look(spec, settled.memory, observation, now),
        roster,
        spec.startup,
        settled.arrivals,
        settled.expired,
        now,
    )
    since = _watching_since(spec, memory, now)
    if since == now and memory.cold_starts_s is not settled.memory.cold_starts_s:
        # A start that ended while nobody looked would be learned as long as the gap was.
        memory = changed(memory, cold_starts_s=settled.memory.cold_starts_s)
    census = count_workers(roster, memory, rollout)
    first_look_at, last_active_at = activity(memory, observation, census, now)
    return (
        _scene(roster, rollout, settled, census, since, first_look_at, last_active_at),
        memory,
    )


def _first_look(
    spec: AppSpec, memory: AppMemory, observation: Observation, now: float
) -> AppMemory:
    """Without a past, a scale call of a moment ago may be ours: its cooldown holds.

    The workers of a scale-up may not be listed yet, so orders wait for them.
    """
    if memory.last_look_at is not None:
        return memory
    memory = changed(memory, changes=_past_changes(observation, now) + memory.changes)
    if observation.last_scale_up_at is None:
        return memory
    left_s = spec.order_deadline_s - observation.age(observation.last_scale_up_at)
    if left_s <= 0:
        return memory
    until = max(memory.hold_orders_until, now + left_s)
    return changed(memory, hold_orders_until=until, hold_orders_why=Reason.FROZEN_AFTER_RESTART)


def _past_changes(observation: Observation, now: float) -> tuple[Change, ...]:
    """Return what the platform tells of the last scale calls; how many it was it does not tell."""
    told = ((observation.last_scale_up_at, 1), (observation.last_scale_down_at, -1))
    changes = [Change(now - observation.age(at), delta) for at, delta in told if at is not None]
    return tuple(sorted(changes, key=lambda c: c.at))


def _watching_since(spec: AppSpec, memory: AppMemory, now: float) -> float:
    """Return since when the load has been watched without a gap in which it could have risen."""
    if memory.watching_since is None or memory.last_look_at is None:
        return now
    # Where the pace may slow down, a slow stretch is a gap however short: see ``pace``.
    floor_s = GAP_FLOOR_S if spec.interval_max_s is None else 0.0
    gap_s = max(floor_s, GAP_INTERVALS * spec.interval_s)
    # A clock set back across a restart makes the last look lie ahead: that is a gap too.
    broken = now - memory.last_look_at > gap_s or now < memory.last_look_at
    return now if broken else memory.watching_since


def _decide_on(
    spec: AppSpec, scene: _Scene, memory: AppMemory, now: float
) -> tuple[Decision, AppMemory]:
    census, observation = scene.census, scene.roster.observation
    low, high, warnings = _bounds(spec, observation)
    said, states = _ask(spec, scene, memory, low, high, now)
    proposals, shadow = said[: len(spec.policies)], said[len(spec.policies) :]
    current = census.capacity
    combined = combining.combine(proposals, spec.combine, current)
    failures = memory.signal_failures + 1 if combined.missing else 0
    good = memory.last_good_capacity if combined.missing else current
    raw, limits = _with_fallback(spec, combined, failures, good, current)
    raw, capped = combining.lower_to_cap(raw, combined.cap, low)
    near, tolerated = tolerate(spec, raw, current)
    wanted = min(max(near, low), high)
    limits += capped + some(tolerated) + _bound_limit(near, wanted, low, high)
    high_window, low_window = windows(
        memory,
        wanted,
        now,
        up_window_s=spec.up.stabilization_window_s,
        down_window_s=spec.down.stabilization_window_s,
    )
    memory = changed(
        memory,
        known=scene.roster.alive,
        unconfirmed=_NOBODY,
        glimpsed=_NOBODY,
        vanished_at=None,
        watching_since=scene.watching_since,
        last_look_at=now,
        first_look_at=scene.first_look_at,
        last_active_at=scene.last_active_at,
        signal_failures=failures,
        last_good_capacity=good,
        policy_states=states,
        high=high_window,
        low=low_window,
    )
    blind = combined.missing[0] if combined.missing else ""
    final, held = _restrain(spec, scene, memory, wanted, Bounds(low, high, current, blind), now)
    limits += held
    sizing = size_action(
        _case(spec, observation, census, scene.rollout, memory, now, final, low, high, limits)
    )
    queue = observation.queue_size
    decision = _decision(
        app=spec.key,
        at=now,
        action=sizing.action,
        reason=sizing.reason,
        message=sizing.message + _because(proposals),
        desired=final,
        combined=combined.workers,
        proposals=proposals,
        shadow=shadow,
        limits=limits + sizing.limits,
        census=census,
        queue_size=None if isinstance(queue, NoData) else queue,
        min_workers=low,
        max_workers=high,
        warnings=warnings + tuple(f"somebody else scales: {x}" for x in scene.settled.foreign),
        raced=scene.settled.raced,
        interventions=memory.interventions,
    )
    return decision, _trim(spec, memory, now)


def _restrain(
    spec: AppSpec, scene: _Scene, memory: AppMemory, wanted: int, bounds: Bounds, now: float
) -> tuple[int, tuple[Limit, ...]]:
    """Return the number after windows, rates, what holds workers back, and orders by hand."""
    low, high, current = bounds.low, bounds.high, bounds.current
    steady, held = stabilize(memory, wanted, current, min_workers=low, max_workers=high)
    paced, rated = limit_rate(steady, current, spec.up, spec.down, memory.changes, now)
    kept, raised = hold_back(spec, scene.roster.observation, scene.census, memory, paced, now)
    # The maximum wins over every wish to keep workers.
    final = min(kept, max(high, paced))
    limits = some(held) + some(rated) + raised
    if memory.interventions:
        final, ordered = put_first(memory, final, bounds, now)
        limits += ordered
    return final, limits


def some(limit: Limit | None) -> tuple[Limit, ...]:
    """Return the limit in a tuple; none gives an empty one."""
    return () if limit is None else (limit,)


def _bounds(spec: AppSpec, observation: Observation) -> tuple[int, int, tuple[str, ...]]:
    warnings = []
    high = spec.max_workers
    if observation.max_workers is None:
        warnings.append("the platform's maxWorkers is not known; the configured maximum holds")
    else:
        high = min(high, observation.max_workers)
    low = min(spec.min_workers, high)
    if low < spec.min_workers:
        warnings.append(f"min_workers {spec.min_workers} is above the maximum {high}, which wins")
    return low, high, tuple(warnings)


def _ask(
    spec: AppSpec, scene: _Scene, memory: AppMemory, low: int, high: int, now: float
) -> tuple[tuple[Proposal, ...], Mapping[str, Any]]:
    given = _policy_input(
        observation=scene.roster.observation,
        census=scene.census,
        now=now,
        min_workers=low,
        max_workers=high,
        cold_start_s=learned_cold_start_s(memory),
    )
    proposals = []
    states: dict[str, Any] = {}
    for policy in spec.asked:
        before = memory.policy_states.get(policy.name)
        try:
            answer, state = policy.recommend(given, before)
            _check(answer)
        except Exception as error:  # noqa: BLE001 - a plug-in's fault must not stop the others
            answer, state = NoData(f"the policy failed: {error!r}"), before
        proposals.append(_proposal(policy.name, answer, policy.role))
        if state is not None:
            states[policy.name] = state
    return tuple(proposals), states or nothing()


def _check(answer: object) -> None:
    """Refuse what is no answer: a plug-in may return anything, and half a worker is not one."""
    if isinstance(answer, NoData):
        return
    if not isinstance(answer, Recommendation):
        raise TypeError(f"it answered {answer!r}")
    for number in (answer.workers, answer.floor, answer.ceiling):
        if number is not None and type(number) is not int:
            raise TypeError(f"it answered {number!r} workers, which is no whole number")


def _with_fallback(
    spec: AppSpec, combined: combining.Combined, failures: int, last_good: int, current: int
) -> tuple[int, tuple[Limit, ...]]:
    """Return the number before bounds; without signals for long enough, the fallback's."""
    raw = combined.workers if combined.workers is not None else current
    if not combined.missing:
        return raw, combined.limits
    limits = combined.limits
    if combined.workers is None:
        limits += (Limit(Reason.NO_DATA, current, current, combined.missing[0]),)
    if failures < spec.fallback.failure_threshold or spec.fallback.mode == "hold":
        return raw, limits
    floor = spec.fallback.workers
    if spec.fallback.mode == "current-if-higher":
        floor = max(floor, last_good)
    result = max(raw, floor, current)
    why = f"signals missing for {failures} passes; fallback {spec.fallback.mode}"
    return result, (*limits, Limit(Reason.FALLBACK, raw, result, why))


def _bound_limit(raw: int, wanted: int, low: int, high: int) -> tuple[Limit, ...]:
    if wanted < raw:
        return (Limit(Reason.AT_MAXIMUM, raw, wanted, f"the maximum is {high}"),)
    if wanted > raw:
        return (Limit(Reason.BELOW_MINIMUM, raw, wanted, f"the minimum is {low}"),)
    return ()


def _because(proposals: tuple[Proposal, ...]) -> str:
    """Return the words of the policy that wants most, for the end of the message."""
    words, most = "", -inf
    for proposal in proposals:
        answer = proposal.answer
        if isinstance(answer, NoData) or proposal.role is _CEILING or answer.workers <= most:
            continue
        words, most = f" ({proposal.policy}: {answer.why})", answer.workers
    return words


def _trim(spec: AppSpec, memory: AppMemory, now: float) -> AppMemory:
    if not memory.changes:
        return memory
    disruption_s = spec.drain.disruption.window_s if spec.drain.disruption else 0.0
    rates = [rate.period_s for d in (spec.up, spec.down) for rate in d.policies]
    keep_s = max(spec.up.cooldown_s, spec.down.cooldown_s, disruption_s, *rates, 0.0)
    changes = tuple(c for c in memory.changes if c.at > now - keep_s or c is memory.changes[-1])
    return memory if len(changes) == len(memory.changes) else changed(memory, changes=changes)


def acted(memory: AppMemory, delta: int, now: float) -> AppMemory:
    """Return memory with one more acted change; ``delta`` ≠ 0, below 0 for a removal."""
    return changed(memory, changes=(*memory.changes, Change(now, delta)))
