"""``autoscaler status``: every app in a line, from the daemon or straight from the platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import typer

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import app_key, connect
from autoscaler.cli.exits import OK, TROUBLE, USAGE, CommandError, say
from autoscaler.cli.moments import length
from autoscaler.cli.options import AllNamespaces, Apps, Namespace, TokenFile, Url, WideOutput
from autoscaler.cli.output import console, number, print_data, print_table, state, table
from autoscaler.cli.platform import show_platform
from autoscaler.cli.remote import DEFAULT_URL, AppFilter, Fields, Remote
from autoscaler.cli.watch import EVERY_S, watch
from autoscaler.model import Reason
from autoscaler.telemetry.status import AppStatus

Form = Literal["table", "wide", "json", "yaml", "name"]
_NUMBERS = frozenset(
    {"WORKERS", "WANTED", "MIN", "MAX", "QUEUE", "FREE", "BUSY", "STARTING", "AGE"}
)
_OPEN_ENDED = "until resumed"


def status(
    apps: Apps = None,
    *,
    namespace: Namespace = "default",
    all_namespaces: AllNamespaces = False,
    states: Annotated[
        list[AppStatus] | None,
        typer.Option("--state", help="Only apps in this state (repeatable).", show_default=False),
    ] = None,
    reasons: Annotated[
        list[Reason] | None,
        typer.Option(
            "--reason",
            metavar="CODE",
            help="Only apps whose last decision has this reason (repeatable).",
            show_default=False,
        ),
    ] = None,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only apps whose name holds this.")
    ] = "",
    sort_by: Annotated[
        Literal["name", "status", "workers", "queue", "desired", "decided_at"],
        typer.Option(help="Order; numbers from the largest on."),
    ] = "name",
    output: WideOutput = "table",
    no_headers: Annotated[
        bool, typer.Option("--no-headers", help="Leave the headings of the table out.")
    ] = False,
    live: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and show changes.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, help="Seconds between two looks of --watch.")
    ] = EVERY_S,
    platform: Annotated[
        bool,
        typer.Option(
            "--platform",
            help="Ask the EverAI platform itself (EVERAI_TOKEN, EVERAI_ENDPOINT), not a daemon.",
        ),
    ] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Show what apps are doing: workers there and wanted, the queue, and the reason.

    AGE is the time since the last decision. With --platform, the platform's own list of workers
    and the queue are shown, and no daemon is needed.

    Exit status: 0 shown; 1 trouble; 2 wrong usage; 3 with --platform, an app could not be looked
    at; 4 there is no such app.
    """
    home = "" if all_namespaces else namespace
    if platform:
        _refuse_with_platform(live or states or reasons)
        raise typer.Exit(show_platform(apps or [], home, output))
    wanted = AppFilter(
        home,
        search,
        tuple(one.value for one in states or ()),
        tuple(one.value for one in reasons or ()),
        sort_by,
    )
    with connect(url, token_file) as remote:
        source = _source(remote, apps or [], namespace, wanted)
        show = _Shown(output, namespaces=all_namespaces, headers=not no_headers)
        if live:
            watch(lambda: source()[0], show, interval, SystemClock())
        found, exit_status = source()
        _print(show, found, wanted, single=len(apps or ()) == 1)
    raise typer.Exit(exit_status)


def _refuse_with_platform(asked: object) -> None:
    if asked:
        raise CommandError("--platform goes with neither --watch, --state nor --reason", USAGE)


def _source(
    remote: Remote, names: Sequence[str], namespace: str, wanted: AppFilter
) -> Callable[[], tuple[list[Fields], int]]:
    """Return the question for the apps: those that are named, else those that match."""
    keys = [app_key(name, namespace) for name in names]
    if not keys:
        return lambda: (remote.apps(wanted), OK)

    def named() -> tuple[list[Fields], int]:
        found, worst = [], OK
        for key in keys:
            try:
                found.append(remote.app(key))
            except CommandError as error:
                if error.status == TROUBLE or len(keys) == 1:
                    raise
                say(f"error: {error}")
                worst = error.status
        return [app for app in found if _matches(app, wanted)], worst

    return named


def _matches(app: Fields, wanted: AppFilter) -> bool:
    return (not wanted.states or app["status"] in wanted.states) and (
        not wanted.reasons or app["reason"] in wanted.reasons
    )


def _print(show: _Shown, found: list[Fields], wanted: AppFilter, *, single: bool) -> None:
    if show.form in ("json", "yaml"):
        whole = found[0] if single and found else {"count": len(found), "items": found}
        print_data(whole, "json" if show.form == "json" else "yaml")
        return
    if not found:
        where = f"in namespace {wanted.namespace}; -A shows every namespace"
        say(f"no apps match {where if wanted.namespace else 'in any namespace'}")
        return
    show.print(found)


class _Shown:
    """Apps in the form that was asked for."""

    def __init__(self, form: Form, *, namespaces: bool, headers: bool) -> None:
        self.form = form
        self._namespaces = namespaces
        self._headers = headers
        self._clock = SystemClock()

    def key(self, app: Fields) -> str:
        """Return what an app is called."""
        return f"{app['namespace']}/{app['name']}"

    def word(self, app: Fields) -> object:
        """Return what makes an app's line another one; its age does not."""
        return self._cells(app, 0.0)[:-1]

    def table(self, apps: Sequence[Fields], *, headers: bool = True) -> Any:
        """Return the lines as a table."""
        now = self._clock.now()
        rows = [self._cells(app, now) for app in apps]
        made = table(self._columns(), rows, right=_NUMBERS)
        made.show_header = headers and self._headers
        return made

    def print(self, apps: Sequence[Fields], *, headers: bool = True) -> None:
        """Print apps, once."""
        match self.form:
            case "name":
                for app in apps:
                    typer.echo(self.key(app))
            case "json" | "yaml":
                for app in apps:
                    typer.echo(json.dumps(app, ensure_ascii=False))
            case _:
                print_table(
                    self.table(apps, headers=headers), to=console(endless=self.form == "wide")
                )

    def _columns(self) -> list[str]:
        columns = ["NAME", "STATE", "WORKERS", "WANTED", "MAX", "QUEUE", "REASON", "AGE"]
        if self.form == "wide":
            columns[4:5] = ["MIN", "MAX"]
            columns[-1:] = ["FREE", "BUSY", "STARTING", "ORDERS", "MESSAGE", "AGE"]
        return columns

    def _cells(self, app: Fields, now: float) -> list[Any]:
        decided = app["decided_at_epoch_s"]
        wide = self.form == "wide"
        return [
            self.key(app) if self._namespaces else app["name"],
            state(app["status"]),
            number(app["workers"]),
            number(app["desired"]),
            *([number(app["min_workers"])] if wide else []),
            number(app["max_workers"]),
            number(app["queue_size"]),
            app["reason"] or "-",
            *(_wide(app) if wide else []),
            length(None if decided is None else now - decided),
        ]


def _wide(app: Fields) -> list[str]:
    counts = (app.get("observation") or {}).get("workers_by_state") or {}
    kinds = ("free", "busy", "in_flight")
    return [*(number(counts.get(kind)) for kind in kinds), orders(app), app["message"] or "-"]


def orders(app: Fields) -> str:
    """Return the orders by hand that hold for an app, in a few words."""
    words = [_order(one) for one in app.get("interventions") or []]
    return ", ".join(words) or "-"


def _order(one: Fields) -> str:
    if one["kind"] == "pause":
        return f"pause {one['direction']}" + ("" if one["until"] else f" {_OPEN_ENDED}")
    return f"{one['kind']} {one['workers']}"
