"""The daemon's life: start, tick, stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC
from pathlib import Path

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from autoscaler.app.build import Parts, build
from autoscaler.app.clock import SystemClock
from autoscaler.app.configuration import Configuration, Read
from autoscaler.model.errors import StateError
from autoscaler.settings import Settings

TICK_S = 0.1
FLUSH_S = 5.0
GRACE_S = 5.0
NOTIFY_GRACE_S = 3.0
"""Seconds that passes under way, and notifications, are given at a stop before they are cut off."""


async def run_daemon(
    settings: Settings, environ: Mapping[str, str], read: Read, watched: Path
) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: validated.
        environ: environment of the process, for the token.
        read: reads the configuration again; called at SIGHUP and when ``watched`` changes.
        watched: the configuration file.

    Raises:
        ConfigurationError: something cannot be used as configured.
        StateLockedError: another daemon uses the state store.
    """
    log = structlog.get_logger()
    parts = build(settings, environ, SystemClock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close, parts)
        await stack.enter_async_context(parts.web)
        parts.notifier.start()
        configuration = Configuration(parts, settings, read)
        stack.push_async_callback(configuration.close)
        configuration.start()
        configuration.watch(watched)
        stop = asyncio.Event()
        _on_signals(stop, configuration)
        scheduler = _schedule(parts, configuration, settings)
        stack.callback(scheduler.shutdown, wait=False)
        log.info("started", url=parts.web.url, apps=len(settings.apps), dry_run=settings.dry_run)
        await configuration.discover()
        await stop.wait()
        log.info("stopping", grace_s=GRACE_S)
        await parts.supervisor.stop(GRACE_S)
    log.info("stopped")


async def run_once(settings: Settings, environ: Mapping[str, str], read: Read) -> bool:
    """Run one pass of every app; return whether every app could be observed.

    Raises:
        ConfigurationError: something cannot be used as configured.
        StateLockedError: another daemon uses the state store.
    """
    parts = build(settings, environ, SystemClock())
    try:
        parts.notifier.start()
        configuration = Configuration(parts, settings, read)
        configuration.start()
        await configuration.discover()
        return await parts.supervisor.run_once()
    finally:
        await close(parts)


async def close(parts: Parts) -> None:
    """Close what was wired, once nothing is under way."""
    await parts.client.aclose()
    await parts.signals.aclose()
    await parts.notifier.aclose(NOTIFY_GRACE_S)
    try:
        await parts.state.close()
    except StateError as error:
        structlog.get_logger().error("the state store was not written at the end", error=str(error))


def _schedule(parts: Parts, configuration: Configuration, settings: Settings) -> AsyncIOScheduler:
    async def tick() -> None:
        parts.health.beat()
        parts.supervisor.tick()

    scheduler = AsyncIOScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(tick, "interval", seconds=TICK_S, id="tick")
    scheduler.add_job(parts.supervisor.flush, "interval", seconds=FLUSH_S, id="flush")
    scheduler.add_job(
        configuration.discover, "interval", seconds=settings.discover_interval, id="discover"
    )
    scheduler.start()
    return scheduler


def _on_signals(stop: asyncio.Event, configuration: Configuration) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with suppress(AttributeError):  # Windows has no SIGHUP
        loop.add_signal_handler(signal.SIGHUP, configuration.request_reload)
