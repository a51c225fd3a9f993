"""Who is due when, and how long a failing app waits."""

from __future__ import annotations

from random import Random  # noqa: TID251 - a seeded instance to inject

import pytest

from autoscaler.control.pacing import BACKOFF_CEILING, JITTER, Pacer, backoff_s
from autoscaler.model import AppKey

A, B, C = (AppKey("default", name) for name in "abc")


@pytest.fixture
def pacer() -> Pacer:
    return Pacer(Random(7))


def names(due: list[tuple[AppKey, float]]) -> str:
    return "".join(app.name for app, _ in due)


def test_apps_are_due_in_the_order_of_their_times(pacer: Pacer) -> None:
    for app, at in ((B, 2.0), (A, 1.0), (C, 3.0)):
        pacer.at(app, at)
    assert pacer.due(0.9) == []
    assert pacer.due(2.0) == [(A, 1.0), (B, 2.0)]
    assert pacer.due(2.0) == []
    assert pacer.next_due_at() == 3.0


def test_a_new_time_replaces_the_old_one(pacer: Pacer) -> None:
    pacer.at(A, 1.0)
    pacer.at(A, 5.0)
    assert pacer.due(4.0) == []
    assert pacer.next_due_at() == 5.0
    pacer.at(A, 2.0)
    assert pacer.due(9.0) == [(A, 2.0)]
    assert pacer.due(9.0) == []


def test_a_dropped_app_is_never_due(pacer: Pacer) -> None:
    pacer.at(A, 1.0)
    pacer.drop(A)
    pacer.drop(B)
    assert pacer.due(9.0) == []
    assert pacer.next_due_at() is None


def test_once_stopped_nothing_is_due(pacer: Pacer) -> None:
    pacer.at(A, 1.0)
    pacer.stop()
    pacer.at(B, 1.0)
    assert pacer.due(9.0) == []


def test_first_looks_are_spread_over_the_interval(pacer: Pacer) -> None:
    apps = [AppKey("default", f"a{i}") for i in range(1000)]
    for app in apps:
        pacer.start(app, 100.0, 15.0, len(apps))
    times = [at for _, at in pacer.due(115.0)]
    assert len(times) == 1000
    assert min(times) < 101
    assert max(times) > 114


def test_a_few_apps_are_not_kept_waiting_for_their_first_look(pacer: Pacer) -> None:
    pacer.start(A, 100.0, 3600.0, 2)
    assert pacer.due(100.1) != []


def test_the_pace_does_not_drift(pacer: Pacer) -> None:
    due_at = 0.0
    for _ in range(200):
        pacer.again(A, due_at, due_at + 3.0, 15.0, 0.0)
        ((_, due_at),) = pacer.due(1e9)
    assert due_at == pytest.approx(3000, rel=JITTER)


def test_a_pass_longer_than_the_interval_is_not_caught_up_with(pacer: Pacer) -> None:
    pacer.again(A, 0.0, 100.0, 15.0, 0.0)
    assert pacer.next_due_at() == 101.5


def test_a_wait_that_was_asked_for_is_kept(pacer: Pacer) -> None:
    pacer.again(A, 0.0, 1.0, 15.0, 60.0)
    assert pacer.next_due_at() == 61.0


@pytest.mark.parametrize(
    ("failures", "asked_s", "wait_s"),
    [
        *((0, 0, 0), (1, 0, 15), (2, 0, 30), (3, 0, 60), (4, 0, 120), (5, 0, 120)),
        *((10_000, 0, 120), (1, 40, 40), (4, 40, 120), (4, 500, 500)),
    ],
)
def test_backoff(failures: int, asked_s: float, wait_s: float) -> None:
    assert backoff_s(15.0, failures, asked_s) == wait_s
    assert backoff_s(15.0, failures, 0) <= 15 * BACKOFF_CEILING


def test_ten_thousand_apps_rescheduled_leave_no_garbage_behind(pacer: Pacer) -> None:
    apps = [AppKey("default", f"a{i}") for i in range(10_000)]
    for app in apps:
        pacer.at(app, 5.0)
        pacer.at(app, 6.0)
    assert len(pacer.due(10.0)) == 10_000
    assert names(pacer.due(10.0)) == ""
    assert pacer.next_due_at() is None
