"""Every command of the command line."""

from __future__ import annotations

from autoscaler.cli.backtest import backtest
from autoscaler.cli.bridge import bridge
from autoscaler.cli.cost import cost
from autoscaler.cli.crd import crd
from autoscaler.cli.demo import demo
from autoscaler.cli.emulator import emulator
from autoscaler.cli.explain import explain
from autoscaler.cli.history import history
from autoscaler.cli.import_everai import import_everai
from autoscaler.cli.lab import lab
from autoscaler.cli.notify import notify
from autoscaler.cli.orders import boost, pause, resume, scale
from autoscaler.cli.policies import policies, schedule
from autoscaler.cli.root import SCALE, new_program
from autoscaler.cli.run import run
from autoscaler.cli.schema import schema
from autoscaler.cli.simulate import simulate
from autoscaler.cli.soak import soak
from autoscaler.cli.status import status
from autoscaler.cli.top import top
from autoscaler.cli.tune import tune
from autoscaler.cli.validate import validate

program = new_program()

_SEE = "See what a daemon does, and why"
_ORDER = "Order by hand"
_CONFIGURE = "Configure"
_TRY = "Try and prove"

program.command(rich_help_panel=SCALE)(run)
program.command(rich_help_panel=SCALE)(bridge)
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
