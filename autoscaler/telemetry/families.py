"""The metric families that an app has, and how each is written.

Lines are written here and not by prometheus-client, whose writer takes about 15 µs a sample: at ten
thousand apps a scrape would take seconds of a core that has apps to poll. Both text formats
write a sample in the same way; only the header of a counter differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Literal

from autoscaler.telemetry.app_series import SHOWN_STATES, AppSeries, escape_label

APPS_PER_CHUNK = 200
"""Apps whose lines of one family make one chunk: well under a millisecond of work."""

Lines = Callable[[str, Sequence[AppSeries]], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric name of an app: its type, its help text, and the writer of its lines.

    ``labels``: those besides ``namespace`` and ``app``.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    lines: Lines
    labels: tuple[str, ...] = ()

    def header(self, *, openmetrics: bool) -> str:
        """HELP and TYPE; OpenMetrics leaves ``_total`` out of a counter's name."""
        name = self.name.removesuffix("_total") if openmetrics else self.name
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n"


def _one(attribute: str) -> Lines:
    """Write the value of one attribute where it is known."""
    get = attrgetter(attribute)

    def lines(name: str, apps: Sequence[AppSeries]) -> Iterable[str]:
        return [
            f"{name}{{{app.labels}}} {value}\n" for app in apps if (value := get(app)) is not None
        ]

    return lines


def _workers(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
    ends = tuple(f',state="{state}"}} ' for state in SHOWN_STATES)
    for app in apps:
        if app.workers is not None:
            start = f"{name}{{{app.labels}"
            for end, count in zip(ends, app.workers, strict=True):
                yield f"{start}{end}{count}\n"


def _by_policy(attribute: str) -> Lines:
    """Write a dict of workers by policy name."""
    get = attrgetter(attribute)

    def lines(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
        for app in apps:
            for policy, workers in get(app).items():
                yield f'{name}{{{app.labels},policy="{escape_label(policy)}"}} {workers}\n'

    return lines


def _by_hand(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
    for app in apps:
        for kind, until in app.by_hand.items():
            yield f'{name}{{{app.labels},kind="{kind}"}} {until}\n'


def _compared(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
    for app in apps:
        for (policy, than), count in app.compared.items():
            labels = f'{app.labels},policy="{escape_label(policy)}",compared="{than}"'
            yield f"{name}{{{labels}}} {count}\n"


def _pairs(attribute: str, first: str, second: str) -> Lines:
    """Write a dict keyed by two label values, which are enum values and need no escaping."""
    get = attrgetter(attribute)

    def lines(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
        for app in apps:
            for (a, b), count in get(app).items():
                yield f'{name}{{{app.labels},{first}="{a}",{second}="{b}"}} {count}\n'

    return lines


def _owned(name: str, apps: Sequence[AppSeries]) -> Iterator[str]:
    # Whoever ceases to act for an app forgets it, and this series with it.
    return (f"{name}{{{app.labels}}} 1\n" for app in apps)


APP_FAMILIES = (
    Family(
        "autoscaler_app_owned",
        "gauge",
        "1 where this replica acts for the app, and absent where not.",
        _owned,
    ),
    Family(
        "autoscaler_workers",
        "gauge",
        "Workers in the last complete list, by state.",
        _workers,
        ("state",),
    ),
    Family(
        "autoscaler_queue_size",
        "gauge",
        "Requests that wait for a worker, as the platform counts them.",
        _one("queue_size"),
    ),
    Family(
        "autoscaler_cost_per_hour",
        "gauge",
        "Money that the workers present take in an hour; absent where no price is known.",
        _one("cost_per_hour"),
    ),
    Family(
        "autoscaler_recommended_workers",
        "gauge",
        "Workers that a policy wants, before any limit; absent while the policy has no data.",
        _by_policy("recommended"),
        ("policy",),
    ),
    Family(
        "autoscaler_shadow_workers",
        "gauge",
        "Workers that a policy wants which only watches; absent while it has no data.",
        _by_policy("shadow"),
        ("policy",),
    ),
    Family(
        "autoscaler_shadow_decisions_total",
        "counter",
        "Answers of a policy that only watches, by how they compare with those that act.",
        _compared,
        ("policy", "compared"),
    ),
    Family(
        "autoscaler_desired_workers",
        "gauge",
        "Workers wanted after bounds and windows; absent while nothing is known.",
        _one("desired"),
    ),
    Family("autoscaler_min_workers", "gauge", "The lower bound in force.", _one("min_workers")),
    Family("autoscaler_max_workers", "gauge", "The upper bound in force.", _one("max_workers")),
    Family(
        "autoscaler_orders_open",
        "gauge",
        "Workers ordered by us that no list has shown yet.",
        _one("orders_open"),
    ),
    Family(
        "autoscaler_last_observation_timestamp_seconds",
        "gauge",
        "When the last complete list arrived, in seconds since the epoch.",
        _one("observed_at"),
    ),
    Family(
        "autoscaler_decisions_total",
        "counter",
        "Decisions, by action and reason; a hold counts too.",
        _pairs("decisions", "action", "reason"),
        ("action", "reason"),
    ),
    Family(
        "autoscaler_scale_requests_total",
        "counter",
        "Scale requests, by direction and outcome.",
        _pairs("requests", "direction", "outcome"),
        ("direction", "outcome"),
    ),
    Family(
        "autoscaler_workers_started_total",
        "counter",
        "Workers that the platform agreed to start at our request.",
        _one("started"),
    ),
    Family(
        "autoscaler_workers_stopped_total",
        "counter",
        "Workers that the platform agreed to stop at our request.",
        _one("stopped"),
    ),
    Family(
        "autoscaler_intervention_end_timestamp_seconds",
        "gauge",
        "When an order by hand ends, in seconds since the epoch; 0 for one that somebody must end.",
        _by_hand,
        ("kind",),
    ),
    Family(
        "autoscaler_raced_removals_total",
        "counter",
        "Removed workers that turned out to be serving when the removal arrived.",
        _one("raced"),
    ),
)
"""Every family with the labels ``namespace`` and ``app``. The names are a promise to users."""


def app_chunks(apps: Sequence[AppSeries], *, openmetrics: bool) -> Iterator[str]:
    """Write all families of these apps, in chunks small enough to pause between them."""
    for family in APP_FAMILIES:
        yield family.header(openmetrics=openmetrics)
        rest = iter(apps)
        while batch := tuple(islice(rest, APPS_PER_CHUNK)):
            yield "".join(family.lines(family.name, batch))
