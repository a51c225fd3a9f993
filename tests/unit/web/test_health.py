"""When the program counts as alive, and when as ready."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.model import AppKey
from autoscaler.web import Health

A, B = AppKey("default", "a"), AppKey("default", "b")


@pytest.fixture
def health(clock: Any) -> Health:
    return Health(clock, beat_limit_s=10.0)


def tried(health: Health, *apps: AppKey) -> None:
    for app in apps:
        health.pass_ended(app, duration_s=0.1, lateness_s=0.0)


def test_alive_from_the_start_until_the_limit(health: Health, clock: Any) -> None:
    clock.time += 9.9
    assert health.live()[0]
    clock.time += 0.1
    live, detail = health.live()
    assert not live
    assert "limit is 10 s" in detail


def test_not_ready_before_a_good_configuration(health: Health) -> None:
    health.misconfigured("apps.yaml:3: max_workers is missing")
    ready, missing = health.ready()
    assert not ready
    assert "apps.yaml:3: max_workers is missing" in missing[0]


def test_ready_when_each_app_was_tried_in_any_order(health: Health) -> None:
    tried(health, B)
    health.configured([A, B])
    assert health.ready() == (False, ("Not tried yet: default/a.",))
    tried(health, A)
    assert health.ready() == (True, ())


def test_a_configuration_without_apps_is_ready(health: Health) -> None:
    health.configured([])
    assert health.ready()[0]


def test_ready_stays_ready(health: Health) -> None:
    health.configured([A])
    tried(health, A)
    health.configured([A, B])
    health.misconfigured("the new file is bad")
    assert health.ready() == (True, ())


def test_an_app_that_left_is_not_waited_for(health: Health) -> None:
    health.configured([A, B])
    tried(health, A)
    health.forget(B)
    assert health.ready()[0]


def test_many_missing_apps_are_a_number(health: Health) -> None:
    health.configured([AppKey("default", f"app-{index:02}") for index in range(12)])
    (missing,) = health.ready()[1]
    assert missing.endswith("default/app-04 and 7 more.")
