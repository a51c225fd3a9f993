from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from autoscaler.model import (
    Action,
    Candidate,
    Hold,
    Observation,
    ScaleDown,
    ScaleUp,
    WorkerState,
)
from autoscaler.policies.fixed import FixedParams, FixedPolicy
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.simulator.lab.drivers import PipelineDriver, PolicyDriver, lab_spec
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.generators import Service, poisson
from autoscaler.simulator.lab.metrics import WaitHistogram
from autoscaler.simulator.lab.platform import EPOCH_S, Dispatch, Faults, Setup

PLAIN = Setup(cold_start_s=20.0, interval_s=10.0, warmup_s=0.0)


class Script:
    """Does what it was told at each poll, and keeps what it saw."""

    wants_queue = False

    def __init__(self, *actions: Action) -> None:
        self.actions = list(actions)
        self.seen: list[Observation] = []
        self.done: list[tuple[str, ...]] = []

    def decide(self, observation: Observation) -> Action:
        self.seen.append(observation)
        return self.actions.pop(0) if self.actions else Hold()

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        self.done.append(worker_ids)

    def states(self, poll: int) -> list[WorkerState]:
        return [worker.state for worker in self.seen[poll].workers]


def removal(*ids: str) -> ScaleDown:
    return ScaleDown(tuple(Candidate(worker_id, 0.0, "told to") for worker_id in ids))


def test_one_request_waits_for_the_first_worker() -> None:
    driver = Script(ScaleUp(1))
    result = simulate([(5.0, 7.0)], driver, PLAIN)
    # Ordered at 0, ready at 20, waited 15, served until 27; the bill runs from order to the end.
    assert result.wait_max_s == 15.0
    assert result.late == 1
    assert result.cost_worker_s == 27.0
    assert result.work_s == 7.0
    assert driver.states(1) == [WorkerState.IN_FLIGHT]
    assert driver.states(2) == [WorkerState.BUSY]
    assert driver.seen[1].queue_size == 1


def test_fifo_and_one_at_a_time() -> None:
    result = simulate([(0.0, 10.0), (0.0, 10.0), (0.0, 10.0)], Script(ScaleUp(1)), PLAIN)
    assert result.wait_max_s == 40.0
    assert result.wait_p50_s == pytest.approx(30.0, rel=0.01)
    assert result.under_provisioned_share == pytest.approx(40 / 50)


@pytest.mark.parametrize(("dispatch", "served"), [("last-used", [0, 3]), ("least-used", [1, 2])])
def test_who_gets_the_next_request(dispatch: Dispatch, served: list[int]) -> None:
    driver = Script(ScaleUp(2))
    requests = [(31.0, 1.0), (33.0, 1.0), (35.0, 1.0), (55.0, 1.0)]
    simulate(requests, driver, replace(PLAIN, dispatch=dispatch))
    assert sorted(worker.success_count for worker in driver.seen[4].workers) == served


def test_only_free_workers_are_removed() -> None:
    driver = Script(ScaleUp(2), Hold(), Hold(), removal("w0", "w1"))
    result = simulate([(21.0, 100.0), (25.0, 1.0)], driver, PLAIN)
    assert result.removed == 1
    assert len(driver.done[1]) == 1


def test_workers_in_flight_cannot_be_taken_back() -> None:
    driver = Script(ScaleUp(1), removal("w0"))
    assert simulate([(5.0, 1.0)], driver, PLAIN).removed == 0


def test_the_platform_maximum_clips_an_order() -> None:
    result = simulate([(5.0, 1.0)], Script(ScaleUp(5)), replace(PLAIN, max_workers=2))
    assert result.ordered == 2


def test_an_ordered_worker_shows_after_the_list_lag() -> None:
    driver = Script(ScaleUp(1))
    simulate([(5.0, 1.0)], driver, replace(PLAIN, cold_start_s=50.0, list_lag_s=15.0))
    assert [len(look.workers) for look in driver.seen[:3]] == [0, 0, 1]


