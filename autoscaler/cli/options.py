"""Options that several commands share: which daemon, which token, which app, which form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autoscaler.cli.access import TOKEN_FILE
from autoscaler.cli.completion import complete_app, complete_namespace

Url = Annotated[
    str, typer.Option("--url", envvar="AUTOSCALER_URL", help="Address of the running daemon.")
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar=TOKEN_FILE,
        show_default=False,
        help="File with the daemon's token, where it wants one; or set AUTOSCALER_TOKEN.",
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        envvar="AUTOSCALER_NAMESPACE",
        help="Namespace of the app.",
        autocompletion=complete_namespace,
    ),
]
AllNamespaces = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="The apps of every namespace.")
]
App = Annotated[
    str,
    typer.Argument(
        metavar="APP",
        help="NAME, or NAMESPACE/NAME.",
        show_default=False,
        autocompletion=complete_app,
    ),
]
Apps = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[APP]...",
        help="NAME, or NAMESPACE/NAME; without any, all.",
        show_default=False,
        autocompletion=complete_app,
    ),
]
Output = Annotated[
    Literal["table", "json", "yaml"], typer.Option("--output", "-o", help="Form of the answer.")
]
WideOutput = Annotated[
    Literal["table", "wide", "json", "yaml", "name"],
    typer.Option("--output", "-o", help="Form of the answer."),
]
Why = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why, in words; kept in the history.", show_default=False
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
