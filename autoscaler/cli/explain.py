"""``autoscaler explain APP``: a decision of a running daemon, as a paragraph and a table.

Of now from what the daemon has in memory; of a moment in the past from its history.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import app_key, connect
from autoscaler.cli.exits import NOT_FOUND, CommandError, printable
from autoscaler.cli.moments import moment, stamp
from autoscaler.cli.options import App, Namespace, TokenFile, Url
from autoscaler.cli.output import console, print_data, print_table
from autoscaler.cli.output import table as rows_as_table
from autoscaler.cli.remote import DEFAULT_URL, Fields, Remote
from autoscaler.model import AppKey
from autoscaler.telemetry.explanation import Step, paragraph, steps


def explain(
    app: App,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            help="The moment, instead of now: 14:05, -7d, 'yesterday 03:00', RFC 3339.",
        ),
    ] = None,
    output: Annotated[
        Literal["text", "json", "yaml"], typer.Option("--output", "-o", help="Form of the answer.")
    ] = "text",
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Say what was decided for an app, and why: now, or at a moment that the history reaches.

    Exit status: 0 answered; 1 no daemon answers, or its history is off; 2 wrong usage; 4 it does
    not know the app, or nothing was decided for it by then.
    """
    key = app_key(app, namespace)
    with connect(url, token_file) as remote:
        if at is None:
            _now(remote, key, output)
        else:
            _then(remote, key, moment("--at", at, SystemClock().now()), output)


def _now(remote: Remote, key: AppKey, output: Literal["text", "json", "yaml"]) -> None:
    seen = remote.app(key)
    decision = seen.get("decision")
    if decision is None:
        raise CommandError(
            f"{key} has not been decided upon yet; try again in a few seconds", NOT_FOUND
        )
    if output != "text":
        print_data(decision, output)
        return
    _tell(decision)
    acting = seen.get("last_acting_decision")
    if acting and acting["at"] != decision["at"]:
        typer.echo(f"\nThe last time it acted: {printable(paragraph(acting))}")


def _then(remote: Remote, key: AppKey, at: float, output: Literal["text", "json", "yaml"]) -> None:
    found = remote.explanation(key, at)
    decision: Fields = found["decision"]
    if output != "text":
        print_data(decision, output)
        return
    typer.echo(f"At {stamp(at)} this decision of {stamp(found['at_epoch_s'])} was in force.\n")
    _tell(decision)


def _tell(decision: Fields) -> None:
    out = console()
    out.print(printable(paragraph(decision)), markup=False, soft_wrap=not out.is_terminal)
    typer.echo("")
    print_table(table(decision), to=out)


def table(decision: dict[str, Any]) -> Table:
    """Return the steps from proposals to the final number."""
    headings = [name.upper() for name in Step._fields]
    return rows_as_table(headings, [tuple(row) for row in steps(decision)])
