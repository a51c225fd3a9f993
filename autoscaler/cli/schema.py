"""``autoscaler schema``: the configuration's JSON Schema, and the pages made from the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from autoscaler.cli.reference import commands_as_markdown, with_commands
from autoscaler.settings import json_schema, reference, with_reference


def schema(
    ctx: typer.Context,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference tables of the keys instead.")
    ] = False,
    cli: Annotated[
        bool, typer.Option("--cli", help="Print the reference of the commands instead.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the reference between the marks of this page."),
    ] = None,
) -> None:
    """Print the JSON Schema of the configuration file, for editors.

    Save it, and begin the file with: # yaml-language-server: $schema=autoscaler.schema.json
    """
    program = ctx.find_root().command
    if into is not None:
        page = into.read_text(encoding="utf-8")
        written = with_commands(page, program) if cli else with_reference(page)
        into.write_text(written, encoding="utf-8")
    elif cli:
        typer.echo(commands_as_markdown(program), nl=False)
    elif markdown:
        typer.echo(reference())
    else:
        typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
