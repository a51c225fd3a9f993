"""``autoscaler explain APP``: the last decision of a running daemon, as a paragraph and a table."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, Literal

import httpx
import typer
from rich.console import Console
from rich.table import Table

EXIT_NO_ANSWER = 1
EXIT_UNKNOWN_APP = 4
DEFAULT_SERVER = "http://127.0.0.1:8080"

Decision = dict[str, Any]
_NAMED = 5
"""So many of those who go are named in the paragraph."""
_SERVE_OR_WILL = ("free", "busy", "in_flight", "rollin", "on_order")


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


def paragraph(decision: Decision) -> str:
    """Return a decision in a few sentences."""
    who = f"{decision['namespace']}/{decision['app']}"
    sentences = [f"{decision['at']} {who}: {_done(decision)} ({decision['reason']})."]
    census = decision["census"]
    if census is None:
        return " ".join([*sentences, f"Nothing was observed: {decision['message']}."])
    changed = [limit for limit in decision["limits"] if limit["before"] != limit["after"]]
    words = _own_words(decision)
    if words and decision["reason"] not in {limit["reason"] for limit in changed}:
        sentences.append(f"{words[:1].upper()}{words[1:]}.")
    sentences.append(_seen(decision, census))
    sentences += [_said(proposal) for proposal in decision["proposals"]]
    sentences += [
        f"{limit['reason']} changed {limit['before']} to {limit['after']}: {limit['why']}."
        for limit in changed
    ]
    sentences += [_would(proposal, decision["combined"]) for proposal in decision["shadow"]]
    sentences += [f"{c['worker_id']} goes: {c['why']}." for c in decision["candidates"][:_NAMED]]
    if len(decision["candidates"]) > _NAMED:
        sentences.append(f"{len(decision['candidates']) - _NAMED} more go likewise.")
    sentences += [f"Note: {warning}." for warning in decision["warnings"]]
    return " ".join(sentences)


def _done(decision: Decision) -> str:
    there, count = _capacity(decision["census"] or {}), decision["count"]
    match decision["action"]:
        case "scale_up":
            return f"order {count} more, for {there + count} in all"
        case "scale_down":
            return f"remove {count}, leaving {there - count}"
    wanted = decision["desired"]
    return "hold" if wanted is None else f"hold at {wanted}"


def _capacity(census: dict[str, int]) -> int:
    return sum(census.get(state, 0) for state in _SERVE_OR_WILL)


def _own_words(decision: Decision) -> str:
    """Return a hold's message without the policies' words, which are told anyway."""
    if decision["action"] != "hold":
        return ""
    message: str = decision["message"]
    for proposal in decision["proposals"]:
        said = f"{proposal['policy']}: {proposal['why']}"
        message = message.removesuffix(f" ({said})").removeprefix(said)
    return message


def _seen(decision: Decision, census: dict[str, int]) -> str:
    queue = decision["queue_size"]
    there = [
        f"{count} {state.replace('_', ' ')}"
        for state, count in census.items()
        if count and state != "present"
    ]
    waiting = "an unknown number of requests" if queue is None else _requests(queue)
    return f"It saw {', '.join(there) or 'no workers'}, and {waiting} waiting."


def _requests(count: int) -> str:
    return f"{count or 'no'} request{'' if count == 1 else 's'}"


def _said(proposal: dict[str, Any]) -> str:
    policy, why = proposal["policy"], proposal["why"]
    if proposal["workers"] is None:
        return f"{policy} had no data: {why}."
    bounds = _bounds(proposal)
    if proposal.get("abstains"):
        return f"{policy} {'wants ' + ' and '.join(bounds) if bounds else 'abstains'}: {why}."
    role = f" as a {proposal['role']}" if "role" in proposal else ""
    return f"{policy} wants {', '.join([str(proposal['workers']), *bounds])}{role}: {why}."


def _would(proposal: dict[str, Any], acting: int | None) -> str:
    """Return what a policy says that only watches, beside what those that act want."""
    policy, workers, why = proposal["policy"], proposal["workers"], proposal["why"]
    if workers is None:
        return f"In shadow, {policy} had no data: {why}."
    more = 0 if acting is None else workers - acting
    beside = "" if not more else f", {abs(more)} {'more' if more > 0 else 'fewer'}"
    return f"In shadow, {policy} would want {workers}{beside}: {why}."


def _bounds(proposal: dict[str, Any]) -> list[str]:
    words = (("floor", "at least"), ("ceiling", "at most"))
    return [f"{word} {proposal[key]}" for key, word in words if key in proposal]


def _number(proposal: dict[str, Any]) -> str:
    """Return what a policy says, as short as a table's cell has to be."""
    abstains = proposal["workers"] is None or proposal.get("abstains", False)
    return ", ".join([*([] if abstains else [str(proposal["workers"])]), *_bounds(proposal)]) or "-"


def table(decision: Decision) -> Table:
    """Return the steps from proposals to the final number."""
    steps = Table("step", "workers", "why", expand=False)
    for proposal in decision["proposals"]:
        steps.add_row(proposal["policy"], _number(proposal), proposal["why"])
    for proposal in decision["shadow"]:
        steps.add_row(f"{proposal['policy']} (shadow)", _number(proposal), proposal["why"])
    if decision["combined"] is not None:
        steps.add_row("combined", str(decision["combined"]), "")
    for limit in decision["limits"]:
        steps.add_row(limit["reason"], f"{limit['before']} → {limit['after']}", limit["why"])
    desired = decision["desired"]
    steps.add_row("desired", "-" if desired is None else str(desired), decision["message"])
    return steps
