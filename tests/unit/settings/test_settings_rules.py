"""Warnings: each rule has a configuration that breaks it, and a neighbour that does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.settings import Checked

Check = Callable[..., Checked]
APP = "apps: [{name: a, max_workers: 8}]"
DATABASE = "state: {url: 'postgresql://me@db/scaler'}"


def app(values: str) -> str:
    return f"apps: [{{name: a, max_workers: 8, {values}}}]"


WARNED = [
    (f"everai: {{endpoint: 'http://gpu.example'}}\n{APP}", "everai.endpoint", "clear text"),
    (f"everai: {{read_timeout: 16s}}\n{APP}", "everai.read_timeout", "never reached"),
    (f"everai: {{connect_timeout: 16s}}\n{APP}", "everai.connect_timeout", "never reached"),
    (f"everai: {{concurrency: 65}}\n{APP}", "everai.concurrency", "wait for connections"),
    (app("interval: 4s"), "everai.total_timeout", "one slow request costs app default/a"),
    (
        f"everai: {{requests_per_second: 0.05}}\n{APP}",
        "everai.requests_per_second",
        "need 0.0667 requests per second",
    ),
    (
        "everai: {total_timeout: 1s, read_timeout: 1s, connect_timeout: 1s}\n"
        + app("interval: 0.5"),
        "apps",
        "more than once a second",
    ),
    (f"fleet: {{max_workers: 0}}\n{APP}", "fleet.max_workers", "add up to 1"),
    (f"fleet: {{max_price_per_hour: 9}}\n{APP}", "fleet.max_price_per_hour", "want of a price"),
    (
        app("policies: [{type: fixed, workers: 9}]"),
        "apps[0].policies[0].workers",
        "outside the bounds 1 to 8",
    ),
    (
        app("behavior: {scale_down: {stabilization_window: 10s}}"),
        "apps[0].behavior.scale_down.stabilization_window",
        "shorter than interval (15s)",
    ),
    (
        app("behavior: {scale_up: {stabilization_window: 10s}}"),
        "apps[0].behavior.scale_up.stabilization_window",
        "shorter than interval (15s)",
    ),
    (
        f"leader_election: {{mode: kubernetes, path: /shared}}\n{APP}",
        "leader_election.path",
        "not used with mode kubernetes",
    ),
    (app("fallback: {mode: static}"), "apps[0].fallback.mode", "static does nothing"),
    (
        f"leader_election: {{mode: kubernetes}}\nsharding: {{shards: 3}}\n{APP}",
        "state.path",
        "not used with sharding.shards 3",
    ),
]

QUIET = [
    f"everai: {{endpoint: 'http://127.0.0.1:9000'}}\n{APP}",
    f"everai: {{endpoint: 'http://[::1]:9000'}}\n{APP}",
    f"everai: {{endpoint: 'http://localhost:9000'}}\n{APP}",
    f"everai: {{read_timeout: 15s}}\n{APP}",
    f"everai: {{concurrency: 64}}\n{APP}",
    app("interval: 5s"),
    f"everai: {{requests_per_second: 0.07}}\n{APP}",
    f"fleet: {{max_workers: 1}}\n{APP}",
    app("policies: [{type: fixed, workers: 8}]"),
    app("behavior: {scale_down: {stabilization_window: 15s}}"),
    app("behavior: {scale_down: {stabilization_window: 0}}"),
    app("behavior: {scale_up: {policies: [{type: percent, value: 900, period: 60s}]}}"),
    app("fallback: {mode: static, workers: 8}"),
    f"leader_election: {{mode: file, path: /shared}}\n{APP}",
    f"leader_election: {{mode: none, renew_deadline: 60s}}\n{APP}",
    f"leader_election: {{mode: kubernetes, lease_duration: 12s}}\n{APP}",
    "apps: [{name: a, min_workers: 0, max_workers: 0}]",
    f"leader_election: {{mode: file, path: /shared}}\nsharding: {{shards: 3}}\n{DATABASE}\n{APP}",
]


@pytest.mark.parametrize(("text", "path", "fragment"), WARNED)
def test_a_warning(checked: Check, text: str, path: str, fragment: str) -> None:
    (warning,) = checked(text).warnings
    assert (warning.path, warning.severity) == (path, "warning")
    assert fragment in warning.message


@pytest.mark.parametrize("text", QUIET)
def test_no_warning(checked: Check, text: str) -> None:
    assert checked(text).warnings == ()


def test_a_warning_about_defaults_comes_once(checked: Check) -> None:
    text = (
        "defaults: {behavior: {scale_down: {stabilization_window: 1s}}}\n"
        "apps: [{name: a, max_workers: 8}, {name: b, max_workers: 8}]"
    )
    (warning,) = checked(text).warnings
    assert warning.path == "defaults.behavior.scale_down.stabilization_window"
    assert warning.value == '"1s"'
