"""The ceilings over all apps."""

from __future__ import annotations

from autoscaler.control.fleet import FIRST_LOOK_S, Ceilings, Fleet
from autoscaler.model import AppKey, Census
from tests.fakes.clock import T0
from tests.fakes.stories import spec

A, B = AppKey("default", "a"), AppKey("default", "b")


def test_without_a_ceiling_everything_is_granted() -> None:
    fleet = Fleet()
    assert fleet.room(A, T0) is None
    assert fleet.grant(A, 1000, T0) == 1000


def test_what_all_apps_have_and_have_on_order_counts() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.observed(A, Census(present=4, on_order=1))
    fleet.observed(B, Census(present=2))
    assert fleet.grant(A, 9, T0) == 3
    assert fleet.grant(B, 1, T0) == 0


def test_a_grant_is_booked_until_the_next_look_shows_it() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.observed(A, Census(present=4))
    assert fleet.grant(A, 4, T0) == 4
    assert fleet.grant(B, 4, T0) == 2
    fleet.observed(A, Census(present=4))  # refused: the place is free again
    assert fleet.grant(B, 4, T0) == 4


def test_an_app_that_left_frees_its_places() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.observed(A, Census(present=10))
    fleet.forget(A)
    fleet.forget(A)
    assert fleet.grant(B, 4, T0) == 4


def test_a_fleet_above_its_ceiling_gets_nothing_and_owes_nothing() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.observed(A, Census(present=50))
    assert fleet.grant(B, 4, T0) == 0
    assert fleet.grant(A, 4, T0) == 0


def test_no_app_takes_the_places_of_another_ones_minimum() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.expect(spec(key=B, min_workers=3, max_workers=8), T0 - FIRST_LOOK_S)
    fleet.observed(B, Census(present=1))
    fleet.observed(A, Census(present=2))
    assert fleet.grant(A, 9, T0) == 5
    assert fleet.grant(B, 9, T0) == 2


def test_an_app_not_looked_at_yet_keeps_its_maximum_for_a_minute() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.expect(spec(key=B, min_workers=1, max_workers=8), T0)
    assert fleet.room(A, T0) == 2
    assert fleet.room(A, T0 + FIRST_LOOK_S) == 9


def test_what_the_last_run_remembers_counts_until_a_look() -> None:
    fleet = Fleet(Ceilings(10))
    fleet.remembered(B, 7)
    assert fleet.room(A, T0) == 3
    fleet.observed(B, Census(present=2))
    assert fleet.room(A, T0) == 8


def test_money_limits_by_the_price_of_each_app() -> None:
    fleet = Fleet(Ceilings(max_price_per_hour=10.0))
    for key, price in ((A, 2.0), (B, 0.5)):
        fleet.configured(spec(key=key, min_workers=0, max_workers=99, price_per_hour=price))
    fleet.observed(A, Census(present=3))
    fleet.observed(B, Census(present=2))
    assert fleet.room(A, T0) == 1  # 10 - 6 - 1 = 3, and one costs 2
    assert fleet.room(B, T0) == 6
    assert fleet.grant(A, 5, T0) == 1
    assert fleet.room(B, T0) == 2


def test_an_app_without_a_price_is_not_limited_by_money() -> None:
    fleet = Fleet(Ceilings(max_price_per_hour=1.0))
    assert fleet.room(A, T0) is None


def test_an_app_that_may_have_unseen_workers_keeps_its_own_maximum() -> None:
    fleet = Fleet(Ceilings(max_workers=10))
    fleet.expect(spec(key=A, max_workers=6), 0.0)
    fleet.expect(spec(key=B, max_workers=8), 0.0)
    fleet.observed(A, Census(), unseen_until=50.0)
    fleet.observed(B, Census())
    assert fleet.room(B, 40.0) == 4
    assert fleet.room(B, 50.0) == 10
