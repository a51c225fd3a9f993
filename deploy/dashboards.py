"""The Grafana dashboard: which panels there are, and what they ask.

Write its JSON anew with ``python -m deploy.dashboards`` (``make reference`` does). Tests keep the
file in step, and run every query on a real Prometheus.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana import COLUMNS, Mark, Panel, Query, Row, dashboard, stat

FILE = Path(__file__).parent / "chart/files/dashboards/autoscaler.json"
APP = 'namespace=~"$namespace",app=~"$app"'
BY_APP = "sum by (namespace, app)"
SERVE_OR_WILL = 'state=~"free|busy|in_flight|rollin"'

OVERVIEW = Row(
    "All apps",
    [
        stat(
            "Apps",
            "count(group by (namespace, app) (autoscaler_decisions_total))",
            "Apps that are decided upon.",
        ),
        stat(
            "Workers that serve",
            'sum(autoscaler_workers{state=~"free|busy"})',
            "FREE and BUSY workers of all apps.",
        ),
        stat(
            "Requests that wait",
            "sum(autoscaler_queue_size)",
            "Requests in the platform's queues, of all apps.",
        ),
        stat(
            "Apps not seen for 2 minutes",
            "count(time() - max by (namespace, app) (autoscaler_last_observation_timestamp_seconds)"
            " > 120) or vector(0)",
            "Apps whose last complete list is older than 2 minutes.",
        ),
        stat(
            "Replicas that lead",
            "sum(autoscaler_leader)",
            "1 is right: 0 means nobody acts, 2 that two do. With shards all replicas act.",
        ),
        stat(
            "Sends requests",
            "min(autoscaler_dry_run)",
            "Whether scale requests are sent, or this is a dry run.",
            v0="yes",
            v1="dry run",
        ),
        stat(
            "Cost per hour",
            "sum(autoscaler_cost_per_hour)",
            "Of the workers of all apps, in the currency of price_per_hour.",
        ),
        stat(
            "Platform",
            "max(autoscaler_platform_circuit_open)",
            "Down: calls fail at once, but for a probe now and then.",
            v0="up",
            v1="down",
        ),
        stat(
            "Orders by hand in force",
            "count(autoscaler_intervention_end_timestamp_seconds)",
            "Pauses, overrides and boosts.",
        ),
        stat(
            "Ordered, not listed",
            "sum(autoscaler_orders_open)",
            "Workers that were ordered and that no list has shown.",
        ),
        stat(
            "Failed requests to the platform",
            'sum(rate(autoscaler_platform_requests_total{code!~"2.."}[$__rate_interval]))'
            " / sum(rate(autoscaler_platform_requests_total[$__rate_interval]))",
            "Share of requests without an answer of the kind 2xx.",
            "percentunit",
        ),
        stat(
            "Version",
            "count by (version) (autoscaler_build_info)",
            "Replicas of each version.",
        ),
        Panel(
            "Workers by state",
            [Query("sum by (state) (autoscaler_workers) > 0", "{{state}}")],
            about="Workers of all apps, as the platform lists them.",
            stacked=True,
        ),
        Panel(
            "Requests that wait: ten longest queues",
            [Query("topk(10, max by (namespace, app) (autoscaler_queue_size))", "{{app}}")],
            about="Where customers wait most.",
        ),
        Panel(
            "Apps",
            [
                Query("max by (namespace, app) (autoscaler_desired_workers)", instant=True),
                Query(
                    f"sum by (namespace, app) (autoscaler_workers{{{SERVE_OR_WILL}}})",
                    instant=True,
                ),
                Query("max by (namespace, app) (autoscaler_queue_size)", instant=True),
                Query("max by (namespace, app) (autoscaler_max_workers)", instant=True),
            ],
            "table",
            "Wanted, there or starting, waiting requests, most allowed.",
            width=COLUMNS,
        ),
    ],
)

ONE_APP = Row(
    "App $namespace/$app",
    [
        Panel(
            "Wanted, there, and what each policy says",
            [
                Query(f"autoscaler_desired_workers{{{APP}}}", "{{app}} wanted"),
                Query(
                    f"{BY_APP} (autoscaler_workers{{{APP},{SERVE_OR_WILL}}})",
                    "{{app}} there or starting",
                ),
                Query(
                    f'{BY_APP} (autoscaler_workers{{{APP},state=~"free|busy"}})', "{{app}} serve"
                ),
                Query(f"autoscaler_recommended_workers{{{APP}}}", "{{app}} {{policy}}"),
                Query(f"autoscaler_min_workers{{{APP}}}", "{{app}} minimum"),
                Query(f"autoscaler_max_workers{{{APP}}}", "{{app}} maximum"),
            ],
            about="Marks on the time axis: workers started and stopped.",
            width=COLUMNS,
            height=10,
        ),
        Panel(
            "Workers by state",
            [Query(f"sum by (state) (autoscaler_workers{{{APP}}})", "{{state}}")],
            stacked=True,
            about="As the platform's last complete list showed them.",
        ),
        Panel(
            "Requests that wait",
            [Query(f"autoscaler_queue_size{{{APP}}}", "{{app}}")],
            about="As the platform counts them.",
        ),
        Panel(
            "Decisions by reason",
            [
                Query(
                    "sum by (action, reason) "
                    f"(rate(autoscaler_decisions_total{{{APP}}}[$__rate_interval])) > 0",
                    "{{action}}: {{reason}}",
                )
            ],
            about="Per second. docs/reasons.md explains each reason.",
            stacked=True,
            bars=True,
        ),
        Panel(
            "Scale requests by outcome",
            [
                Query(
                    "sum by (direction, outcome) "
                    f"(increase(autoscaler_scale_requests_total{{{APP}}}[$__rate_interval]))",
                    "{{direction}} {{outcome}}",
                )
            ],
            bars=True,
            about="applied, rejected, unknown (no reply), not sent, or a dry run.",
        ),
        Panel(
            "Workers started and stopped",
            [
                Query(
                    f"{BY_APP} (increase(autoscaler_workers_started_total{{{APP}}}"
                    "[$__rate_interval]))",
                    "{{app}} started",
                ),
                Query(
                    f"-{BY_APP} (increase(autoscaler_workers_stopped_total{{{APP}}}"
                    "[$__rate_interval]))",
                    "{{app}} stopped",
                ),
            ],
            bars=True,
            about="Workers that the platform agreed to start and to stop.",
        ),
        Panel(
            "Removals that met a serving worker",
            [
                Query(
                    f"{BY_APP} (increase(autoscaler_raced_removals_total{{{APP}}}"
                    "[$__rate_interval]))",
                    "{{app}}",
                )
            ],
            bars=True,
            about="A request came between the last list and the removal; it should stay near zero.",
        ),
        Panel(
            "Policies that only watch",
            [
                Query(f"autoscaler_shadow_workers{{{APP}}}", "{{app}} {{policy}}"),
                Query(f"autoscaler_desired_workers{{{APP}}}", "{{app}} wanted"),
            ],
            about="What the policies under shadow would want, beside what is wanted.",
        ),
        Panel(
            "How those that watch compare",
            [
                Query(
                    "sum by (policy, compared) "
                    f"(rate(autoscaler_shadow_decisions_total{{{APP}}}[$__rate_interval]))",
                    "{{policy}} wants {{compared}}",
                )
            ],
            stacked=True,
            about="Whether a shadow policy would want more, fewer or as many workers.",
        ),
        Panel(
            "Ordered, not listed",
            [Query(f"autoscaler_orders_open{{{APP}}}", "{{app}}")],
            width=8,
            about="Workers ordered by us that no list has shown yet.",
        ),
        Panel(
            "Age of the last list",
            [Query(f"time() - autoscaler_last_observation_timestamp_seconds{{{APP}}}", "{{app}}")],
            unit="s",
            width=8,
            about="Seconds since the app was last seen; more than three intervals is trouble.",
        ),
        Panel(
            "Orders by hand: seconds left",
            [
                Query(
                    f"(autoscaler_intervention_end_timestamp_seconds{{{APP}}} > 0) - time()",
                    "{{app}} {{kind}}",
                ),
                Query(
                    f"autoscaler_intervention_end_timestamp_seconds{{{APP}}} == 0",
                    "{{app}} {{kind}} without end",
                ),
            ],
            unit="s",
            width=8,
            about="Until a pause, override or boost ends by itself.",
        ),
        Panel(
            "Cost per hour",
            [Query(f"autoscaler_cost_per_hour{{{APP}}}", "{{app}}")],
            about="In the currency of price_per_hour.",
            stacked=True,
            width=COLUMNS,
        ),
    ],
)

PLATFORM = Row(
    "Platform",
    [
        Panel(
            "Requests to the platform",
            [
                Query(
                    "sum by (operation, code) "
                    "(rate(autoscaler_platform_requests_total[$__rate_interval]))",
                    "{{operation}} {{code}}",
                )
            ],
            unit="reqps",
            about="HTTP requests per second, by operation and status or error.",
        ),
        Panel(
            "Failed requests",
            [
                Query(
                    "sum by (operation, code) "
                    '(rate(autoscaler_platform_requests_total{code!~"2.."}[$__rate_interval]))',
                    "{{operation}} {{code}}",
                )
            ],
            unit="reqps",
            bars=True,
            about="Those without an answer of the kind 2xx.",
        ),
        Panel(
            "How long they take",
            [
                Query(
                    f"histogram_quantile({share}, sum by (le, operation) "
                    "(rate(autoscaler_platform_request_duration_seconds_bucket[$__rate_interval])))",
                    f"{{{{operation}}}} {name}",
                )
                for share, name in ((0.5, "half"), (0.99, "99 %"))
            ],
            about="So many of the requests took no longer.",
            unit="s",
        ),
        Panel(
            "Budget and circuit",
            [
                Query("autoscaler_platform_request_rate_limit", "requests per second allowed"),
                Query("autoscaler_platform_circuit_open", "circuit open"),
            ],
            about="No line for the budget while there is no limit.",
        ),
    ],
)

ITSELF = Row(
    "The autoscaler itself",
    [
        Panel(
            "How late passes begin",
            [
                Query(
                    f"histogram_quantile({share}, sum by (le) "
                    "(rate(autoscaler_reconcile_lateness_seconds_bucket[$__rate_interval])))",
                    name,
                )
                for share, name in ((0.5, "half"), (0.99, "99 %"))
            ],
            unit="s",
            width=8,
            about="Time between when an app was due and when its pass began.",
        ),
        Panel(
            "How long passes take",
            [
                Query(
                    f"histogram_quantile({share}, sum by (le) "
                    "(rate(autoscaler_reconcile_duration_seconds_bucket[$__rate_interval])))",
                    name,
                )
                for share, name in ((0.5, "half"), (0.99, "99 %"))
            ],
            unit="s",
            width=8,
            about="Look, decide and act together.",
        ),
        Panel(
            "Passes",
            [
                Query(
                    "sum(rate(autoscaler_reconcile_duration_seconds_count[$__rate_interval]))",
                    "passes",
                )
            ],
            unit="ops",
            width=8,
            about="Looks at apps per second.",
        ),
        Panel(
            "Writes that the state store refused",
            [
                Query(
                    "sum by (kind) "
                    "(increase(autoscaler_state_write_failures_total[$__rate_interval]))",
                    "{{kind}}",
                )
            ],
            bars=True,
            width=8,
            about="Scaling goes on from memory; a restart would forget.",
        ),
        Panel(
            "Notifications",
            [
                Query(
                    "sum by (target, outcome) "
                    "(increase(autoscaler_notifications_total[$__rate_interval]))",
                    "{{target}} {{outcome}}",
                )
            ],
            bars=True,
            width=8,
            about="By target, and what came of them.",
        ),
        Panel(
            "History is written",
            [Query("min(autoscaler_history_writing)", "written")],
            width=8,
            about="0 while the history cannot be written; it is caught up later.",
        ),
        Panel(
            "Processor",
            [
                Query(
                    "rate(process_cpu_seconds_total[$__rate_interval])"
                    " and on (instance) autoscaler_build_info",
                    "{{instance}}",
                )
            ],
            about="Cores in use.",
            width=8,
        ),
        Panel(
            "Memory",
            [
                Query(
                    "process_resident_memory_bytes and on (instance) autoscaler_build_info",
                    "{{instance}}",
                )
            ],
            unit="bytes",
            width=8,
            about="Resident memory of each replica.",
        ),
        Panel(
            "Open files",
            [Query("process_open_fds and on (instance) autoscaler_build_info", "{{instance}}")],
            width=8,
            about="Files and sockets of each replica.",
        ),
    ],
)

ROWS = (OVERVIEW, ONE_APP, PLATFORM, ITSELF)

MARKS = (
    Mark(
        "Workers started",
        "green",
        f"{BY_APP} (increase(autoscaler_workers_started_total{{{APP}}}[1m])) > 0",
    ),
    Mark(
        "Workers stopped",
        "orange",
        f"{BY_APP} (increase(autoscaler_workers_stopped_total{{{APP}}}[1m])) > 0",
    ),
)


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(ROWS, MARKS), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
