"""``autoscaler notify``: what concerns the messages to people."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from autoscaler.app.notices import try_out
from autoscaler.cli.problems import report
from autoscaler.model.errors import ConfigurationError
from autoscaler.settings import UnreadableConfiguration, check

EXIT_TROUBLE = 1
EXIT_UNREADABLE = 2
EXIT_NO_SUCH = 4

notify = typer.Typer(
    name="notify", help="Messages to people.", no_args_is_help=True, add_completion=False
)


@notify.command("test")
def trial(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration file.")
    ],
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="Names; all if left out.")
    ] = None,
) -> None:
    """Send a trial message to the targets under `notifications`, one try each.

    Exit status: 0 all were delivered; 1 one was not, or the configuration is bad; 2 it cannot be
    read; 4 there is no such target.
    """
    try:
        settings = check(config, os.environ).settings
    except UnreadableConfiguration as error:
        report(error)
        sys.exit(EXIT_UNREADABLE)
    except ConfigurationError as error:
        report(error)
        sys.exit(EXIT_TROUBLE)
    known = [entry.name for entry in settings.notifications]
    missing = [name for name in targets or () if name not in known]
    if missing or not known:
        said = f"no target {', '.join(missing)}" if missing else "there are no notifications"
        typer.echo(f"error: {said} in {config}; known: {', '.join(known) or 'none'}", err=True)
        sys.exit(EXIT_NO_SUCH)
    troubles = asyncio.run(try_out(settings, frozenset(targets or known)))
    for name, trouble in troubles.items():
        typer.echo(f"{name}: {f'not delivered: {trouble}' if trouble else 'delivered'}")
    sys.exit(EXIT_TROUBLE if any(troubles.values()) else 0)
