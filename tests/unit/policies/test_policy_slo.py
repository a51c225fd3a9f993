"""The ``slo`` policy on made-up load: what it learns, what it keeps to, and what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import erf, exp, sqrt

import pytest
from pydantic import ValidationError

from autoscaler.model import (
    AppKey,
    Census,
    NoData,
    Observation,
    PolicyInput,
    Recommendation,
    Worker,
    WorkerState,
)
from autoscaler.policies.slo import (
    SloParams,
    SloPolicy,
    SloState,
    control,
    forecast,
    levels,
    staffing,
)
from autoscaler.policies.slo.state import Control, Demand, Forecast, Lateness, Record

T0 = 1_700_000_000.0
POLICY = SloPolicy(SloParams())


@dataclass
class Story:
    """Shows the policy one list after another."""

    policy: SloPolicy = POLICY
    now: float = T0
    state: SloState | None = None

    def look(
        self,
        workers: list[Worker],
        queue: int | NoData = 0,
        after_s: float = 15.0,
        cold_start_s: float | None = None,
    ) -> Recommendation:
        self.now += after_s
        states = [worker.state for worker in workers]
        census = Census(
            free=states.count(WorkerState.FREE),
            busy=states.count(WorkerState.BUSY),
            in_flight=states.count(WorkerState.IN_FLIGHT),
            present=len(states),
        )
        seen = Observation(
            AppKey("default", "a"), tuple(workers), queue, self.now, self.now, self.now
        )
        given = PolicyInput(seen, census, self.now, 0, 1000, cold_start_s)
        answer, self.state = self.policy.recommend(given, self.state)
        assert isinstance(answer, Recommendation)
        return answer

    @property
    def known(self) -> SloState:
        assert self.state is not None
        return self.state


def worker(number: int, state: WorkerState, done: int = 0, created: float = T0) -> Worker:
    return Worker(f"w{number}", state, created, None, created, done)


def pool(free: int, busy: int, done: int) -> list[Worker]:
    """Workers that have finished ``done`` requests each."""
    states = [WorkerState.FREE] * free + [WorkerState.BUSY] * busy
    return [worker(i, state, done) for i, state in enumerate(states)]


def steady(story: Story, looks: int, busy: int = 10, free: int = 10) -> Recommendation:
    """Every busy worker finishes one request of 15 s per interval."""
    answer = story.look(pool(free, busy, 0))
    for i in range(1, looks):
        workers = [
            worker(n, WorkerState.BUSY if n < busy else WorkerState.FREE, i if n < busy else 0)
            for n in range(busy + free)
        ]
        answer = story.look(workers)
    return answer


def test_nothing_there_and_nothing_asked_needs_nobody() -> None:
    assert Story().look([]).workers == 0


def test_the_first_request_gets_a_worker() -> None:
    assert Story().look([], queue=1).workers >= 1


def test_an_unknown_queue_is_no_number_and_changes_no_memory() -> None:
    seen = Observation(AppKey("default", "a"), (), NoData("?"), T0, T0, T0)
    answer, state = POLICY.recommend(PolicyInput(seen, Census(), T0, 0, 10), None)
    assert isinstance(answer, NoData)
    again, same = POLICY.recommend(PolicyInput(seen, Census(), T0, 0, 10), state)
    assert isinstance(again, NoData)
    assert same == state


def test_arrivals_are_completions_and_growth() -> None:
    story = Story()
    story.look(pool(free=3, busy=2, done=4), queue=1)
    story.look(pool(free=1, busy=4, done=5), queue=3)
    assert story.known.demand.completed == 5
    assert story.known.demand.arrived == 5 + (4 - 2) + (3 - 1)


def test_a_removed_worker_is_not_a_negative_completion() -> None:
    story = Story()
    story.look(pool(free=5, busy=0, done=9))
    story.look(pool(free=2, busy=0, done=9))
    assert story.known.demand.arrived == 0


def test_rate_and_service_time_are_learned() -> None:
    story = Story()
    steady(story, 60)
    assert story.known.demand.service_s == pytest.approx(15.0, rel=0.02)
    assert story.known.forecast.rate == pytest.approx(10 / 15, rel=0.02)


def test_a_steady_load_is_staffed_with_a_modest_spare() -> None:
    answer = steady(Story(), 80)
    assert 11 <= answer.workers <= 14


def test_a_large_pool_needs_relatively_less_spare() -> None:
    small = steady(Story(), 80, busy=10).workers / 10
    large = steady(Story(), 80, busy=100).workers / 100
    assert large < small


@pytest.mark.parametrize("seen_starting", [True, False])
def test_the_cold_start_is_learned_from_creation_to_readiness(*, seen_starting: bool) -> None:
    story = Story()
    story.look([])
    born = story.now
    if seen_starting:
        story.look([worker(0, WorkerState.IN_FLIGHT, created=born)], after_s=10.0)
    ready = Worker("w0", WorkerState.FREE, born, None, born + 12.0)
    story.look([ready], after_s=15.0)
    assert story.known.demand.cold_start_s == pytest.approx(12.0)


def test_a_cold_start_that_the_pipeline_learned_counts() -> None:
    story = Story()
    assert story.look([], cold_start_s=33.0).inputs["cold_start_s"] == 33.0


def test_workers_on_order_are_counted() -> None:
    """The number is a total, so asking again while some are starting asks for no more."""
    story = Story()
    first = story.look([], queue=6).workers
    starting = [worker(i, WorkerState.IN_FLIGHT, created=story.now) for i in range(first)]
    assert story.look(starting, queue=6).workers <= first + 1


def test_a_burst_is_held_for_and_then_let_go() -> None:
    story = Story()
    for i in range(4):
        story.look(pool(free=0, busy=4, done=i), cold_start_s=60.0)
    held = [story.look(pool(4, 0, 4), cold_start_s=60.0).workers for _ in range(400)]
    assert held[2] >= 2
    assert held[-1] == 0
    assert held == sorted(held, reverse=True)


def test_a_longer_cold_start_holds_longer() -> None:
    def held(cold_start_s: float) -> int:
        story = Story()
        for i in range(40):
            story.look(pool(free=0, busy=2, done=i), cold_start_s=cold_start_s)
        return sum(
            story.look(pool(2, 0, 40), cold_start_s=cold_start_s).workers > 0 for _ in range(400)
        )

    assert held(180.0) > held(15.0)


def test_the_same_input_gives_the_same_answer_and_spares_the_state() -> None:
    story = Story()
    steady(story, 20)
    before = story.known
    seen = Observation(AppKey("default", "a"), (), 3, story.now, story.now + 15, story.now + 15)
    given = PolicyInput(seen, Census(), story.now + 15, 0, 100)
    assert POLICY.recommend(given, before) == POLICY.recommend(given, before)


def test_requests_that_wait_are_found_late() -> None:
    story = Story()
    for _ in range(45):  # ten minutes: nothing is held against it before
        story.look(pool(1, 0, 0))
    story.look(pool(0, 1, 0), queue=8)
    for i in range(1, 5):
        story.look(pool(0, 1, i), queue=8 - 2 * i)
    assert story.known.lateness.late == pytest.approx(8, abs=2)


def test_lateness_before_anyone_could_serve_is_forgiven() -> None:
    story = Story()
    story.look([], queue=20)
    story.look(pool(0, 5, 0), queue=15)
    story.look(pool(5, 0, 4), queue=0)
    assert story.known.lateness.late == 0


def test_feedback_tightens_when_too_many_are_late_and_relaxes_when_none_is() -> None:
    start = control.first(0.05)
    bad = control.update(start, Lateness((), 900, 3000), 0.05, arrived=50, late=20, rate=0.5)
    good = control.update(start, Lateness((), 0, 3000), 0.05, arrived=50, late=0, rate=0.5)
    assert bad.tail < start.tail < good.tail
    for _ in range(10_000):
        bad = control.update(bad, Lateness((), 900, 3000), 0.05, arrived=50, late=50, rate=0.5)
        good = control.update(good, Lateness((), 0, 3000), 0.05, arrived=50, late=0, rate=0.5)
    assert bad.tail == control.TAIL_MIN
    assert good.tail == control.TAIL_MAX


def test_a_good_hour_does_not_relax_while_the_promise_is_broken() -> None:
    """Nobody is late now, but too many were: the risk that was learned stays."""
    broken = Control(0.01, -1.0)
    after = control.update(broken, Lateness((), 900, 3000), 0.05, arrived=500, late=0, rate=0.5)
    kept = control.update(broken, Lateness((), 9, 3000), 0.05, arrived=500, late=0, rate=0.5)
    assert after.integral == broken.integral
    assert kept.integral > broken.integral


def test_a_load_that_lasts_needs_a_worker_for_each_of_its_requests() -> None:
    """3 requests a second of 8 s: 24 at work, though 11 could start a burst of 24 in time."""
    seen = Demand(service_s=8.0, busy=12, arrived=3)
    lasting = Forecast(rates=(3.0,) * 5, concurrency=24.0)
    assert levels.needed(seen, lasting, 10.0) in range(20, 25)
    assert levels.needed(seen, Forecast(rates=(0.0,) * 5, concurrency=24.0), 10.0) < 12


def test_a_higher_attainment_starts_more_careful() -> None:
    assert control.first(0.01).tail < control.first(0.10).tail


@pytest.mark.parametrize(
    ("requests", "service_s", "workers"),
    [(0, 10, 0), (1, 30, 1), (2, 30, 2), (11, 1, 2), (100, 1, 10), (100, 10, 51), (5, 1000, 5)],
)
def test_workers_for_simultaneous_requests(requests: int, service_s: float, workers: int) -> None:
    assert levels.workers_for(requests, service_s, 10.0) == workers


def test_levels_fade_from_the_top() -> None:
    seen: tuple[float, ...] = ()
    for need in [3] * 5 + [1] * 50:
        seen = levels.update(seen, need, 15.0, 500.0)
    assert list(seen) == sorted(seen, reverse=True)
    assert levels.kept(seen, 0.5) == 1
    assert levels.kept(seen, 0.02) == 3


def test_the_first_rush_weighs_no_more_than_any_other() -> None:
    assert levels.update((), 40, 15.0, 500.0) == pytest.approx((1 - exp(-15 / 500),) * 40)


def climb(looks: int, per_look: int = 4) -> Forecast:
    """Return the forecast after a load that grew by ``per_look`` requests with each list."""
    known = Forecast()
    for i in range(looks):
        seen = Demand(at=T0 + 15.0 * i, arrived=per_look * i, service_s=5.0)
        known = forecast.update(known, seen, 75.0, 10.0)
    return known


def test_a_steady_climb_is_foretold_and_not_run_after() -> None:
    now, ahead = 4 * 79 / 15, 4 * (79 + 5) / 15
    assert now < climb(80).rate <= ahead * 1.02


def test_a_climb_is_no_trend_before_it_was_watched_for_a_while() -> None:
    assert max(climb(20).records[-1].rates) < 4 * 19 / 15
    assert max(climb(40).records[-1].rates) > 4 * 39 / 15


def test_a_trend_promises_neither_the_moon_nor_less_than_nothing() -> None:
    assert forecast._trend((9.0, 5.0, 1.0, 1.0, 1.0), 600.0) == pytest.approx(13.5)
    assert forecast._trend((1.0, 5.0, 9.0, 9.0, 9.0), 600.0) == 0.0


def test_a_state_of_a_version_that_mixed_fewer_forecasts_is_judged_anew() -> None:
    old = Forecast(
        looks=500,
        rates=(2.0,) * 5,
        errors=(0.1,) * 5,
        judged=400,
        records=(Record(T0, (2.0,) * 5, 2.0),),
        peak_mean=1.0,
    )
    seen = Demand(at=T0 + 15.0, arrived=30, service_s=5.0)
    after = forecast.update(old, seen, 10.0, 10.0)
    assert after.rates == pytest.approx((2.0,) * 5)
    assert after.rate == pytest.approx(2.0)
    assert len(after.records) == 1
    assert forecast.update(after, replace(seen, at=T0 + 30.0), 10.0, 10.0).judged == 1


def test_the_erlang_margin_meets_the_target_wait() -> None:
    """At the whole margin, Halfin and Whitt's formula gives the allowed share; half is used."""
    load, service_s, wait_s, allowed = 100.0, 20.0, 10.0, 0.05
    margin = staffing.erlang_margin(load, service_s, wait_s, allowed) * 2
    b = margin / sqrt(load)
    phi = 2.718281828 ** (-b * b / 2) / sqrt(2 * 3.14159265)
    delayed = 1 / (1 + b * (1 + erf(b / sqrt(2))) / 2 / phi)
    late = delayed * 2.718281828 ** (-margin * wait_s / service_s)
    assert late == pytest.approx(allowed, rel=0.15)


def test_max_spare_bounds_the_cost() -> None:
    bound = steady(Story(SloPolicy(SloParams(max_spare=1))), 80).workers
    assert bound <= 11


def test_it_explains_itself_in_plain_numbers() -> None:
    why = steady(Story(), 30).why
    shape = r"expected \d+\.\d busy, \d+\.\d spare for 95% within 10 s, 0 on order, 0 queued"
    assert re.fullmatch(shape, why)


@pytest.mark.parametrize("bad", [{"attainment": 1.0}, {"attainment": 0.4}, {"target_wait": 0}])
def test_impossible_wishes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SloParams.model_validate(bad)
