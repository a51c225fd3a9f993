"""What lists tell, added up over time."""

from __future__ import annotations

import pytest

from autoscaler.history.minutes import GAP_S, AppMinutes, Minute
from autoscaler.history.sums import merge_minutes, samples_of, sums_of
from tests.fakes.past import PRICE, decision, look

START = 1_764_000_000.0
assert START % 60 == 0


def price(_: object) -> float:
    return PRICE


def minutes() -> AppMinutes:
    return AppMinutes(price)


def closed(running: AppMinutes, *looks: object) -> list[Minute]:
    found: list[Minute] = []
    for one in looks:
        found += running.observed(one, price)  # type: ignore[arg-type] # they are lists
    return found


def test_means_are_over_time_and_not_over_lists() -> None:
    running = minutes()
    (minute,) = closed(
        running,
        look(START, busy=1, free=1),
        look(START + 45, busy=2),
        look(START + 60, free=2),
    )
    assert (minute.at * 60, minute.seen_s, minute.looks) == (START, 60.0, 2)
    assert (minute.busy_s, minute.free_s) == (45.0 + 30.0, 45.0)
    assert minute.worker_s == 120.0
    assert minute.cost == pytest.approx(120 * PRICE / 3600)


def test_a_list_holds_over_the_end_of_its_minute() -> None:
    running = minutes()
    first, second = closed(running, look(START + 30, busy=3), look(START + 130))
    assert (first.seen_s, first.busy_s, first.looks) == (30.0, 90.0, 1)
    assert (second.seen_s, second.busy_s, second.looks) == (60.0, 180.0, 0)
    assert second.workers_max == 3
    (rest,) = running.flush()
    assert (rest.seen_s, rest.busy_s, rest.looks) == (10.0, 30.0, 1)


def test_after_a_long_silence_nothing_is_known_of_it() -> None:
    running = minutes()
    found = closed(running, look(START, free=1), look(START + 3600, free=1))
    assert sum(minute.seen_s for minute in found) == GAP_S
    (after,) = closed(running, look(START + 3660))
    assert after.at * 60 == START + 3600
    assert after.arrivals == 0


def test_requests_that_came_and_were_served() -> None:
    running = minutes()
    closed(running, look(START, busy=1, queue=2, served=100))
    (minute,) = closed(
        running,
        look(START + 15, busy=1, queue=4, served=103),
        look(START + 60, free=1, queue=0, served=108),
    )
    assert (minute.served, minute.arrivals) == (3, 3 + 0 + 2)
    assert minute.queue_s == 15 * 2 + 45 * 4
    assert minute.queue_max == 4


def test_the_first_list_tells_of_no_requests() -> None:
    running = minutes()
    (minute,) = closed(running, look(START, busy=1, queue=9, served=500), look(START + 60))
    assert (minute.served, minute.arrivals) == (0, 0)


def test_a_queue_that_is_not_told_is_not_zero() -> None:
    running = minutes()
    (minute,) = closed(running, look(START, busy=1, queue=None), look(START + 60, queue=None))
    (sample,) = samples_of([minute], 10)
    assert sample.queue is None
    assert sample.queue_max is None
    assert sample.wait_s is None


def test_states_that_are_neither_free_nor_busy() -> None:
    more = {"in_flight": 2, "rollin": 1, "unknown": 1, "error": 5, "gone": 7}
    running = minutes()
    (minute,) = closed(running, look(START, more=more), look(START + 60))
    assert (minute.in_flight_s, minute.other_s, minute.workers_max) == (120.0, 120.0, 4)


def test_what_was_decided_last_is_kept() -> None:
    running = minutes()
    closed(running, look(START, free=1))
    running.decided(decision(START, desired=1))
    running.decided(decision(START + 15, desired=4))
    (minute,) = closed(running, look(START + 60))
    assert (minute.desired, minute.max_workers, minute.proposals) == (4, 8, {"queue": 4})


def test_a_clock_that_goes_back_costs_nothing() -> None:
    running = minutes()
    found = closed(running, look(START + 30, free=1), look(START, free=1), look(START + 60))
    assert sum(minute.seen_s for minute in found) <= 60.0


def test_longer_stretches_add_up_to_the_same() -> None:
    running = minutes()
    found = closed(
        running,
        *(look(START + 15 * n, busy=n % 3, free=1, queue=n % 2, served=n) for n in range(400)),
    )
    for points in (1, 7, 50, 1000):
        samples = samples_of(found, points)
        assert len(samples) <= points
        assert len({sample.span_s for sample in samples}) == 1
        assert sum(sample.served for sample in samples) == sum(m.served for m in found)
        assert sum(s.worker_s for s in samples) == pytest.approx(sum(m.worker_s for m in found))
        busy = sum(sample.busy * sample.seen_s for sample in samples)
        assert busy == pytest.approx(sum(m.busy_s for m in found))
        assert [s.at for s in samples] == sorted({s.at for s in samples})


def test_the_mean_wait_is_littles() -> None:
    running = minutes()
    closed(running, look(START, busy=1, queue=2))
    (minute,) = closed(
        running, look(START + 30, busy=1, queue=2, served=6), look(START + 60, busy=1, queue=2)
    )
    (sample,) = samples_of([minute], 5)
    assert sample.wait_s == pytest.approx(120.0 / 6)


def test_money_of_the_maximum_and_of_a_worker() -> None:
    running = minutes()
    closed(running, look(START, free=2))
    running.decided(decision(START))
    found = closed(running, look(START + 3600))
    found += running.flush()
    sums = sums_of(found)
    assert sums.seen_s == GAP_S
    assert sums.always_max == pytest.approx(8 * GAP_S * PRICE / 3600)
    assert sums.per_worker == pytest.approx(GAP_S * PRICE / 3600)
    assert sums.workers_max == 2


def test_two_halves_of_a_minute_are_one() -> None:
    running = minutes()
    closed(running, look(START, busy=1, served=1), look(START + 20, busy=2, served=4))
    (first,) = running.flush()
    (second,) = closed(running, look(START + 40, busy=2, served=9), look(START + 60))
    whole = merge_minutes(first, second)
    assert (whole.seen_s, whole.busy_s, whole.served) == (60.0, 20.0 + 80.0, 8)
    assert whole.at == first.at
