"""How many objects there are, and what became of what was written to them: as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import product
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Kind = Literal["status", "event"]
_KINDS: tuple[Kind, ...] = ("status", "event")


class Written(StrEnum):
    """What became of something that was written."""

    DONE = "done"
    FAILED = "failed"
    """No answer, or a server's fault: tried again."""
    REFUSED = "refused"
    """The cluster said no."""
    GONE = "gone"
    """The object was deleted meanwhile."""
    DROPPED = "dropped"
    """Too much waited."""


class Tally(Collector):
    """Counts; every count begins at 0.

    Attributes:
        ready, refused: objects by whether their spec is in force.
    """

    def __init__(self, synced: Callable[[], bool]) -> None:
        """Take what tells whether every watched namespace is known whole and fresh."""
        self.ready = 0
        self.refused = 0
        self._synced = synced
        self._counts = dict.fromkeys(product(_KINDS, Written), 0)

    def count(self, kind: Kind, written: Written) -> None:
        """Count one."""
        self._counts[kind, written] += 1

    def collect(self) -> Iterator[Metric]:
        """Give the registry the counts."""
        objects = GaugeMetricFamily(
            "autoscaler_custom_resources",
            "WorkerAutoscaler objects, by whether their spec is in force.",
            labels=("ready",),
        )
        objects.add_metric(("true",), self.ready)
        objects.add_metric(("false",), self.refused)
        yield objects
        yield GaugeMetricFamily(
            "autoscaler_custom_resources_synced",
            "1 while the cluster's objects are known whole and fresh.",
            value=float(self._synced()),
        )
        writes = CounterMetricFamily(
            "autoscaler_custom_resource_writes_total",
            "Statuses and events written to the cluster, by what became of them.",
            labels=("kind", "outcome"),
        )
        for (kind, written), count in self._counts.items():
            writes.add_metric((kind, written.value), count)
        yield writes