def test_a_worker_that_fails_to_start_is_billed_and_never_serves() -> None:
    failing = replace(PLAIN, faults=Faults(start=1.0), drain_limit_s=100.0)
    result = simulate([(5.0, 1.0)], Script(ScaleUp(1)), failing)
    assert result.unserved == 1
    assert result.cost_worker_s == 20.0
    assert result.late == 1


def test_failed_requests_are_counted_by_the_worker() -> None:
    driver = Script(ScaleUp(1))
    simulate([(5.0, 1.0), (40.0, 5.0)], driver, replace(PLAIN, faults=Faults(request=1.0)))
    assert driver.seen[-1].workers[0].failed_count == 1


def test_lists_that_fail_are_not_seen() -> None:
    driver = Script()
    blind = replace(PLAIN, faults=Faults(look=1.0), drain_limit_s=50.0)
    assert simulate([(5.0, 1.0)], driver, blind).unserved == 1
    assert driver.seen == []


def test_the_list_tells_times_on_the_platforms_clock() -> None:
    driver = Script(ScaleUp(1))
    simulate([(25.0, 3.0), (58.0, 1.0)], driver, PLAIN)
    worker = driver.seen[4].workers[0]
    assert worker.created_at == EPOCH_S
    assert worker.last_serve_at == EPOCH_S + 28.0
    assert driver.seen[4].last_scale_up_at == EPOCH_S


def test_the_warmup_is_left_out_of_the_shares_not_of_the_cost() -> None:
    requests = [(0.0, 1.0), (100.0, 1.0)]
    result = simulate(requests, Script(ScaleUp(1)), replace(PLAIN, warmup_s=50.0))
    assert (result.requests, result.counted, result.late) == (2, 1, 0)
    assert result.cost_worker_s == 101.0


def test_the_same_seed_gives_the_same_run() -> None:
    trace = poisson(0.5, 3000, seed=4)
    setup = Setup(cold_start_s=lambda rng: rng.uniform(10, 60), dispatch="random", seed=7)
    policy = QueuePolicy(QueueParams())
    runs = [simulate(trace, PipelineDriver(lab_spec(policy)), setup) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0].counted < runs[0].requests


def test_little_law_holds_over_a_run() -> None:
    trace = poisson(1.0, 20_000, seed=1, service=Service(5.0, 1.0))
    fixed = FixedPolicy(FixedParams(workers=7))
    result = simulate(trace, PolicyDriver(fixed), Setup(cold_start_s=15.0))
    # M/M/7 at a load of 5: Erlang C gives P(wait) = 0.3241 and an exponential wait.
    assert result.share_over_target == pytest.approx(
        0.3241 * 2.718281828 ** (-2 * 10 / 5), abs=0.01
    )
    assert result.cost_worker_s == pytest.approx(7 * 20_000, rel=0.02)


def test_an_interrupt_keeps_the_part() -> None:
    def cut() -> Iterator[tuple[float, float]]:
        yield from [(float(i), 1.0) for i in range(100)]
        raise KeyboardInterrupt

    result = simulate(cut(), Script(ScaleUp(2)), PLAIN)
    assert result.interrupted
    assert result.requests >= 99
    assert result.cost_worker_s > 0


def test_a_stream_is_not_held_in_memory() -> None:
    alive = 0

    def stream() -> Iterator[tuple[float, float]]:
        nonlocal alive
        for i in range(200_000):
            alive = i
            yield i * 0.1, 0.05

    driver = Script(ScaleUp(2))
    result = simulate(stream(), driver, Setup(cold_start_s=1.0, interval_s=600.0))
    assert result.requests == alive + 1 == 200_000


def test_wait_quantiles_are_exact_to_a_hundredth() -> None:
    waits = WaitHistogram(10.0)
    waits.add_all([])
    waits.add_all([i / 10 for i in range(1, 401)])
    waits.add_all([i / 10 for i in range(401, 1001)])
    assert waits.max_s == 100.0
    assert waits.late == 900
    assert waits.quantile(0.5, 1000) == pytest.approx(50.0, rel=0.011)
    assert waits.quantile(0.5, 2000) == 0.0
    assert waits.quantile(1.0, 1000) == pytest.approx(100.0, rel=0.011)
