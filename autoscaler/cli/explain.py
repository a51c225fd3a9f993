"""``autoscaler explain APP``: the last decision of a running daemon, as a paragraph and a table."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

EXIT_NO_ANSWER = 1
EXIT_UNKNOWN_APP = 4
DEFAULT_SERVER = "http://127.0.0.1:8080"

Decision = dict[str, Any]


def explain(
    app: Annotated[str, typer.Argument(help="NAME, or NAMESPACE/NAME.", show_default=False)],
    server: Annotated[
        str, typer.Option(envvar="AUTOSCALER_URL", help="Address of the running daemon.")
    ] = DEFAULT_SERVER,
    output: Annotated[str, typer.Option("--output", "-o", help="text or json.")] = "text",
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


def paragraph(decision: Decision) -> str:
    """Return a decision in a few sentences."""
    who = f"{decision['namespace']}/{decision['app']}"
    sentences = [f"{decision['at']} {who}: {_done(decision)} ({decision['reason']})."]
    census = decision["census"]
    if census is None:
        return " ".join([*sentences, f"Nothing was observed: {decision['message']}."])
    sentences.append(_seen(decision, census))
    sentences += [_said(proposal) for proposal in decision["proposals"]]
    sentences += [
        f"{limit['reason']} changed {limit['before']} to {limit['after']}: {limit['why']}."
        for limit in decision["limits"]
        if limit["before"] != limit["after"]
    ]
    sentences += [f"{c['worker_id']} goes: {c['why']}." for c in decision["candidates"][:5]]
    sentences += [f"Note: {warning}." for warning in decision["warnings"]]
    return " ".join(sentences)


def _done(decision: Decision) -> str:
    match decision["action"]:
        case "scale_up":
            return f"order {decision['count']} more, for {decision['desired']} in all"
        case "scale_down":
            return f"remove {decision['count']}, leaving {decision['desired']}"
    wanted = decision["desired"]
    return "hold" if wanted is None else f"hold at {wanted}"


def _seen(decision: Decision, census: dict[str, int]) -> str:
    queue = decision["queue_size"]
    waiting = "an unknown number of requests" if queue is None else f"{queue} requests"
    there = [f"{count} {state}" for state, count in census.items() if count and state != "present"]
    return f"It saw {', '.join(there) or 'no workers'}, and {waiting} waiting."


def _said(proposal: dict[str, Any]) -> str:
    if proposal["workers"] is None:
        return f"{proposal['policy']} had no data: {proposal['why']}."
    return f"{proposal['policy']} wants {proposal['workers']}: {proposal['why']}."


def table(decision: Decision) -> Table:
    """Return the steps from proposals to the final number."""
    steps = Table("step", "workers", "why", expand=False)
    for proposal in decision["proposals"]:
        workers = proposal["workers"]
        steps.add_row(proposal["policy"], "-" if workers is None else str(workers), proposal["why"])
    if decision["combined"] is not None:
        steps.add_row("combined", str(decision["combined"]), "")
    for limit in decision["limits"]:
        steps.add_row(limit["reason"], f"{limit['before']} → {limit['after']}", limit["why"])
    desired = decision["desired"]
    steps.add_row("desired", "-" if desired is None else str(desired), decision["message"])
    return steps
