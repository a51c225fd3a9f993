"""The names and labels of the series are a promise; each test reads them as a scraper would."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    Intervention,
    InterventionKind,
    NoData,
    Observation,
    Proposal,
    Reason,
    Recommendation,
    ScaleDown,
    ScaleUp,
    WorkerState,
)
from autoscaler.ports.recorder import Outcome, Recorder
from autoscaler.telemetry import Metrics
from autoscaler.telemetry.catalogue import catalogue

Labels = frozenset[tuple[str, str]]

PROMISED = {
    "autoscaler_app_owned": {"namespace", "app"},
    "autoscaler_workers": {"namespace", "app", "state"},
    "autoscaler_queue_size": {"namespace", "app"},
    "autoscaler_cost_per_hour": {"namespace", "app"},
    "autoscaler_recommended_workers": {"namespace", "app", "policy"},
    "autoscaler_shadow_workers": {"namespace", "app", "policy"},
    "autoscaler_shadow_decisions_total": {"namespace", "app", "policy", "compared"},
    "autoscaler_desired_workers": {"namespace", "app"},
    "autoscaler_min_workers": {"namespace", "app"},
    "autoscaler_max_workers": {"namespace", "app"},
    "autoscaler_decisions_total": {"namespace", "app", "action", "reason"},
    "autoscaler_scale_requests_total": {"namespace", "app", "direction", "outcome"},
    "autoscaler_workers_started_total": {"namespace", "app"},
    "autoscaler_workers_stopped_total": {"namespace", "app"},
    "autoscaler_raced_removals_total": {"namespace", "app"},
    "autoscaler_intervention_end_timestamp_seconds": {"namespace", "app", "kind"},
    "autoscaler_orders_open": {"namespace", "app"},
    "autoscaler_last_observation_timestamp_seconds": {"namespace", "app"},
    "autoscaler_platform_requests_total": {"operation", "code"},
    "autoscaler_platform_request_duration_seconds_bucket": {"operation", "le"},
    "autoscaler_reconcile_duration_seconds_bucket": {"le"},
    "autoscaler_reconcile_lateness_seconds_bucket": {"le"},
    "autoscaler_state_write_failures_total": {"kind"},
    "autoscaler_dry_run": set(),
    "autoscaler_build_info": {"version", "python"},
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="1.2.3", dry_run=False, price_of=lambda _app, _worker: 2.5)


BOOST = Intervention(InterventionKind.BOOST, 1.0, 99.5, "ann", "a fair", workers=2)


@pytest.fixture
def busy_metrics(
    metrics: Metrics,
    observe: Callable[..., Observation],
    decide: Callable[..., Decision],
    removal: ScaleDown,
) -> Metrics:
    """Every kind of report once."""
    up = decide(ScaleUp(2), reason=Reason.LOAD_ABOVE_CAPACITY)
    metrics.observed(observe(WorkerState.FREE, WorkerState.BUSY, WorkerState.BUSY))
    metrics.decided(up)
    watching = (Proposal("other", Recommendation(2, "2 busy")),)
    metrics.decided(replace(up, shadow=watching, interventions=(BOOST,)))
    metrics.scaled(up, ScaleUp(2), Outcome.APPLIED, "")
    down = decide(removal, reason=Reason.LOAD_BELOW_CAPACITY)
    metrics.scaled(down, removal, Outcome.APPLIED, "")
    metrics.raced(up.app, "w0")
    metrics.pass_ended(up.app, duration_s=0.02, lateness_s=0.3)
    metrics.platform_called("list_workers", "200", 0.07)
    metrics.state_write_failed(up.app, "intent")
    return metrics


def series(metrics: Metrics) -> dict[str, dict[Labels, float]]:
    """Every sample: name, labels, value."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            labels = frozenset(sample.labels.items())
            assert labels not in found.setdefault(sample.name, {}), f"twice: {sample}"
            found[sample.name][labels] = sample.value
    return found


def value(metrics: Metrics, name: str, labels: Mapping[str, str]) -> float | None:
    return series(metrics).get(name, {}).get(frozenset(labels.items()))


SD15 = {"namespace": "default", "app": "sd15"}


def test_it_is_a_recorder(metrics: Metrics) -> None:
    recorder: Recorder = metrics
    assert recorder is metrics


