"""The chart installs the rules of its file: none lost, none altered but where values say so."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.chart import CHART, minimal, render

pytestmark = pytest.mark.chart

URL = "https://docs.example/alerts"


def rules(**values: Any) -> dict[str, Any]:
    """Return the spec of the PrometheusRule as Helm renders it."""
    made = render(minimal(metrics={"prometheusRule": {"enabled": True, **values}}))
    spec: dict[str, Any] = made["PrometheusRule"]["spec"]
    return spec


def source() -> dict[str, Any]:
    """Return the rules of the file, with links as the chart is told to publish them."""
    text = (CHART / "files/prometheus-rules.yaml").read_text()
    made: dict[str, Any] = yaml.safe_load(text.replace("docs/alerts.md#", f"{URL}#"))
    return made


def test_the_rendered_rules_are_those_of_the_file() -> None:
    assert rules(runbookUrl=URL) == source()


def test_prometheus_takes_the_rendered_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules(costBudgetPerHour=12.5)))
    done = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_budget_is_put_into_its_rule_alone() -> None:
    rendered = rules(runbookUrl=URL, costBudgetPerHour=12.5)
    ours = {"autoscaler:cost_budget:per_hour": "vector(12.5)"}
    wanted = source()
    for group in wanted["groups"]:
        for rule in group["rules"]:
            rule["expr"] = ours.get(rule.get("record", ""), rule["expr"])

    assert rendered == wanted


def test_no_link_is_left_without_an_address() -> None:
    assert "runbook_url" not in yaml.safe_dump(rules())
