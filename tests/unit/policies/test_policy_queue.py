"""``queue``: requests per worker, and backlog drain time with a measured service time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.model import NoData
from autoscaler.policies import policies
from autoscaler.policies.service_time import Meter, measure
from autoscaler.testing import Scene, observe
from autoscaler.testing.scenes import EPOCH


@pytest.mark.parametrize(
    ("busy", "queue", "target", "workers"),
    [
        # RunPod's request count, v = 4: ceil((inQueue + inProgress) / v)
        (3, 6, 4, 3),
        (4, 9, 4, 4),
        # HPA v2 AverageValue: ceil(total / targetAvg)
        (0, 30, 10, 3),
        (0, 31, 10, 4),
        (0, 0, 1, 0),
        # 0.1 * 3 is a little more than 0.3 in floating point: that is no fourth worker
        (3, 0, 1.0000000000000002, 3),
    ],
)
def test_requests_per_worker(
    ask: Callable[..., int], busy: int, queue: int, target: float, workers: int
) -> None:
    assert ask("queue", Scene(busy=busy, queue=queue), target=target) == workers


def test_an_unknown_queue_is_no_zero(make: Callable[..., Any]) -> None:
    answer, _ = make("queue").recommend(observe(Scene(busy=3, queue=None)), None)
    assert isinstance(answer, NoData)


def test_the_backlog_of_aws_with_a_given_service_time(story: Callable[..., Any]) -> None:
    """AWS's example: 1500 messages of 0.1 s, 10 s allowed: 100 per instance, 15 instances."""
    tale = story("queue", drain_within=10, service_time=0.1)
    assert tale.at(0, Scene(busy=10, queue=1500)) == 15


def test_until_the_service_time_is_measured_requests_per_worker_decides(
    story: Callable[..., Any],
) -> None:
    tale = story("queue", drain_within=60, target=2)
    assert tale.at(0, Scene(busy=2, queue=6)) == 4
    assert "not measured yet" in tale.said[-1].why


def test_story_a_backlog_is_drained_and_the_surplus_given_up(story: Callable[..., Any]) -> None:
    """Two workers, 10 s a request: 0.2 requests/s come and are served; then 30 come at once."""
    tale = story("queue", drain_within=120, completions=5)
    for look in range(20):  # every worker finishes 1.5 requests per 15 s
        workers = tale.at(15 * look, Scene(busy=2, queue=0, served=int(1.5 * look)))
    assert workers == 2
    workers = tale.at(300, Scene(busy=2, queue=30, served=30))
    assert 2 + 30 * 10 / 120 <= workers <= 8  # the burst raises the arrival rate for a while
    for look in range(1, 41):
        served = 30 + int(1.5 * look)
        workers = tale.at(300 + 15 * look, Scene(busy=2, queue=0, served=served))
    assert workers == 2


@given(
    service_s=st.sampled_from([2.0, 5.0, 15.0]),
    workers=st.integers(1, 20),
    looks=st.integers(60, 100),
)
def test_the_service_time_is_measured_from_the_counters(
    service_s: float, workers: int, looks: int
) -> None:
    meter = Meter()
    for look in range(looks):
        served = int(15.0 * look / service_s)
        scene = Scene(busy=workers, served=served, now=EPOCH + 15.0 * look)
        meter = measure(meter, observe(scene), 0, 120.0)
    measured = meter.service_s(10)
    assert measured is not None
    assert measured == pytest.approx(service_s, rel=0.05)
    assert meter.arrivals_per_s == pytest.approx(workers / service_s, rel=0.1)


def test_a_gap_a_new_worker_and_a_reset_counter_are_no_completions() -> None:
    meter = measure(Meter(), observe(Scene(busy=1, served=500)), 0, 60.0)
    assert meter.completions == 0
    meter = measure(meter, observe(Scene(busy=2, served=500, now=EPOCH + 15)), 0, 60.0)
    assert meter.completions == 0  # the second worker is an hour old: its past is not ours
    meter = measure(meter, observe(Scene(busy=2, served=3, now=EPOCH + 30)), 0, 60.0)
    assert meter.completions == 0
    meter = measure(meter, observe(Scene(busy=2, served=90, now=EPOCH + 9000)), 0, 60.0)
    assert meter.completions == 0


@given(
    busy=st.integers(0, 50),
    queue=st.integers(0, 500),
    more=st.integers(1, 50),
    target=st.floats(0.1, 20),
)
def test_more_load_never_wants_fewer(busy: int, queue: int, more: int, target: float) -> None:
    cls = policies()["queue"]
    policy = cls(cls.Params.model_validate({"target": target}))
    few, _ = policy.recommend(observe(Scene(busy=busy, queue=queue)), None)
    many, _ = policy.recommend(observe(Scene(busy=busy, queue=queue + more)), None)
    assert not isinstance(few, NoData)
    assert not isinstance(many, NoData)
    assert 0 <= few.workers <= many.workers
    assert few.workers * target >= (busy + queue) * (1 - 1e-6)