def test_names_and_labels_are_as_promised(busy_metrics: Metrics) -> None:
    shown = {
        name: {label for label, _ in next(iter(samples))}
        for name, samples in series(busy_metrics).items()
        if name.startswith("autoscaler_") and not name.endswith(("seconds_sum", "seconds_count"))
    }
    assert shown == PROMISED


def test_the_catalogue_has_every_promise_with_its_labels(busy_metrics: Metrics) -> None:
    listed = {name: set(info.labels) for info in catalogue(busy_metrics) for name in info.names}
    assert {name: listed[name] for name in PROMISED} == {
        name: labels - {"le"} for name, labels in PROMISED.items()
    }


def test_nothing_of_an_app_is_shown_before_it_is_known(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    metrics.decided(decide(reason=Reason.PLATFORM_UNREACHABLE, desired=None, census=None))
    shown = series(metrics)
    for name in ("workers", "queue_size", "desired_workers", "orders_open"):
        assert f"autoscaler_{name}" not in shown
    assert shown["autoscaler_workers_started_total"] == {frozenset(SD15.items()): 0}


def test_cost_counts_whoever_occupies_a_place(
    metrics: Metrics, observe: Callable[..., Observation]
) -> None:
    states = (WorkerState.FREE, WorkerState.BUSY, WorkerState.REMOVING, WorkerState.ERROR)
    metrics.observed(observe(*states, WorkerState.GONE))
    assert value(metrics, "autoscaler_cost_per_hour", SD15) == 7.5
    metrics.observed(observe())
    assert value(metrics, "autoscaler_cost_per_hour", SD15) == 0


def test_cost_goes_by_the_model_and_is_absent_where_a_price_is_missing(
    observe: Callable[..., Observation],
) -> None:
    prices = {"A100": 4.0, "L4": 1.0}
    metrics = Metrics(
        version="1", dry_run=False, price_of=lambda _, w: prices.get(w.gpu_model, 0.0)
    )
    seen = observe(WorkerState.FREE, WorkerState.BUSY)
    first, second = seen.workers
    two = (replace(first, gpu_model="A100"), replace(second, gpu_model="L4"))
    metrics.observed(replace(seen, workers=two))
    assert value(metrics, "autoscaler_cost_per_hour", SD15) == 5.0
    metrics.observed(replace(seen, workers=(two[0], replace(second, gpu_model="H100"))))
    assert value(metrics, "autoscaler_cost_per_hour", SD15) is None
    metrics.observed(replace(seen, workers=()))
    assert value(metrics, "autoscaler_cost_per_hour", SD15) is None


def test_workers_by_state_with_zeros_and_without_the_gone(
    metrics: Metrics, observe: Callable[..., Observation]
) -> None:
    metrics.observed(observe(WorkerState.FREE, WorkerState.BUSY, WorkerState.BUSY))
    metrics.observed(observe(WorkerState.FREE, WorkerState.GONE))
    workers = {
        dict(labels)["state"]: count
        for labels, count in series(metrics)["autoscaler_workers"].items()
    }
    assert workers == {
        "free": 1,
        "busy": 0,
        "in_flight": 0,
        "rollin": 0,
        "removing": 0,
        "error": 0,
        "unavailable": 0,
        "unknown": 0,
    }


def test_the_values_of_a_pass(busy_metrics: Metrics) -> None:
    expected = {
        "autoscaler_queue_size": 3,
        "autoscaler_desired_workers": 4,
        "autoscaler_min_workers": 1,
        "autoscaler_max_workers": 4,
        "autoscaler_orders_open": 1,
        "autoscaler_last_observation_timestamp_seconds": 1_764_000_000.25,
        "autoscaler_workers_started_total": 2,
        "autoscaler_workers_stopped_total": 2,
        "autoscaler_raced_removals_total": 1,
    }
    assert {name: value(busy_metrics, name, SD15) for name in expected} == expected


def test_a_pass_that_failed_keeps_bounds_and_orders_but_wants_nothing(
    busy_metrics: Metrics, app: AppKey
) -> None:
    busy_metrics.decided(Decision(app, 1.0, Hold(), Reason.INTERNAL_ERROR, "a fault"))
    assert value(busy_metrics, "autoscaler_max_workers", SD15) == 4
    assert value(busy_metrics, "autoscaler_orders_open", SD15) == 1
    assert value(busy_metrics, "autoscaler_desired_workers", SD15) is None


def test_an_unknown_queue_size_is_absent_and_not_zero(
    metrics: Metrics, observe: Callable[..., Observation]
) -> None:
    metrics.observed(observe(queue_size=3))
    metrics.observed(observe(queue_size=NoData("the value made no sense")))
    assert value(metrics, "autoscaler_queue_size", SD15) is None


def test_a_recommendation_goes_with_its_policy_and_with_its_data(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    def recommended() -> dict[str, float]:
        samples = series(metrics).get("autoscaler_recommended_workers", {})
        return {dict(labels)["policy"]: number for labels, number in samples.items()}

    two = (
        Proposal("queue", Recommendation(3, "")),
        Proposal('the "odd"\\one', Recommendation(5, "")),
    )
    metrics.decided(decide(proposals=two))
    assert recommended() == {"queue": 3, 'the "odd"\\one': 5}
    metrics.decided(decide(proposals=two[:1]))
    assert recommended() == {"queue": 3}
    metrics.decided(decide(proposals=(Proposal("queue", NoData("no queue size")),)))
    assert recommended() == {}


def test_decisions_are_counted_by_action_and_reason(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    metrics.decided(decide())
    metrics.decided(decide())
    metrics.decided(decide(ScaleUp(1), reason=Reason.BELOW_MINIMUM))
    name = "autoscaler_decisions_total"
    assert value(metrics, name, SD15 | {"action": "hold", "reason": "AtTarget"}) == 2
    assert value(metrics, name, SD15 | {"action": "scale_up", "reason": "BelowMinimum"}) == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_applied_requests_start_workers(
    metrics: Metrics, decide: Callable[..., Decision], outcome: Outcome
) -> None:
    metrics.scaled(decide(ScaleUp(3)), ScaleUp(3), outcome, "")
    labels = SD15 | {"direction": "up", "outcome": outcome.value}
    assert value(metrics, "autoscaler_scale_requests_total", labels) == 1
    started = value(metrics, "autoscaler_workers_started_total", SD15)
    assert started == (3 if outcome is Outcome.APPLIED else 0)


def test_what_was_sent_counts_and_not_what_was_decided(
    metrics: Metrics, decide: Callable[..., Decision], removal: ScaleDown
) -> None:
    sent = replace(removal, candidates=removal.candidates[:1])
    metrics.scaled(decide(removal), sent, Outcome.APPLIED, "one had changed")
    assert value(metrics, "autoscaler_workers_stopped_total", SD15) == 1


def test_histograms_are_cumulative_and_take_no_negative_time(metrics: Metrics, app: AppKey) -> None:
    for lateness_s in (-1.0, 0.003, 0.2, 0.25, 99.0):
        metrics.pass_ended(app, duration_s=0.0, lateness_s=lateness_s)
    name = "autoscaler_reconcile_lateness_seconds"
    buckets = {
        dict(labels)["le"]: count for labels, count in series(metrics)[f"{name}_bucket"].items()
    }
    assert [buckets[le] for le in ("0.005", "0.1", "0.25", "60.0", "+Inf")] == [2, 2, 4, 4, 5]
    assert value(metrics, f"{name}_count", {}) == 5
    assert value(metrics, f"{name}_sum", {}) == pytest.approx(99.453)


def test_platform_requests_by_operation_and_code(metrics: Metrics) -> None:
    metrics.platform_called("list_workers", "200", 0.01)
    metrics.platform_called("list_workers", "timeout", 10.0)
    name = "autoscaler_platform_requests_total"
    assert value(metrics, name, {"operation": "list_workers", "code": "timeout"}) == 1
    count = "autoscaler_platform_request_duration_seconds_count"
    assert value(metrics, count, {"operation": "list_workers"}) == 2


def test_constants() -> None:
    metrics = Metrics(version="1.2.3", dry_run=True)
    assert value(metrics, "autoscaler_dry_run", {}) == 1
    build = series(metrics)["autoscaler_build_info"]
    assert [(dict(labels)["version"], number) for labels, number in build.items()] == [("1.2.3", 1)]


def test_the_process_itself_is_shown(metrics: Metrics) -> None:
    assert {"process_resident_memory_bytes", "python_info"} <= series(metrics).keys()


def test_two_in_one_process_do_not_meet(metrics: Metrics, decide: Callable[..., Decision]) -> None:
    other = Metrics(version="1", dry_run=False)
    metrics.decided(decide())
    assert "autoscaler_decisions_total" not in series(other)


def test_forgetting_two_thousand_apps_leaves_nothing(
    metrics: Metrics, observe: Callable[..., Observation], decide: Callable[..., Decision]
) -> None:
    before = set(series(metrics))
    apps = [AppKey("default", f"app-{index}") for index in range(2000)]
    for app in apps:
        metrics.observed(observe(WorkerState.FREE, app=app))
        metrics.decided(decide(ScaleUp(1), app=app))
        metrics.scaled(decide(app=app), ScaleUp(1), Outcome.APPLIED, "")
        metrics.raced(app, "w0")
    text = metrics.render().decode()
    assert text.count('app="app-1999"') == 22
    for app in apps:
        metrics.forget(app)
    assert "app-" not in metrics.render().decode()
    assert set(series(metrics)) == before
    assert not metrics._apps


def test_forgetting_an_unknown_app_is_no_fault(metrics: Metrics, app: AppKey) -> None:
    metrics.forget(app)


def test_odd_names_are_escaped_and_come_back_whole(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    name = 'line\nbreak "quoted" back\\slash 应用'
    metrics.decided(decide(app=AppKey("default", name)))
    labels = {"namespace": "default", "app": name}
    assert value(metrics, "autoscaler_desired_workers", labels) == 4


def test_a_huge_queue_size_is_still_a_number(
    metrics: Metrics, observe: Callable[..., Observation]
) -> None:
    metrics.observed(observe(queue_size=10**30))
    assert value(metrics, "autoscaler_queue_size", SD15) == 10**30


def test_open_metrics_is_what_its_strict_parser_takes(busy_metrics: Metrics) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    content_type, chunks = busy_metrics.exposition(accept)
    text = b"".join(chunks).decode()
    families = {family.name: family for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]  # theirs
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert families["autoscaler_decisions"].type == "counter"
    assert families["autoscaler_workers"].type == "gauge"
    assert families["autoscaler_reconcile_lateness_seconds"].type == "histogram"


@pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("CI"),
    reason="promtool is not installed (Debian package prometheus)",
)
def test_promtool_finds_nothing_to_complain_about(busy_metrics: Metrics) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=busy_metrics.render(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_shadow_is_shown_and_counted_beside_those_that_act(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    def answer(name: str, workers: int) -> Proposal:
        return Proposal(name, Recommendation(workers, "so"))

    down = Proposal("down", NoData("no signal"))
    shadow = (answer("bold", 12), answer("twin", 9), answer("timid", 2), down)
    for _ in range(2):
        metrics.decided(decide(shadow=shadow))  # those that act want 9
    metrics.decided(decide(shadow=(answer("bold", 8),)))
    workers = series(metrics)["autoscaler_shadow_workers"]
    assert workers == {frozenset({**SD15, "policy": "bold"}.items()): 8}
    compared = {
        (dict(labels)["policy"], dict(labels)["compared"]): count
        for labels, count in series(metrics)["autoscaler_shadow_decisions_total"].items()
    }
    assert compared == {
        ("bold", "more"): 2,
        ("bold", "fewer"): 1,
        ("twin", "same"): 2,
        ("timid", "fewer"): 2,
    }
    metrics.decided(decide())
    assert "autoscaler_shadow_workers" not in series(metrics)


def test_an_order_by_hand_is_shown_until_it_ends(
    metrics: Metrics, decide: Callable[..., Decision]
) -> None:
    name = "autoscaler_intervention_end_timestamp_seconds"
    metrics.decided(decide(interventions=(BOOST, replace(BOOST, until=None))))
    metrics.decided(decide(interventions=(BOOST,)))
    (value,) = series(metrics)[name].values()
    assert value == 99.5
    metrics.decided(decide())
    assert name not in series(metrics)
