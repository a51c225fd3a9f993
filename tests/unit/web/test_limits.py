"""Buckets that fill up again."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.web.limits import CALLERS_MAX, Allowance, RateLimit, caller_of


@pytest.fixture
def limit(clock: Any) -> RateLimit:
    return RateLimit(Allowance(burst=3, per_minute=6), clock)


def test_a_burst_then_one_every_ten_seconds(limit: RateLimit, clock: Any) -> None:
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == pytest.approx(10)
    clock.time += 4
    assert limit.take("a") == pytest.approx(6)
    clock.time += 6
    assert limit.take("a") == 0
    assert limit.take("a") > 0


def test_callers_do_not_share(limit: RateLimit) -> None:
    for _ in range(4):
        limit.take("a")
    assert limit.take("b") == 0


def test_asking_takes_nothing(limit: RateLimit) -> None:
    assert [limit.wait_s("a") for _ in range(9)] == [0] * 9


def test_no_more_than_the_burst_gathers(limit: RateLimit, clock: Any) -> None:
    limit.take("a")
    clock.time += 86_400
    assert [limit.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_a_clock_that_goes_back_gives_nothing(limit: RateLimit, clock: Any) -> None:
    for _ in range(3):
        limit.take("a")
    clock.time -= 1000
    assert limit.take("a") > 0


def test_memory_is_bounded(limit: RateLimit) -> None:
    for number in range(CALLERS_MAX + 50):
        limit.take(f"caller {number}")
    assert len(limit._buckets) == CALLERS_MAX


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        (None, "", True),
        ("a socket", "another", False),
    ],
)
def test_who_is_one_caller(one: str | None, other: str | None, *, same: bool) -> None:
    assert (caller_of(one) == caller_of(other)) is same
