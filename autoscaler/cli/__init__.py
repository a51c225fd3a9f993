"""The command line: the only place that prints."""

from __future__ import annotations

from typing import Annotated

import typer

from autoscaler import __version__
from autoscaler.cli.backtest import backtest
from autoscaler.cli.bridge import bridge
from autoscaler.cli.cost import cost
from autoscaler.cli.crd import crd
from autoscaler.cli.demo import demo
from autoscaler.cli.emulator import emulator
from autoscaler.cli.exits import Program, run_program
from autoscaler.cli.explain import explain
from autoscaler.cli.history import history
from autoscaler.cli.import_everai import import_everai
from autoscaler.cli.lab import lab
from autoscaler.cli.notify import notify
from autoscaler.cli.orders import boost, pause, resume, scale
from autoscaler.cli.policies import policies, schedule
from autoscaler.cli.run import run
from autoscaler.cli.schema import schema
from autoscaler.cli.simulate import simulate
from autoscaler.cli.soak import soak
from autoscaler.cli.status import status
from autoscaler.cli.top import top
from autoscaler.cli.tune import tune
from autoscaler.cli.validate import validate

program = typer.Typer(
    name="autoscaler",
    cls=Program,
    help="Reconciling autoscaler for GPU inference apps on the EverAI platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_SCALE = "Scale apps"
_SEE = "See what a daemon does, and why"
_ORDER = "Order by hand"
_CONFIGURE = "Configure"
_TRY = "Try and prove"


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


program.command(rich_help_panel=_SCALE)(run)
program.command(rich_help_panel=_SCALE)(bridge)
for see in (status, explain, history, top, cost):
    program.command(rich_help_panel=_SEE)(see)
for order in (pause, resume, scale, boost):
    program.command(rich_help_panel=_ORDER)(order)
program.command(rich_help_panel=_CONFIGURE)(validate)
program.command(rich_help_panel=_CONFIGURE)(schema)
program.command(rich_help_panel=_CONFIGURE)(crd)
program.command(rich_help_panel=_CONFIGURE)(policies)
program.add_typer(schedule, rich_help_panel=_CONFIGURE)
program.command(rich_help_panel=_CONFIGURE)(import_everai)
program.add_typer(notify, rich_help_panel=_CONFIGURE)
program.command(rich_help_panel=_TRY)(demo)
program.command(rich_help_panel=_TRY)(emulator)
program.command(rich_help_panel=_TRY)(simulate)
program.command(rich_help_panel=_TRY)(backtest)
program.command(rich_help_panel=_TRY)(tune)
program.command(rich_help_panel=_TRY)(lab)
program.command(rich_help_panel=_TRY)(soak)


def main() -> None:
    """Entry point of the console script."""
    run_program(program)
