"""The platform's books: quantiles in bounded memory, and what the report says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.emulator.books import MAX_BREACHES, Breach, Breaches
from autoscaler.emulator.histogram import Histogram
from autoscaler.emulator.rng import stream


def test_quantiles_are_right_to_one_percent() -> None:
    rng, histogram = stream(1, "waits"), Histogram()
    values = sorted(rng.lognormvariate(1, 2) for _ in range(20_000))
    for value in values:
        histogram.add(value)
    for share in (0.1, 0.5, 0.95, 0.99):
        assert histogram.quantile(share) == pytest.approx(
            values[int(share * len(values)) - 1], rel=0.011
        )
    assert histogram.max_s == values[-1]
    above = sum(value > 10 for value in values) / len(values)
    assert histogram.share_above(10) == pytest.approx(above, abs=0.01)
    assert len(histogram._buckets) < 2500


def test_waits_of_nothing_and_of_zero() -> None:
    histogram = Histogram()
    assert (histogram.quantile(0.95), histogram.share_above(1)) == (0, 0)
    histogram.add(0)
    histogram.add(0)
    histogram.add(4)
    assert histogram.quantile(0.5) == 0
    assert histogram.quantile(0.95) == 4


def test_broken_rules_are_all_counted_and_some_kept() -> None:
    breaches = Breaches()
    for _ in range(MAX_BREACHES + 5):
        breaches.add(Breach("removed-busy", 0, "default/demo", ""))
    assert (breaches.count, len(breaches.kept)) == (MAX_BREACHES + 5, MAX_BREACHES)


def test_the_report_over_the_endpoint(make_client: Callable[..., Any]) -> None:
    client = make_client(initial_workers=2, cold_start=20, max_workers=3)
    client.demo.send(service_s=4)
    client.wait(10)
    client.scale_up(1)
    client.scale_up(5)
    client.demo.send(service_s=100)
    client.demo.send(service_s=100)
    client.demo.send(service_s=100)
    client.wait(10)
    reply = client.handler.handle("GET", "/emulator/books", {}, {}, b"")
    report = json.loads(reply.body)["apps"]["default/demo"]
    assert report["requests"]["arrived"] == 4
    assert report["requests"]["served"] == 1
    assert (report["requests"]["in_service"], report["requests"]["waiting"]) == (2, 1)
    assert report["worker_seconds"] == 2 * 20 + 10
    assert report["work_s"] == 4
    assert report["workers"]["now"] == {
        "starting": 1, "free": 0, "busy": 2, "unavailable": 0, "removing": 0,
    }  # fmt: skip
    assert report["scale_calls"] == {
        "up": 1, "down": 0, "refused": 1, "workers_asked": 1, "workers_granted": 1,
    }  # fmt: skip
    assert [each["rule"] for each in report["broken"]] == ["above-max"]
    assert report["broken"][0]["app"] == "default/demo"
