"""``autoscaler import-everai``: from the platform's own policy to ours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from autoscaler.cli.validate import EXIT_BAD, EXIT_UNREADABLE
from autoscaler.model.errors import ConfigurationError
from autoscaler.settings.manifest import from_manifest


def import_everai(
    manifest: Annotated[
        Path, typer.Argument(help="The app's EverAI manifest (app.yaml).", show_default=False)
    ],
) -> None:
    """Turn the autoscaler.builtin section of an EverAI manifest into our configuration.

    The configuration goes to standard output, notes on the translation to standard error.

    Exit status: 0 translated; 1 the manifest has nothing to translate; 2 it cannot be read.
    """
    try:
        content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        typer.echo(f"error: {manifest} cannot be read: {error}", err=True)
        sys.exit(EXIT_UNREADABLE)
    try:
        imported = from_manifest(content)
    except ConfigurationError as error:
        typer.echo(f"error: {manifest}: {error}", err=True)
        sys.exit(EXIT_BAD)
    typer.echo(
        yaml.safe_dump(imported.configuration, sort_keys=False, allow_unicode=True), nl=False
    )
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
