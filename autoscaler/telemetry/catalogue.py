"""Every metric there is, as a list: what docs/metrics.md is written from.

What belongs to apps is known from its families; what belongs to the process is asked of the
registry, so that a gauge which some part shows of itself is listed too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import Metric

from autoscaler.telemetry.families import APP_FAMILIES
from autoscaler.telemetry.metrics import Metrics

MARKS = ("<!-- metrics: begin -->\n", "<!-- metrics: end -->\n")
"""Lines of a page between which the tables stand."""

_HEAD = "| name | type | labels | meaning |\n|---|---|---|---|\n"
_OF_APPS = ("namespace", "app")
_OURS = "autoscaler_"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric: the name that a query uses, its type, its labels and its meaning."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its series: a histogram has three."""
        if self.type != "histogram":
            return (self.name,)
        return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))


def catalogue(metrics: Metrics) -> tuple[MetricInfo, ...]:
    """Return every metric: those of apps, those of the program, those of its process.

    Labels are read from samples, so ``metrics`` must have been told of one request to the platform.
    """
    apps = [
        MetricInfo(each.name, each.kind, (*_OF_APPS, *each.labels), each.help)
        for each in APP_FAMILIES
    ]
    process = [_info(each) for each in metrics.registry.collect()]
    ours = sorted((info for info in process if info.name.startswith(_OURS)), key=_name)
    others = sorted((info for info in process if not info.name.startswith(_OURS)), key=_name)
    return (*apps, *ours, *others)


def tables(metrics: Metrics) -> str:
    """Return the metrics as Markdown."""
    infos = catalogue(metrics)
    apps = [info for info in infos if info.labels[:2] == _OF_APPS]
    ours = [info for info in infos if info not in apps and info.name.startswith(_OURS)]
    others = [info for info in infos if not info.name.startswith(_OURS)]
    return (
        f"### Of each app\n\n{_table(apps)}\n### Of the program\n\n{_table(ours)}\n"
        f"### Of its process\n\n{_table(others)}"
    )


def with_tables(page: str, metrics: Metrics) -> str:
    """Return a page with the tables between its marks written anew.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise ValueError(f"there are no lines {MARKS[0].strip()} and {MARKS[1].strip()} in it")
    return before + begin + tables(metrics) + end + after


def _info(metric: Metric) -> MetricInfo:
    labels: dict[str, None] = {}
    for sample in metric.samples:
        labels.update(dict.fromkeys(label for label in sample.labels if label != "le"))
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return MetricInfo(name, metric.type, tuple(labels), metric.documentation)


def _table(infos: list[MetricInfo]) -> str:
    return _HEAD + "".join(_rows(infos))


def _rows(infos: list[MetricInfo]) -> Iterator[str]:
    for info in infos:
        labels = ", ".join(f"`{label}`" for label in info.labels)
        yield f"| `{info.name}` | {info.type} | {labels} | {info.meaning} |\n"


def _name(info: MetricInfo) -> str:
    return info.name
