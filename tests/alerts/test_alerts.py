"""The alert rules: promtool's cases, one that fires and one that does not for each alert."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.prometheus import known_metrics, metrics_in

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/chart/files/prometheus-rules.yaml"
CASES = sorted(Path(__file__).parent.glob("*.yaml"))
NO_BUDGET = "vector(+Inf)"

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("CI"),
    reason="promtool is not installed (Debian package prometheus)",
)


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return found


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"] if kind in rule]


def cases() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES]
    return [check for file in files for case in file["tests"] for check in case["alert_rule_test"]]


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_rules_fire_when_they_should_and_only_then(case: Path, tmp_path: Path) -> None:
    text = RULES.read_text(encoding="utf-8")
    assert text.count(NO_BUDGET) == 1
    (tmp_path / "rules.yaml").write_text(text)
    (tmp_path / "rules-with-budget.yaml").write_text(text.replace(NO_BUDGET, "vector(50)"))
    copy = tmp_path / case.name
    copy.write_text(case.read_text(encoding="utf-8"))
    ran = subprocess.run(
        ["promtool", "test", "rules", str(copy)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
def test_promtool_finds_nothing_to_complain_about() -> None:
    ran = subprocess.run(
        ["promtool", "check", "rules", "--lint-fatal", str(RULES)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    alerts = {rule["alert"] for rule in rules("alert")}
    assert {check["alertname"] for check in cases() if check["exp_alerts"]} == alerts
    assert {check["alertname"] for check in cases() if not check["exp_alerts"]} == alerts


def test_every_alert_says_what_it_is_with_numbers_and_where_to_read_on() -> None:
    for rule in rules("alert"):
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(notes) == {"summary", "description", "runbook_url"}
        anchor = rule["alert"].lower()
        assert notes["runbook_url"] == f"docs/alerts.md#{anchor}"
    described = {check["alertname"]: check for check in cases() if check["exp_alerts"]}
    for alert, check in described.items():
        (fired,) = check["exp_alerts"]
        assert re.search(r"\d", fired["exp_annotations"]["description"]), alert


def test_the_page_has_a_section_per_alert_in_the_order_of_the_rules() -> None:
    page = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules("alert")]
    for section in page.split("\n### ")[1:]:
        name = section.split("\n")[0]
        assert "**Means.**" in section, name
        assert "**Check.**" in section, name
        assert "**Do.**" in section, name
        rule = next(rule for rule in rules("alert") if rule["alert"] == name)
        held = rule.get("for", "at once")
        assert f"{rule['labels']['severity']}, {held}" in section.split("\n")[2], name


def test_the_rules_ask_for_metrics_that_exist() -> None:
    asked = {name for rule in rules("expr") for name in metrics_in(str(rule["expr"]))}
    assert asked <= known_metrics()
