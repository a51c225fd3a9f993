"""How answers are printed: tables as kubectl's, JSON, YAML; data to standard output only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import typer
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoscaler.cli.exits import printable

UNLIMITED = 10_000
"""Columns where nobody looks: a row of a file is a line, however long."""

STYLES = {
    "scaling": "cyan",
    "steady": "green",
    "limited": "yellow",
    "troubled": "bold red",
    "off": "dim",
    "unseen": "dim",
}
"""Colours of the states; the word stands beside them, so nothing is told by colour alone."""

Row = Sequence[str | Text]


def console(*, endless: bool = False) -> Console:
    """Return standard output, as wide as the terminal (or ``COLUMNS``), else without an end."""
    sized = not endless and (sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit())
    return Console(width=None if sized else UNLIMITED, highlight=False)


def table(
    columns: Sequence[str], rows: Iterable[Row], *, right: frozenset[str] = frozenset()
) -> Table:
    """Return rows under headings; what does not fit goes on below, and nothing is cut off.

    Args:
        columns: the headings.
        rows: a cell for each.
        right: headings of numbers.
    """
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        words = column in _WHOLE or column in right
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=words,
            min_width=len(column) if words else min(len(column), _LEAST),
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    return made


_LEAST = 8
_WHOLE = frozenset({"STATE", "WHAT", "REASON", "TIME", "AGE"})
"""Columns of short words, which are never broken."""


def print_table(made: Table, *, to: Console | None = None) -> None:
    """Print a table without blanks at the ends of lines."""
    out = console() if to is None else to
    if out.is_terminal:
        out.print(made)
        return
    with out.capture() as captured:
        out.print(made)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def print_data(content: Any, form: Literal["json", "yaml"]) -> None:
    """Print data for programs."""
    if form == "json":
        typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
        return
    plain = json.loads(json.dumps(content))
    typer.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


def number(value: Any, *, digits: int = 0) -> str:
    """Return a number as a cell; ``-`` for one that is not known."""
    return "-" if value is None else f"{value:.{digits}f}"


def state(word: str) -> Text:
    """Return a state in its colour."""
    return Text(printable(word), style=STYLES.get(word, ""))
