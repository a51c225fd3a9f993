"""The dashboard: every query is PromQL, and every panel has a title and a place."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.chart import CHART, render, values_of

pytestmark = pytest.mark.chart

FILE = CHART / "files/dashboards/autoscaler.json"


def panels() -> list[dict[str, Any]]:
    made = json.loads(FILE.read_text())["panels"]
    return [panel for panel in made if panel["type"] != "row"]


def test_every_query_is_promql(tmp_path: Path) -> None:
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    queries = [query.replace("$__rate_interval", "5m").replace("$__range", "1h") for query in asked]
    rules = [{"record": f"q{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = subprocess.run(
        ["promtool", "check", "rules", file], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(queries) > 15


def test_every_panel_has_a_title_and_a_place_of_its_own() -> None:
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in panels()]

    assert all(panel["title"] for panel in panels())
    assert len(set(places)) == len(places)


def test_the_config_map_holds_it_as_it_is() -> None:
    data = render(values_of("everything"))["ConfigMap/scaler-dashboard"]["data"]

    assert json.loads(data["autoscaler.json"]) == json.loads(FILE.read_text())
