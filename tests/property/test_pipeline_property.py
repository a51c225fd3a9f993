"""The whole pipeline over every built-in policy: steady under a steady load, bounded, repeatable.

A small closed loop: so many requests at all times, each on a worker if there is one, else waiting;
orders come true after a cold start, removals at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decision.spec import AppSpec, Direction
from autoscaler.model import (
    Decision,
    Observation,
    QueuedRequest,
    ScaleDown,
    ScaleUp,
    Worker,
    WorkerState,
)
from autoscaler.policies import Policy, policies
from tests.fakes.clock import T0
from tests.fakes.stories import KEY, Story

INTERVAL_S = 15.0
LOOKS = 160
SETTLED = 120
"""Looks after which the longest delay of any policy, and every window, has passed."""
WINDOW = [{"cron": "* * * * *", "min_workers": 2, "max_workers": 9}]
PARAMS: dict[str, dict[str, Any]] = {
    "queue": {"drain_within": 60},
    "slo": {},
    "queue-age": {},
    "free-workers": {"buffer": 2, "buffer_percent": 20},
    "utilization": {},
    "concurrency": {},
    "ongoing-requests": {},
    "step": {
        "metric": "utilization",
        "steps": [
            {"above": 0.8, "change": "+2"},
            {"above": 0.95, "change": "+50%"},
            {"below": 0.4, "change": "-20%"},
        ],
    },
    "schedule": {"windows": WINDOW},
    "predictive": {},
    "prometheus": {"url": "https://example.org", "query": "x", "target": 2},
    "webhook": {"url": "https://example.org"},
    "fixed": {"workers": 4},
    "everai-simple": {"scale_up_step": 2},
    "everai-free-worker": {"min_free_workers": 2},
}
FOREIGN = {"everai-class"}
"""Runs somebody else's class, for which nobody can promise anything."""


@dataclass(frozen=True, slots=True)
class Case:
    """A load and the rules. ``cold_looks``: looks from an order until its workers serve."""

    load: int
    low: int
    high: int
    down_window_s: float
    cold_looks: int
    at_first: int


CASES = st.builds(
    lambda load, low, span, window_s, cold, first: Case(
        load, low, low + span, window_s, cold, min(first, low + span)
    ),
    st.integers(0, 30),
    st.integers(0, 3),
    st.integers(0, 25),
    st.sampled_from([0.0, 60.0, 300.0]),
    st.integers(1, 8),
    st.integers(0, 20),
)


@dataclass(slots=True)
class Live:
    """A worker of the loop."""

    created_at: float
    ready_at: float
    last_serve_at: float | None = None
    served: int = 0


@dataclass(slots=True)
class World:
    """A platform that obeys, under a load that stays."""

    case: Case
    workers: dict[str, Live] = field(default_factory=dict)
    made: int = 0
    up_at: float | None = None
    down_at: float | None = None

    def order(self, count: int, now: float, cold_s: float) -> tuple[str, ...]:
        ids = tuple(f"w{self.made + index}" for index in range(count))
        self.made += count
        self.workers |= {each: Live(now, now + cold_s) for each in ids}
        return ids

    def look(self, now: float) -> Observation:
        ready = [each for each in self.workers.values() if each.ready_at <= now]
        busy = ready[: self.case.load]
        for each in busy:
            each.last_serve_at, each.served = now, each.served + 1
        waiting = self.case.load - len(busy)
        serving = {id(each) for each in busy}
        rows = tuple(_row(name, each, now, serving) for name, each in self.workers.items())
        return Observation(
            app=KEY,
            workers=rows,
            queue_size=waiting,
            requested_at=now,
            received_at=now,
            platform_now=now,
            max_workers=100,
            last_scale_up_at=self.up_at,
            last_scale_down_at=self.down_at,
            queue=(QueuedRequest(now - INTERVAL_S, "QueueReasonWorkerBusy"),) * waiting,
            signals=dict.fromkeys(("prometheus", "webhook"), float(self.case.load)),
        )


def _row(name: str, live: Live, now: float, serving: set[int]) -> Worker:
    state = WorkerState.FREE if live.ready_at <= now else WorkerState.IN_FLIGHT
    if id(live) in serving:
        state = WorkerState.BUSY
    served_at = live.ready_at if live.last_serve_at is None else live.last_serve_at
    at = None if state is WorkerState.IN_FLIGHT else served_at
    return Worker(
        name, state, created_at=live.created_at, last_serve_at=at, success_count=live.served
    )


