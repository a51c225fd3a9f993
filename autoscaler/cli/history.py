"""``autoscaler history``: what happened, as a timeline."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.text import Text

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import app_key, connect
from autoscaler.cli.completion import complete_app
from autoscaler.cli.exits import TROUBLE, USAGE, CommandError, say
from autoscaler.cli.moments import moment, stamp, zone
from autoscaler.cli.options import Namespace, Output, TokenFile, Url
from autoscaler.cli.output import console, print_data, print_table, table
from autoscaler.cli.remote import DEFAULT_URL, EventFilter, Fields, Remote
from autoscaler.model import AppKey, Reason
from autoscaler.ports import EventKind

LIMIT = 50
LIMIT_MAX = 100_000
FOLLOWED = 500
"""Events that are asked for at a time while following."""


class Action(StrEnum):
    """What a decision may do."""

    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    HOLD = "hold"


_SIGNS = {"scale_up": "+", "scale_down": "-"}
_STYLES = {"scale_up": "green", "scale_down": "cyan", "trouble": "red", "raced": "red"}


def history(
    app: Annotated[
        str | None,
        typer.Argument(
            help="NAME, or NAMESPACE/NAME; without it all apps, and the platform as a whole.",
            show_default=False,
            autocompletion=complete_app,
        ),
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", show_default=False, help="Only what happened since: 2h, 14:05."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", show_default=False, help="Only what happened before."),
    ] = None,
    action: Annotated[
        list[Action] | None,
        typer.Option(help="Only of these actions (repeatable).", show_default=False),
    ] = None,
    reason: Annotated[
        list[Reason] | None,
        typer.Option(
            metavar="CODE", help="Only of these reasons (repeatable).", show_default=False
        ),
    ] = None,
    kind: Annotated[
        list[EventKind] | None,
        typer.Option(help="Only of these kinds (repeatable).", show_default=False),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LIMIT_MAX, help="So many at most, the newest.")
    ] = LIMIT,
    output: Output = "table",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as things happen.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, help="Seconds between two looks of --follow.")
    ] = 1.0,
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Show what happened to an app, or to all, as a timeline.

    That is: decisions that acted or changed their reason, scale requests, orders by hand, and
    trouble with the platform. The newest come last; times are local.

    Exit status: 0 shown; 1 no daemon answers, or its history is off; 2 wrong usage; 4 there is no
    such app.
    """
    if follow and until:
        raise CommandError("--follow goes on for ever; leave --until out", USAGE)
    wanted = EventFilter(
        *_range(since, until),
        tuple(one.value for one in kind or ()),
        tuple(one.value for one in action or ()),
        tuple(one.value for one in reason or ()),
        full=output != "table",
    )
    key = None if app is None else app_key(app, namespace)
    with connect(url, token_file) as remote:
        events, timeline = remote.events(key, wanted, limit)[::-1], _Timeline(key, output)
        if follow:
            _follow(remote, key, wanted, events, timeline, interval)
        _print(events, timeline)


def _range(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    now = SystemClock().now()
    start = None if since is None else moment("--since", since, now)
    end = None if until is None else moment("--until", until, now)
    if start is not None and end is not None and start >= end:
        raise CommandError("--since must lie before --until", USAGE)
    return start, end


def _print(events: list[Fields], timeline: _Timeline) -> None:
    if timeline.form != "table":
        print_data({"count": len(events), "items": events}, timeline.form)
    elif events:
        timeline.print(events)
    else:
        say("nothing of the kind happened; --since reaches further back, fewer filters show more")


def _follow(
    remote: Remote,
    key: AppKey | None,
    wanted: EventFilter,
    events: list[Fields],
    timeline: _Timeline,
    interval_s: float,
) -> NoReturn:
    """Print events, and further ones as they come; trouble is said, and ends nothing."""
    last, troubled = 0, False
    while True:
        if events:
            timeline.lines(events)
            sys.stdout.flush()
            last = max(last, *(event["id"] for event in events))
        time.sleep(interval_s)
        try:
            newest = remote.events(key, wanted, FOLLOWED)
            events, troubled = [event for event in newest[::-1] if event["id"] > last], False
        except CommandError as error:
            if error.status != TROUBLE:
                raise
            events = []
            if not troubled:
                say(f"error: {error}")
            troubled = True


class _Timeline:
    """Events in the form that was asked for. ``key``: the app that all are of, if one."""

    def __init__(self, key: AppKey | None, form: Literal["table", "json", "yaml"]) -> None:
        self.form = form
        self._key = key
        self._headers = True

    def print(self, events: list[Fields]) -> None:
        """Print events as a table."""
        times = [event["at_epoch_s"] for event in events]
        one_day = len({stamp(at, form="%F") for at in times}) == 1
        form = "%H:%M:%S" if one_day else "%m-%d %H:%M:%S"
        day = f"{stamp(times[0], form='%F')} " if one_day else ""
        if self._headers:
            say(f"times: {day}{zone(times[-1])}")
        columns = ["TIME", *(["APP"] if self._key is None else []), "WHAT", "REASON", "MESSAGE"]
        made = table(columns, [tuple(self._cells(event, form)) for event in events])
        made.show_header = self._headers
        print_table(made, to=console())

    def lines(self, events: list[Fields]) -> None:
        """Print events of a stream: a piece of the table, or a line of JSON each."""
        if self.form == "table":
            self.print(events)
            self._headers = False
            return
        for event in events:
            typer.echo(json.dumps(event, ensure_ascii=False))

    def _cells(self, event: Fields, form: str) -> Iterator[str | Text]:
        yield stamp(event["at_epoch_s"], form=form)
        if self._key is None:
            yield f"{event['namespace']}/{event['app']}" if event["app"] else "(platform)"
        style = _STYLES.get(event["action"]) or _STYLES.get(event["kind"], "")
        yield Text(what(event), style=style)
        yield event["reason"] or "-"
        yield event["message"] or "-"


def what(event: Fields) -> str:
    """Return what an event is in a word: ``+3``, ``hold 4``, ``applied +3``, ``pause``."""
    fields: dict[str, Any] = event["fields"]
    sign, count = _SIGNS.get(event["action"], ""), fields.get("count")
    match event["kind"]:
        case "decision" if sign:
            return f"{sign}{count}"
        case "decision":
            wanted = fields.get("desired")
            return "hold" if wanted is None else f"hold {wanted}"
        case "scale":
            return f"{fields.get('outcome', 'sent')} {sign}{count}".strip()
        case "intervention":
            word = str(fields.get("kind", "order"))
            return f"{word} ended" if fields.get("ended") else word
    return str(event["kind"])
