"""The command line: the only place that prints."""

from __future__ import annotations

from typing import Annotated

import typer

from autoscaler import __version__
from autoscaler.cli.demo import demo
from autoscaler.cli.emulator import emulator
from autoscaler.cli.run import run
from autoscaler.cli.validate import schema, validate

program = typer.Typer(
    name="autoscaler",
    help="Reconciling autoscaler for GPU inference apps on the EverAI platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"autoscaler {__version__}")
        raise typer.Exit


@program.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


program.command()(run)
program.command()(demo)
program.command()(emulator)
program.command()(validate)
program.command()(schema)


def main() -> None:
    """Entry point of the console script."""
    program()
