from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from textwrap import dedent

import pytest

from autoscaler.decision.spec import AppSpec, Direction, Disruption, RatePolicy
from autoscaler.model import AppKey
from autoscaler.settings import Checked, to_spec

Check = Callable[..., Checked]


def test_the_smallest_file_means_the_defaults_of_the_core(checked: Check) -> None:
    (spec,) = to_spec(checked("apps: [{name: sd15, max_workers: 8}]").settings)
    core = AppSpec(AppKey("default", "sd15"), max_workers=8, policies=spec.policies)
    # The core tests a wait of nothing; a file that is silent lets it follow the cold start.
    assert spec == replace(core, idle_timeout_s=None)
    (policy,) = spec.policies
    assert (policy.kind, policy.name) == ("queue", "queue")


def test_every_value_arrives(checked: Check) -> None:
    text = """
        apps:
          - name: a
            namespace: prod
            min_workers: 2
            max_workers: 9
            interval: 20s
            combine: min
            paused: up
            order_deadline: 90s
            interval_max: 10m
            policies: [{type: fixed, name: base, workers: 3}]
            behavior:
              scale_up: {stabilization_window: 1m, cooldown: 2m, select: min}
              scale_down: {policies: [{type: percent, value: 50, period: 60s}], select: disabled}
            drain: {min_lifetime: 3m, clear_failed: true,
                    disruption: {type: workers, value: 2, window: 1h}}
            startup: {deadline_floor: 1m, deadline_ceiling: 2m, failures: 4, backoff: 5s,
                      backoff_ceiling: 6s}
            fallback: {failure_threshold: 7, mode: current-if-higher, workers: 5}
    """
    (spec,) = to_spec(checked(dedent(text)).settings)
    assert spec.key == AppKey("prod", "a")
    assert (spec.min_workers, spec.max_workers, spec.interval_s) == (2, 9, 20.0)
    assert (spec.combine, spec.paused, spec.order_deadline_s) == ("min", "up", 90.0)
    assert spec.interval_max_s == 600.0
    assert spec.up == Direction(stabilization_window_s=60.0, cooldown_s=120.0, select="min")
    assert spec.down == Direction(policies=(RatePolicy("percent", 50.0, 60.0),), select="disabled")
    assert (spec.drain.min_lifetime_s, spec.drain.clear_failed) == (180.0, True)
    assert spec.drain.disruption == Disruption("workers", 2.0, 3600.0)
    startup = spec.startup
    assert (startup.deadline_floor_s, startup.deadline_ceiling_s) == (60.0, 120.0)
    assert (startup.failures, startup.backoff_s, startup.backoff_ceiling_s) == (4, 5.0, 6.0)
    fallback = spec.fallback
    assert (fallback.failure_threshold, fallback.mode, fallback.workers) == (
        7,
        "current-if-higher",
        5,
    )
    (policy,) = spec.policies
    assert (policy.kind, policy.name, policy.params.model_dump()) == (
        "fixed",
        "base",
        {"workers": 3},
    )


@pytest.mark.parametrize(
    ("written", "meant"), [("false", "no"), ("true", "both"), ("up", "up"), ("down", "down")]
)
def test_paused(checked: Check, written: str, meant: str) -> None:
    (spec,) = to_spec(checked(f"apps: [{{name: a, max_workers: 8, paused: {written}}}]").settings)
    assert spec.paused == meant


@pytest.mark.parametrize(("limit", "deadline_s"), [("15s", 60.0), ("30s", 60.0), ("45s", 75.0)])
def test_order_deadline_by_default(checked: Check, limit: str, deadline_s: float) -> None:
    text = f"everai: {{total_timeout: {limit}}}\napps: [{{name: a, max_workers: 8}}]"
    assert to_spec(checked(text).settings)[0].order_deadline_s == deadline_s


def test_policies_in_shadow_arrive_apart(checked: Check) -> None:
    text = """
        apps:
          - name: a
            max_workers: 9
            policies: [{type: queue}]
            shadow: [{type: slo, attainment: 0.9}, {type: queue, name: eager, target: 0.5}]
    """
    (spec,) = to_spec(checked(dedent(text)).settings)
    assert [policy.name for policy in spec.policies] == ["queue"]
    assert [policy.name for policy in spec.shadow] == ["slo", "eager"]
    assert spec.asked == spec.policies + spec.shadow
