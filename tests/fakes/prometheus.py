"""What rules and panels may ask for: the metrics that a daemon has."""

from __future__ import annotations

import asyncio
import re
from functools import cache

from autoscaler.app.metrics_page import metrics_of_a_daemon
from autoscaler.telemetry.catalogue import catalogue

_METRIC = re.compile(r"(?<![\w:.])(?:autoscaler|process|python)_\w+(?![\w:])")


@cache
def known_metrics() -> frozenset[str]:
    """Return the name of every series that a daemon may show."""
    infos = catalogue(asyncio.run(metrics_of_a_daemon()))
    return frozenset(name for info in infos for name in info.names)


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that a PromQL expression asks for; recorded series are none."""
    return set(_METRIC.findall(expression))
