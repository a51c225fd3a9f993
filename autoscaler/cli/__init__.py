"""The command line: the only place that prints.

Modules stay in memory, and a daemon runs for weeks: ``run`` is loaded without the other commands,
above all the simulator's, which are 6 MiB and a tenth of a second.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from autoscaler.cli.exits import run_program

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Entry point of the console script."""
    run_program(_only_run() if sys.argv[1:2] == ["run"] else _every_command())


def _only_run() -> typer.Typer:
    from autoscaler.cli.root import SCALE, new_program  # noqa: PLC0415 - see above
    from autoscaler.cli.run import run  # noqa: PLC0415

    program = new_program()
    program.command(rich_help_panel=SCALE)(run)
    return program


def _every_command() -> typer.Typer:
    from autoscaler.cli.commands import program  # noqa: PLC0415 - see above

    return program


def __getattr__(name: str) -> Any:
    """Give ``program``, the whole of it, to whoever asks."""
    if name == "program":
        return _every_command()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
