"""Each alert fires when it should, is silent when all is well, and has an entry in the runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.model.reasons import Reason
from autoscaler.telemetry import Metrics
from autoscaler.telemetry.families import APP_FAMILIES
from tests.chart.chart import CHART, ROOT

pytestmark = pytest.mark.chart

RULES = CHART / "files/alerts.yaml"
APP = 'namespace="default",app="sd15"'
MINUTES = 60
AT = f"{MINUTES}m"
UP = ("autoscaler_build_info", "1")


def decisions(reason: str) -> tuple[str, str]:
    return f'autoscaler_decisions_total{{{APP},reason="{reason}"}}', "0+4"


FIRES: dict[str, list[tuple[str, str]]] = {
    "AutoscalerDown": [("something_else", "1")],
    "AutoscalerBlind": [(f"autoscaler_last_observation_timestamp_seconds{{{APP}}}", "0")],
    "AutoscalerUnauthorized": [decisions("Forbidden")],
    "AutoscalerPlatformDown": [("autoscaler_platform_circuit_open", "1")],
    "AutoscalerPlatformErrors": [
        ('autoscaler_platform_requests_total{operation="list",code="200"}', "0+6"),
        ('autoscaler_platform_requests_total{operation="list",code="timeout"}', "0+4"),
    ],
    "AutoscalerOrdersUnknown": [
        (f'autoscaler_scale_requests_total{{{APP},outcome="unknown"}}', "0+1"),
    ],
    "AutoscalerForeignScaler": [decisions("ForeignScaler")],
    "AutoscalerCrashLoop": [decisions("CrashLoop")],
    "AutoscalerAtMaximum": [decisions("AtMaximum"), (f"autoscaler_queue_size{{{APP}}}", "3")],
    "AutoscalerFallback": [decisions("Fallback")],
    "AutoscalerStateNotWritten": [
        ('autoscaler_state_write_failures_total{kind="intent"}', "0+1"),
    ],
    "AutoscalerLate": [
        ('autoscaler_reconcile_lateness_seconds_bucket{le="5"}', "0+1"),
        ('autoscaler_reconcile_lateness_seconds_bucket{le="30"}', "0+10"),
        ('autoscaler_reconcile_lateness_seconds_bucket{le="+Inf"}', "0+10"),
    ],
    "AutoscalerRacedRemovals": [(f"autoscaler_raced_removals_total{{{APP}}}", "0+1")],
    "AutoscalerFault": [decisions("InternalError")],
}
WELL = [
    UP,
    (f"autoscaler_last_observation_timestamp_seconds{{{APP}}}", "0+60"),
    ("autoscaler_platform_circuit_open", "0"),
    ('autoscaler_platform_requests_total{operation="list",code="200"}', "0+100"),
    ('autoscaler_platform_requests_total{operation="list",code="503"}', "0+1"),
    (f'autoscaler_scale_requests_total{{{APP},outcome="applied"}}', "0+1"),
    (f'autoscaler_scale_requests_total{{{APP},outcome="unknown"}}', "1"),
    decisions("AtTarget"),
    decisions("AtMaximum"),
    (f"autoscaler_queue_size{{{APP}}}", "0"),
    ('autoscaler_state_write_failures_total{kind="intent"}', "0"),
    ('autoscaler_reconcile_lateness_seconds_bucket{le="5"}', "0+10"),
    ('autoscaler_reconcile_lateness_seconds_bucket{le="+Inf"}', "0+10"),
    (f"autoscaler_raced_removals_total{{{APP}}}", "2"),
    *((decisions(reason)[0], "7") for reason in ("CrashLoop", "Fallback", "InternalError")),
]
"""Numbers that stand still or are good: nothing may fire, each minute for an hour."""


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def names() -> list[str]:
    return [rule["alert"] for rule in rules()]


def values(start: str) -> str:
    """Return an hour of a series: constant, or growing by so much a minute."""
    return f"{start}x{MINUTES}" if "+" in start else f"{start}+0x{MINUTES}"


def fired(folder: Path, series: list[tuple[str, str]]) -> set[str]:
    """Return the alerts that promtool sees firing after an hour of these series."""
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": values(v)} for s, v in series],
                "alert_rule_test": [{"eval_time": AT, "alertname": name} for name in names()],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1), text
    return set(re.findall(r"alertname: (\w+), time", text))


def test_every_alert_has_a_story() -> None:
    assert FIRES.keys() == set(names())


@pytest.mark.parametrize("name", FIRES)
def test_it_fires(name: str, tmp_path: Path) -> None:
    others = [] if name == "AutoscalerDown" else [UP]

    assert fired(tmp_path, [*others, *FIRES[name]]) == {name}


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    assert fired(tmp_path, WELL) == set()


def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", RULES],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def known_metrics() -> set[str]:
    """Return the names of every metric that the daemon serves."""
    text = Metrics(version="1", dry_run=False).render().decode()
    found = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    build = (ROOT / "autoscaler/app").glob("*.py")
    live = {n for file in build for n in re.findall(r'"(autoscaler_\w+)"', file.read_text())}
    return found | live | {family.name for family in APP_FAMILIES}


@pytest.mark.parametrize("source", ["files/alerts.yaml", "files/dashboard.json"])
def test_every_metric_that_is_asked_for_is_served(source: str) -> None:
    text = (CHART / source).read_text()
    asked = set(re.findall(r"\b(?:autoscaler|process)_[a-z_]+", text))
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}

    assert len(bare) > 5
    assert bare <= known_metrics()


def test_every_reason_that_is_asked_for_exists() -> None:
    asked = {
        reason
        for found in re.findall(r'reason=~?"([^"]+)"', RULES.read_text())
        for reason in found.split("|")
    }

    assert asked <= {reason.value for reason in Reason}


def test_every_alert_has_its_entry_in_the_runbook() -> None:
    text = (ROOT / "docs/kubernetes.md").read_text()

    assert re.findall(r"^### (Autoscaler\w+)$", text, re.MULTILINE) == names()
