"""``pause``, ``resume``, ``scale``, ``boost``: orders by hand, given to a running daemon."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from autoscaler.cli.access import app_key, connect
from autoscaler.cli.options import App, DryRun, Namespace, TokenFile, Url, Why
from autoscaler.cli.order import Order
from autoscaler.cli.remote import DEFAULT_URL
from autoscaler.settings.sections import MAX_WORKERS

Direction = Literal["up", "down", "both"]
_For = Annotated[
    str,
    typer.Option(
        "--for", metavar="TIME", help="How long: 30m, 2h, 1h30m; it ends by itself.",
        show_default=False,
    ),
]  # fmt: skip
_Workers = Annotated[
    int, typer.Argument(metavar="N", min=0, max=MAX_WORKERS, help="Workers.", show_default=False)
]
_PAUSED = {
    "both": "nothing is ordered and nothing removed",
    "up": "nothing is ordered; workers are still removed",
    "down": "nothing is removed; workers are still ordered",
}


def pause(
    app: App,
    why: Why,
    direction: Annotated[
        Direction, typer.Option(help="Scaling up, scaling down, or both.")
    ] = "both",
    lasts: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="How long: 30m, 2h; without it, until resumed.",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Stop scaling an app, in one direction or both, until it is resumed or the time is over.

    It is kept over restarts of the daemon. Workers that are there go on serving.

    Exit status: 0 done; 1 no daemon answers, or it refuses; 2 wrong usage, or no token; 4 there is
    no such app.
    """  # fmt: skip
    body: dict[str, Any] = {"direction": direction, "why": why}
    with connect(url, token_file) as remote:
        Order(remote, app_key(app, namespace), dry_run=dry_run).give(
            "pause", body, lasts, f"paused, {_PAUSED[direction]}"
        )


def resume(
    app: App,
    why: Why,
    direction: Annotated[
        Direction, typer.Option(help="Which direction of a pause to end; both ends every order.")
    ] = "both",
    dry_run: DryRun = False,
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """End the orders by hand of an app: a pause, and what `scale` or `boost` set.

    With --direction, only that half of a pause ends, and the rest holds.

    Exit status: 0 done, or nothing held; 1 no daemon answers, or it refuses; 2 wrong usage, or no
    token; 4 there is no such app.
    """
    with connect(url, token_file) as remote:
        order = Order(remote, app_key(app, namespace), dry_run=dry_run)
        if direction == "both":
            order.end(why)
        else:
            order.end_half(why, direction)


def scale(
    app: App,
    workers: _Workers,
    lasts: _For,
    why: Why,
    dry_run: DryRun = False,
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Set the number of workers of an app for a while, whatever its policies say.

    The app's minimum and maximum hold, and a worker goes only when it is free.

    Exit status: 0 done; 1 no daemon answers, or it refuses; 2 wrong usage, or no token; 4 there is
    no such app.
    """
    with connect(url, token_file) as remote:
        Order(remote, app_key(app, namespace), dry_run=dry_run).give(
            "override",
            {"workers": workers, "why": why},
            lasts,
            f"{workers} wanted, no more or less",
        )


def boost(
    app: App,
    workers: _Workers,
    lasts: _For,
    why: Why,
    dry_run: DryRun = False,
    namespace: Namespace = "default",
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Keep at least so many workers of an app for a while; its policies may want more.

    The app's maximum holds.

    Exit status: 0 done; 1 no daemon answers, or it refuses; 2 wrong usage, or no token; 4 there is
    no such app.
    """
    with connect(url, token_file) as remote:
        Order(remote, app_key(app, namespace), dry_run=dry_run).give(
            "boost", {"workers": workers, "why": why}, lasts, f"at least {workers} wanted"
        )
