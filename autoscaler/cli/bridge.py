"""``autoscaler bridge``: our engine as the platform's own container autoscaler."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from autoscaler.app.clock import SystemClock
from autoscaler.cli.problems import report
from autoscaler.cli.run import EXIT_TROUBLE, EXIT_UNREADABLE
from autoscaler.decision import AppSpec
from autoscaler.model import AppKey
from autoscaler.model.errors import ConfigurationError
from autoscaler.settings import Settings, UnreadableConfiguration, load, to_spec
from autoscaler.telemetry import DecisionLog, configure_logging
from autoscaler.web import WebServer
from autoscaler.web.bridge import PATH, Bridge, build_bridge


def bridge(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration file.")
    ],
    app: Annotated[str, typer.Option(help="NAME, or NAMESPACE/NAME, of one app in it.")],
) -> None:
    """Serve as the platform's container autoscaler of one app, until SIGTERM.

    The platform calls POST /-everai-/autoscaler; server.listen of the configuration says where.
    Signals from outside (PromQL, webhooks, the request queue) are not available here.

    Exit status: 0 stopped as asked; 1 bad configuration, no such app, or other trouble; 2 the
    configuration cannot be read.
    """
    try:
        settings = load(config, os.environ)
        spec = _spec(settings, app)
        configure_logging(settings.log.level, settings.log.format)
        asyncio.run(_serve(settings, spec))
    except UnreadableConfiguration as error:
        report(error)
        sys.exit(EXIT_UNREADABLE)
    except ConfigurationError as error:
        report(error)
        sys.exit(EXIT_TROUBLE)


def _spec(settings: Settings, app: str) -> AppSpec:
    namespace, _, name = app.rpartition("/")
    key = AppKey(namespace or "default", name)
    for spec in to_spec(settings):
        if spec.key == key:
            return spec
    known = ", ".join(f"{each.namespace}/{each.name}" for each in settings.apps)
    raise ConfigurationError(f"there is no app {key} in the configuration; it has {known}")


async def _serve(settings: Settings, spec: AppSpec) -> None:
    log = structlog.get_logger()
    site = build_bridge(Bridge(spec, SystemClock(), DecisionLog(log)))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with WebServer(site, settings.server.host, settings.server.port) as web:
        log.info("started", url=f"{web.url}{PATH}", app=str(spec.key))
        await stop.wait()
