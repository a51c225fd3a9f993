"""``autoscaler run``: the daemon."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import structlog
import typer

from autoscaler.app.configuration import Read
from autoscaler.app.daemon import run_daemon, run_once
from autoscaler.cli.problems import report
from autoscaler.model.errors import AutoscalerError, ConfigurationError
from autoscaler.settings import Checked, Settings, UnreadableConfiguration, check
from autoscaler.telemetry import configure_logging

_T = TypeVar("_T")

EXIT_TROUBLE = 1
EXIT_UNREADABLE = 2
EXIT_UNOBSERVED = 3


def run(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration file.")
    ],
    once: Annotated[bool, typer.Option("--once", help="One pass of every app, then exit.")] = False,
    dry_run: Annotated[
        bool | None,
        typer.Option("--dry-run/--no-dry-run", help="Decide and explain all, send nothing."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Address of metrics, API and probes.")
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="Least level.")
    ] = None,
    log_format: Annotated[
        Literal["auto", "json", "console"] | None, typer.Option(help="Form of log lines.")
    ] = None,
) -> None:
    """Run the autoscaler until SIGTERM; SIGHUP reads the configuration again.

    Exit status: 0 stopped as asked; 1 bad configuration or other trouble; 2 the configuration
    cannot be read; 3 with --once, an app could not be observed.
    """
    overrides = _overrides(
        dry_run=dry_run, listen=listen, log_level=log_level, log_format=log_format
    )

    def read() -> Checked:
        return check(config, os.environ, overrides)

    try:
        # Handed on without a name here: ten thousand apps would be kept as long as the daemon runs.
        if once:
            observed = _in_loop(run_once(_first(read), os.environ, read, config))
            sys.exit(0 if observed else EXIT_UNOBSERVED)
        _in_loop(run_daemon(_first(read), os.environ, read, config))
    except UnreadableConfiguration as error:
        report(error)
        sys.exit(EXIT_UNREADABLE)
    except (ConfigurationError, AutoscalerError) as error:
        report(error)
        sys.exit(EXIT_TROUBLE)


def _first(read: Read) -> Settings:
    """Read the configuration at the start; log from here on as it says."""
    checked = read()
    configure_logging(checked.settings.log.level, checked.settings.log.format)
    for warning in checked.warnings:
        structlog.get_logger().warning("configuration warning", problem=str(warning))
    return checked.settings


def _overrides(
    *, dry_run: bool | None, listen: str | None, log_level: str | None, log_format: str | None
) -> dict[str, Any]:
    """Return what the command line says, nested as a file would have it."""
    found: dict[str, Any] = {}
    if dry_run is not None:
        found["dry_run"] = dry_run
    if listen is not None:
        found["server"] = {"listen": listen}
    log = {"level": log_level, "format": log_format}
    if given := {key: value for key, value in log.items() if value is not None}:
        found["log"] = given
    return found


def _in_loop(main: Coroutine[Any, Any, _T]) -> _T:
    """Run on uvloop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
