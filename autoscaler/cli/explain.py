"""``autoscaler explain APP``: the last decision of a running daemon, as a paragraph and a table."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

import httpx
import typer
from rich.console import Console
from rich.table import Table

from autoscaler.telemetry.explanation import Step, paragraph, steps

EXIT_NO_ANSWER = 1
EXIT_UNKNOWN_APP = 4
DEFAULT_SERVER = "http://127.0.0.1:8080"


def explain(
    app: Annotated[str, typer.Argument(help="NAME, or NAMESPACE/NAME.", show_default=False)],
    server: Annotated[
        str, typer.Option(envvar="AUTOSCALER_URL", help="Address of the running daemon.")
    ] = DEFAULT_SERVER,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="Form of the answer.")
    ] = "text",
) -> None:
    """Say what a running daemon decided for an app, and why.

    Exit status: 0 answered; 1 the daemon does not answer; 4 it does not know the app.
    """
    namespace, _, name = app.rpartition("/")
    seen = _fetch(server, namespace or "default", name)
    decision = seen.get("decision")
    if decision is None:
        typer.echo(f"{app} has not been decided upon yet; try again in a few seconds", err=True)
        sys.exit(EXIT_UNKNOWN_APP)
    if output == "json":
        typer.echo(json.dumps(decision, indent=2, ensure_ascii=False))
        return
    typer.echo(paragraph(decision))
    acting = seen.get("last_acting_decision")
    if acting and acting["at"] != decision["at"]:
        typer.echo(f"\nThe last time it acted: {paragraph(acting)}")
    Console(soft_wrap=False).print(table(decision))


def _fetch(server: str, namespace: str, name: str) -> dict[str, Any]:
    url = f"{server.rstrip('/')}/api/v1/apps/{namespace}/{name}"
    try:
        reply = httpx.get(url, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        typer.echo(f"error: no daemon answers at {server} ({error}); give --server", err=True)
        sys.exit(EXIT_NO_ANSWER)
    if reply.status_code == httpx.codes.NOT_FOUND:
        typer.echo(f"error: the daemon at {server} does not know {namespace}/{name}", err=True)
        sys.exit(EXIT_UNKNOWN_APP)
    try:
        found: dict[str, Any] = reply.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        typer.echo(f"error: {url} did not answer as a daemon does: {error}", err=True)
        sys.exit(EXIT_NO_ANSWER)
    return found


def table(decision: dict[str, Any]) -> Table:
    """Return the steps from proposals to the final number."""
    rows = Table(*Step._fields, expand=False)
    for row in steps(decision):
        rows.add_row(*row)
    return rows
