"""``autoscaler schema``: the configuration's JSON Schema, and the pages made from the program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from autoscaler.app.metrics_page import metrics_of_a_daemon
from autoscaler.cli.reference import commands_as_markdown, with_commands
from autoscaler.settings import json_schema, reference, with_reference
from autoscaler.telemetry.catalogue import tables, with_tables


class _Page(NamedTuple):
    """A page that the program writes: its text, and a page with the text put in."""

    text: Callable[[], str]
    put_into: Callable[[str], str]


def schema(
    ctx: typer.Context,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference tables of the keys instead.")
    ] = False,
    cli: Annotated[
        bool, typer.Option("--cli", help="Print the reference of the commands instead.")
    ] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print the table of all metrics instead.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the reference between the marks of this page."),
    ] = None,
) -> None:
    """Print the JSON Schema of the configuration file, for editors.

    Save it, and begin the file with: # yaml-language-server: $schema=autoscaler.schema.json
    """
    page = _page(ctx.find_root().command, cli=cli, metrics=metrics)
    if into is not None:
        into.write_text(page.put_into(into.read_text(encoding="utf-8")), encoding="utf-8")
    elif cli or metrics or markdown:
        typer.echo(page.text(), nl=not cli)
    else:
        typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _page(program: Any, *, cli: bool, metrics: bool) -> _Page:
    if cli:
        return _Page(
            lambda: commands_as_markdown(program),
            lambda page: with_commands(page, program),
        )
    if metrics:
        shown = asyncio.run(metrics_of_a_daemon())
        return _Page(lambda: tables(shown), lambda page: with_tables(page, shown))
    return _Page(reference, with_reference)
