"""A Grafana dashboard as a short description, and the JSON that Grafana makes of it.

The JSON is 60 lines a panel; a description holds what is worth reading of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = 39
"""Grafana 10.4's; newer versions migrate it by themselves."""
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """One expression. legend: as Grafana has it. instant: only the newest value."""

    expr: str
    legend: str = "__auto"
    instant: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel; sizes in Grafana's grid of 24 columns."""

    title: str
    queries: Sequence[Query]
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    about: str = ""
    unit: str = "short"
    width: int = 12
    height: int = 8
    stacked: bool = False
    bars: bool = False
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A heading, and the panels below it from left to right."""

    title: str
    panels: Sequence[Panel]


def stat(title: str, expr: str, about: str, unit: str = "short", **words: str) -> Panel:
    """Make a panel of one number. words: text in its place, ``v0`` for 0 and so on."""
    named = {key.removeprefix("v"): text for key, text in words.items()}
    return Panel(title, [Query(expr, "", instant=True)], "stat", about, unit, 4, 4, words=named)


@dataclass(frozen=True)
class Mark:
    """An annotation: something that happened, on the time axis of every panel."""

    name: str
    color: str
    expr: str


def dashboard(rows: Sequence[Row], marks: Sequence[Mark]) -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "autoscaler",
        "title": "Autoscaler",
        "description": "Workers, decisions and their reasons. Needs Grafana 10 or newer.",
        "tags": ["autoscaler", "everai"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_mark(mark) for mark in marks]},
        "panels": list(_panels(rows)),
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {}, "hide": 0, "refresh": 1,
    }  # fmt: skip
    for name, label, query in (
        ("namespace", "Namespace", "label_values(autoscaler_decisions_total, namespace)"),
        ("app", "App", 'label_values(autoscaler_decisions_total{namespace=~"$namespace"}, app)'),
    ):
        yield {
            "name": name, "label": label, "type": "query", "datasource": SOURCE,
            "query": {"query": query, "refId": name}, "definition": query,
            "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"}, "hide": 0,
        }  # fmt: skip


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "name": mark.name, "datasource": SOURCE, "enable": True, "iconColor": mark.color,
        "expr": mark.expr, "step": "60s", "titleFormat": f"{{{{app}}}}: {mark.name.lower()}",
        "tagKeys": "namespace,app", "useValueForTime": False,
    }  # fmt: skip


def _panels(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [],
            "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        }  # fmt: skip
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + height
            number, height = number + 1, panel.height
            yield _panel(panel, number, {"h": height, "w": panel.width, "x": x, "y": y})
            x += panel.width
        y += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [_target(query, index, panel) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _look(panel), "overrides": []},
        "options": _options(panel),
    }
    if panel.kind == "table":
        names = ("wanted", "there or starting", "waiting", "maximum")
        renamed = {f"Value #{_letter(index)}": name for index, name in enumerate(names)}
        made["transformations"] = [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {"excludeByName": {"Time": True}, "renameByName": renamed},
            },
        ]
    return made


def _letter(index: int) -> str:
    return chr(ord("A") + index)


def _target(query: Query, index: int, panel: Panel) -> dict[str, Any]:
    return {
        "refId": _letter(index),
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _look(panel: Panel) -> dict[str, Any]:
    look: dict[str, Any] = {"unit": panel.unit}
    if panel.words:
        options = {value: {"text": text, "index": 0} for value, text in panel.words.items()}
        look["mappings"] = [{"type": "value", "options": options}]
    if panel.kind == "timeseries":
        look["custom"] = {
            "drawStyle": "bars" if panel.bars else "line",
            "lineInterpolation": "stepAfter",
            "fillOpacity": 30 if panel.stacked or panel.bars else 0,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "showPoints": "never",
            "spanNulls": False,
        }
    return look


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduce, "graphMode": "none", "colorMode": "value"}
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
