"""docs/metrics.md lists what the program shows, and what it lists is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler.app.metrics_page import metrics_of_a_daemon
from autoscaler.telemetry.catalogue import catalogue, with_tables
from tests.fakes.prometheus import metrics_in

PAGE = (Path(__file__).parents[3] / "docs/metrics.md").read_text(encoding="utf-8")


async def test_the_tables_are_those_of_the_program() -> None:
    assert with_tables(PAGE, await metrics_of_a_daemon()) == PAGE


async def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="metrics: begin"):
        with_tables("nothing", await metrics_of_a_daemon())


async def test_every_metric_stands_once() -> None:
    names = [info.name for info in catalogue(await metrics_of_a_daemon())]
    assert len(names) == len(set(names))
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == names


def test_metrics_are_found_in_an_expression() -> None:
    text = 'sum(rate(autoscaler_a_total{x="autoscaler"}[5m])) / namespace_app:autoscaler_b:sum'
    assert metrics_in(text) == {"autoscaler_a_total"}
