"""The program without its commands: its name, its help, and ``--version``."""

from __future__ import annotations

from typing import Annotated

import typer

from autoscaler import __version__
from autoscaler.cli.exits import Program

SCALE = "Scale apps"


def new_program() -> typer.Typer:
    """Return a program to add commands to."""
    program = typer.Typer(
        name="autoscaler",
        cls=Program,
        help="Reconciling autoscaler for GPU inference apps on the EverAI platform.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_root)
    return program


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"autoscaler {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass
