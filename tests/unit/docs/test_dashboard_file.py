"""The dashboard's file is what its description says, and such that Grafana can take it."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from typing import Any

from deploy.dashboards import FILE, text
from tests.fakes.prometheus import known_metrics, metrics_in

DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
GRAFANA_10 = 38


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    apart = (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )
    return not apart


def test_the_file_is_written_anew() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: make reference"


def test_grafana_can_take_it() -> None:
    assert DASHBOARD["schemaVersion"] >= GRAFANA_10
    assert max(Counter(panel["id"] for panel in PANELS).values()) == 1
    assert {panel["type"] for panel in PANELS} == {"row", "stat", "timeseries", "table"}
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if overlap(*pair)]


def test_every_query_goes_to_the_chosen_source() -> None:
    (source,) = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource"]
    assert source["query"] == "prometheus"
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    asking = [panel for panel in PANELS if panel["type"] != "row"]
    targets = [target for panel in asking for target in panel["targets"]]
    marks = DASHBOARD["annotations"]["list"]
    assert all(one["datasource"] == wanted for one in (*asking, *targets, *marks))


def test_the_panels_ask_for_metrics_that_exist() -> None:
    targets = [target for panel in PANELS for target in panel.get("targets", [])]
    asked = {name for target in targets for name in metrics_in(target["expr"])}
    assert asked <= known_metrics()
    assert known_metrics() & asked


def test_every_panel_says_what_it_shows() -> None:
    shown = [panel for panel in PANELS if panel["type"] != "row"]
    assert not [panel["title"] for panel in shown if not panel["description"]]
