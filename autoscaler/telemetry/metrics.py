"""Metrics for Prometheus: a recorder, and what ``/metrics`` serves.

The series of apps are written by :mod:`autoscaler.telemetry.families`; those of the process as a
whole (a few dozen) come from a prometheus-client registry of our own. No global registry is
used, so that two of these in one process (tests, a simulator) never meet.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from autoscaler.model import AppKey, Decision, Observation, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome
from autoscaler.telemetry.app_series import AppSeries
from autoscaler.telemetry.base import SilentRecorder
from autoscaler.telemetry.families import app_chunks
from autoscaler.telemetry.histogram import Histogram
from autoscaler.telemetry.pricing import PriceOf, cost_per_hour, no_price


class Metrics(SilentRecorder, Collector):
    """Counts everything that is reported, and writes it in the format a scraper asks for.

    Feed it from one thread. A report about a forgotten app brings its series back, so an app is to
    be forgotten after its last pass.
    """

    def __init__(self, *, version: str, dry_run: bool, price_of: PriceOf = no_price) -> None:
        """Take what the constant series show: the program's version, and whether it acts.

        ``price_of``: of one worker an hour; asked at every list.
        """
        self._price_of = price_of
        self._version = version
        self._dry_run = dry_run
        self._apps: dict[AppKey, AppSeries] = {}
        self._calls: dict[tuple[str, str], int] = {}
        self._call_durations: dict[str, Histogram] = {}
        self._passes = Histogram()
        self._lateness = Histogram()
        self._state_failures = {"intent": 0, "memory": 0}
        self._counted: list[tuple[str, str, Callable[[], int]]] = []
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def live(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a gauge that is read at each scrape."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def counted(self, name: str, text: str, read: Callable[[], int]) -> None:
        """Show a counter that is read at each scrape."""
        self._counted.append((name, text, read))

    # What happened

    def observed(self, observation: Observation) -> None:
        """Set workers by state, queue size, cost and the time of the list."""
        series = self._series(observation.app)
        series.observed(observation)
        series.cost_per_hour = cost_per_hour(observation, self._price_of, series.cost_per_hour)

    def decided(self, decision: Decision) -> None:
        """Set recommended, desired and bounds; count the decision."""
        self._series(decision.app).decided(decision)

    def scaled(
        self,
        decision: Decision,
        action: ScaleUp | ScaleDown,
        outcome: Outcome,
        detail: str,  # noqa: ARG002 - words are for the log
    ) -> None:
        """Count the request by outcome, and workers started or stopped."""
        self._series(decision.app).scaled(action, outcome)

    def raced(self, app: AppKey, worker_id: str) -> None:  # noqa: ARG002 - ids are no labels
        """Count a removal that met a serving worker."""
        self._series(app).raced += 1

    def pass_ended(
        self,
        app: AppKey,  # noqa: ARG002 - a histogram per app would be 28 series per app
        *,
        duration_s: float,
        lateness_s: float,
    ) -> None:
        """Count one pass by how long it took and how late it began."""
        self._passes.observe(duration_s)
        self._lateness.observe(lateness_s)

    def platform_called(self, operation: str, code: str, duration_s: float) -> None:
        """Count one request to the platform, by its code and how long it took."""
        key = (operation, code)
        self._calls[key] = self._calls.get(key, 0) + 1
        durations = self._call_durations.get(operation)
        if durations is None:
            durations = self._call_durations[operation] = Histogram()
        durations.observe(duration_s)

    def state_write_failed(
        self,
        app: AppKey,  # noqa: ARG002 - the store is one for all apps
        kind: Literal["intent", "memory"],
    ) -> None:
        """Count a refused write of the state store."""
        self._state_failures[kind] += 1

    def forget(self, app: AppKey) -> None:
        """Drop every series of the app."""
        self._apps.pop(app, None)

    # What a scraper gets

    def exposition(self, accept: str = "") -> tuple[str, Iterator[bytes]]:
        """Return the content type that suits an ``Accept`` header, and the text in chunks.

        A chunk is well under a millisecond of work, so that a caller on the event loop can pause
        between them. What is reported meanwhile may or may not be in the later chunks.
        """
        encoder, content_type = choose_encoder(accept)
        openmetrics = content_type.startswith("application/openmetrics-text")

        def chunks() -> Iterator[bytes]:
            for chunk in app_chunks(tuple(self._apps.values()), openmetrics=openmetrics):
                yield chunk.encode("utf-8", "replace")
            # last, because OpenMetrics ends with a mark that the registry's writer sets
            yield encoder(self.registry)

        return content_type, chunks()

    def render(self, accept: str = "") -> bytes:
        """Return the whole text at once, for a caller that has no event loop to mind."""
        return b"".join(self.exposition(accept)[1])

    def collect(self) -> Iterator[Metric]:
        """Give the registry the series of the process as a whole."""
        build = GaugeMetricFamily(
            "autoscaler_build_info", "Which program this is.", labels=("version", "python")
        )
        build.add_metric((self._version, platform.python_version()), 1)
        yield build
        yield GaugeMetricFamily(
            "autoscaler_dry_run", "1 while nothing is sent to the platform.", int(self._dry_run)
        )
        yield from self._platform_families()
        yield _durations(
            "autoscaler_reconcile_duration_seconds", "How long passes took.", self._passes
        )
        yield _durations(
            "autoscaler_reconcile_lateness_seconds", "How late passes began.", self._lateness
        )
        failures = CounterMetricFamily(
            "autoscaler_state_write_failures_total",
            "Writes that the state store refused; scaling went on from memory.",
            labels=("kind",),
        )
        for kind, count in self._state_failures.items():
            failures.add_metric((kind,), count)
        yield failures
        for name, text, read in self._counted:
            yield CounterMetricFamily(name, text, read())

    def _platform_families(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "autoscaler_platform_requests_total",
            "HTTP requests to the platform, by operation and status or error.",
            labels=("operation", "code"),
        )
        for key, count in self._calls.items():
            requests.add_metric(key, count)
        yield requests
        durations = HistogramMetricFamily(
            "autoscaler_platform_request_duration_seconds",
            "How long HTTP requests to the platform took.",
            labels=("operation",),
        )
        for operation, histogram in self._call_durations.items():
            histogram.add_to(durations, (operation,))
        yield durations

    def _series(self, app: AppKey) -> AppSeries:
        series = self._apps.get(app)
        if series is None:
            series = self._apps[app] = AppSeries(app)
        return series


def _durations(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=())
    histogram.add_to(family)
    return family