def make(kind: str, **params: Any) -> Policy:
    cls = policies()[kind]
    return cls(cls.Params.model_validate(PARAMS[kind] | params))


def live_through(policy: Policy, case: Case, *, falls_to: int | None = None) -> list[Decision]:
    """Run the loop; check the bounds at each look; return every decision.

    ``falls_to``: load of a second time of the same length; ``None`` for no second time.
    """
    down = Direction(stabilization_window_s=case.down_window_s)
    story = Story(AppSpec(KEY, case.high, (policy,), case.low, INTERVAL_S, down=down))
    world = World(case)
    world.order(case.at_first, T0 - 3600.0, 0.0)
    decisions = []
    for number in range(LOOKS if falls_to is None else 2 * LOOKS):
        if number == LOOKS and falls_to is not None:
            world.case = replace(case, load=falls_to)
        story.at(number * INTERVAL_S).decides_on(world.look(story.now))
        decisions.append(story.decision)
        carry_out(story, world, case)
    return decisions


def carry_out(story: Story, world: World, case: Case) -> None:
    action, before = story.decision.action, len(world.workers)
    desired = story.decision.desired
    assert desired is not None
    assert case.low <= desired <= case.high
    if isinstance(action, ScaleUp):
        ids = world.order(action.count, story.now, case.cold_looks * INTERVAL_S)
        world.up_at = story.now
        assert len(world.workers) <= case.high
        story.sends(ids=ids)
    elif isinstance(action, ScaleDown):
        for worker_id in action.worker_ids:
            served_at = world.workers.pop(worker_id).last_serve_at
            assert served_at is None or served_at < story.now, "it was serving"
        world.down_at = story.now
        assert len(world.workers) >= min(case.low, before)
        story.sends()


def directions(decisions: list[Decision]) -> list[int]:
    """Return the actions as 1 and -1, runs of the same kind as one."""
    signs = [
        1 if isinstance(d.action, ScaleUp) else -1
        for d in decisions
        if isinstance(d.action, (ScaleUp, ScaleDown))
    ]
    return [sign for sign, _ in groupby(signs)]


def test_every_built_in_policy_is_tried() -> None:
    built_in = {k for k, cls in policies().items() if cls.__module__.startswith("autoscaler.")}
    assert PARAMS.keys() == built_in - FOREIGN


@pytest.mark.parametrize("kind", PARAMS)
@settings(max_examples=12)
@given(case=CASES)
def test_it_does_not_flap_under_a_constant_load(kind: str, case: Case) -> None:
    decisions = live_through(make(kind), case)
    assert len(directions(decisions)) <= 3, "up, down and up again at most"
    assert directions(decisions[SETTLED:]) in ([], [-1]), "in the end it only sheds what is left"


@pytest.mark.parametrize("kind", PARAMS)
@settings(max_examples=4)
@given(case=CASES)
def test_the_same_looks_give_the_same_decisions(kind: str, case: Case) -> None:
    assert live_through(make(kind), case) == live_through(make(kind), case)


@pytest.mark.parametrize("kind", ["queue", "free-workers", "utilization", "concurrency", "slo"])
@settings(max_examples=8)
@given(case=CASES)
def test_whoever_comes_is_served_in_the_end(kind: str, case: Case) -> None:
    roomy = replace(case, high=case.load + case.low + 20)
    last = live_through(make(kind), roomy)[-1]
    assert last.queue_size == 0
    assert last.census is not None
    assert last.census.busy == case.load


@pytest.mark.parametrize("kind", sorted(PARAMS.keys() - {"fixed", "schedule", "predictive"}))
def test_when_the_load_has_gone_workers_go_though_a_window_holds_them(kind: str) -> None:
    case = Case(load=12, low=1, high=20, down_window_s=300.0, cold_looks=4, at_first=1)
    decisions = live_through(make(kind), case, falls_to=1)
    high, low = decisions[LOOKS].desired, decisions[-1].desired
    assert high is not None
    assert low is not None
    assert low <= high / 2


def test_the_fault_of_the_original_free_worker_policy_would_be_seen() -> None:
    policy = make("everai-free-worker", keep_free=False, max_idle_time=30)
    case = Case(load=3, low=1, high=10, down_window_s=0.0, cold_looks=2, at_first=1)
    assert len(directions(live_through(policy, case))) > 10
