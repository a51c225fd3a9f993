"""How commands end: the exit statuses, and the error that carries one."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

OK = 0
TROUBLE = 1
USAGE = 2
UNOBSERVED = 3
NOT_FOUND = 4
INTERRUPTED = 130

MEANINGS = {
    OK: "Done as asked.",
    TROUBLE: "Trouble: nobody answers, the request was refused, or a check failed.",
    USAGE: "Wrong usage: an option, a time, a value or a file that cannot be used.",
    UNOBSERVED: "An app could not be looked at (`run --once`, `status --platform`).",
    NOT_FOUND: "There is no such app, or nothing is known of it (for that moment).",
    INTERRUPTED: "Interrupted with Ctrl-C.",
}
"""What each exit status means, over all commands; docs/cli.md shows it."""


class CommandError(Exception):
    """A command cannot go on.

    Attributes:
        status: the exit status. The message says what happened, where, and what to do next.
    """

    def __init__(self, message: str, status: int = TROUBLE) -> None:
        super().__init__(message)
        self.status = status


def say(message: str) -> None:
    """Print a message for people to standard error: one line, and nothing a terminal obeys."""
    typer.echo(printable(message), err=True)


def printable(text: str) -> str:
    """Return a text from elsewhere without control characters."""
    return "".join(char if char.isprintable() else " " for char in text)


class Program(TyperGroup):
    """The group of all commands: turns expected errors into one line and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            say(f"error: {error}")
            raise typer.Exit(error.status) from None


def run_program(program: typer.Typer) -> None:
    """Run a program as a console script does; a fault of ours is one line too."""
    try:
        program()
    except Exception as error:  # noqa: BLE001 - the last line of defence: nobody wants a traceback
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = (
            "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        )
        say(
            f"error: a fault of autoscaler itself ({type(error).__name__}: {error}){where}; please"
            " report it with the command you ran"
        )
        sys.exit(TROUBLE)
