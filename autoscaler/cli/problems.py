"""How trouble is told on the command line: to standard error, one line each."""

from __future__ import annotations

import typer

from autoscaler.cli.validate import print_problems
from autoscaler.settings import InvalidConfiguration


def report(error: Exception) -> None:
    """Print an error; a refused configuration with every problem it has."""
    if isinstance(error, InvalidConfiguration):
        print_problems(error.problems)
        return
    typer.echo(f"error: {error}", err=True)
