"""``autoscaler cost``: what was spent, and what was saved against two other ways."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import app_key, connect
from autoscaler.cli.exits import USAGE, CommandError, say
from autoscaler.cli.moments import moment, stamp
from autoscaler.cli.options import AllNamespaces, Apps, Namespace, Output, TokenFile, Url
from autoscaler.cli.output import console, number, print_data, print_table, table
from autoscaler.cli.remote import DEFAULT_URL, AppFilter, Fields, Remote
from autoscaler.model import AppKey
from autoscaler.settings.sections import MAX_WORKERS

HOUR_S = 3600.0
_COLUMNS = ("APP", "HOURS", "SERVING", "COST", "ALWAYS MAX", "SAVED", "FIXED", "SAVED")
_NUMBERS = frozenset(_COLUMNS[1:])


def cost(
    apps: Apps = None,
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Beginning: 30d, 'yesterday 03:00', RFC 3339.")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="End; without it, now.", show_default=False)
    ] = None,
    fixed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=MAX_WORKERS,
            show_default=False,
            help="Fixed number of workers to compare with; without it, the most there were.",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="A line per app, not only all together.")
    ] = False,
    output: Output = "table",
    namespace: Namespace = "default",
    all_namespaces: AllNamespaces = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Show what apps took in worker hours and money, and what was saved.

    ALWAYS MAX is what max_workers at all times would have taken, FIXED what a fixed number would
    have; a minus before what was saved says that it was more. Money is in the currency of
    price_per_hour, and - where no price is configured.

    Exit status: 0 shown; 1 no daemon answers, or its history is off; 2 wrong usage; 4 there is no
    such app.
    """  # fmt: skip
    now = SystemClock().now()
    start = moment("--since", since, now)
    end = None if until is None else moment("--until", until, now)
    if start >= (now if end is None else end):
        raise CommandError("--since must lie before --until", USAGE)
    with connect(url, token_file) as remote:
        keys = [app_key(app, namespace) for app in apps or []]
        if each and not keys:
            keys = _all(remote, "" if all_namespaces else namespace)
        asked: list[AppKey | None] = [*keys] or [None]
        found = [(key, remote.cost(key, start, end, fixed)) for key in asked]
    _print(found, output, stamp(start), stamp(now if end is None else end))


def _all(remote: Remote, namespace: str) -> list[AppKey]:
    return [AppKey(app["namespace"], app["name"]) for app in remote.apps(AppFilter(namespace))]


def _print(found: list[tuple[AppKey | None, Fields]], output: Any, start: str, end: str) -> None:
    if output != "table":
        items = [{"app": None if key is None else str(key), **told} for key, told in found]
        print_data(items[0] if len(items) == 1 else {"count": len(items), "items": items}, output)
        return
    rows = [_cells("all" if key is None else str(key), told) for key, told in found]
    say(f"from {start} to {end}")
    print_table(table(_COLUMNS, rows, right=_NUMBERS), to=console())
    if all(told["cost"] is None for _, told in found):
        say("no price is known; set price_per_hour of the apps to see money")


def _cells(name: str, told: Fields) -> list[str]:
    taken = told["worker_s"]
    serving = "-" if not taken else f"{100 * told['busy_s'] / taken:.0f} %"
    fixed = number(told["fixed"], digits=2)
    return [
        name,
        number(taken / HOUR_S, digits=1),
        serving,
        *(_money(told, key) for key in ("cost", "always_max", "saved_vs_always_max")),
        f"{fixed} at {told['fixed_workers']}",
        _money(told, "saved_vs_fixed"),
    ]


def _money(told: Fields, key: str) -> str:
    return number(told[key], digits=2)
