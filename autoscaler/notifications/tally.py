"""How many notices were sent, held back or lost, by target: as a metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class Fate(StrEnum):
    """What became of a notice."""

    SENT = "sent"
    REPEATED = "repeated"
    """Not sent: the same had been told a moment ago."""
    QUIET = "quiet"
    """Not sent: it is quiet now."""
    FAILED = "failed"
    """Given up after all tries."""
    DROPPED = "dropped"
    """Too many waited, or the program ended."""


class Tally(Collector):
    """Counts notices by target and fate; every count begins at 0."""

    def __init__(self, targets: Iterable[str]) -> None:
        self._counts = {(target, fate): 0 for target in targets for fate in Fate}

    def count(self, target: str, fate: Fate, number: int = 1) -> int:
        """Count some; return how many there are now."""
        self._counts[target, fate] += number
        return self._counts[target, fate]

    def collect(self) -> Iterator[Metric]:
        """Give the registry the counts."""
        family = CounterMetricFamily(
            "autoscaler_notifications_total",
            "What was to be told to a target, by what became of it.",
            labels=("target", "outcome"),
        )
        for (target, fate), count in self._counts.items():
            family.add_metric((target, fate.value), count)
        yield family
