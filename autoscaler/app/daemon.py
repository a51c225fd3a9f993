"""The daemon's life: start, tick, stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from autoscaler.app.build import Parts, build
from autoscaler.app.clock import SystemClock
from autoscaler.app.configuration import Configuration, Read
from autoscaler.app.footprint import settle_down
from autoscaler.app.leadership import GRACE_S as HANDOVER_GRACE_S
from autoscaler.app.leadership import close_state
from autoscaler.app.memory import FLUSH_S, open_shared
from autoscaler.settings import Settings

TICK_S = 0.1
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
        if parts.election is None:
            await open_shared(parts.state)
        configuration = Configuration(parts, settings, read, watched)
        stack.push_async_callback(configuration.close)
        configuration.start()
        settle_down()
        if parts.resources is not None:
            parts.resources.start()
        configuration.watch()
        stop = asyncio.Event()
        _on_signals(stop, configuration)
        scheduler = _schedule(parts, configuration, settings.discover_interval)
        stack.callback(scheduler.shutdown, wait=False)
        log.info("started", url=parts.web.url, apps=len(settings.apps), dry_run=settings.dry_run)
        del settings  # the next configuration takes their place: nobody is to keep both
        async with _leading(parts, configuration) as leading:
            await _first(stop.wait(), leading)
            grace_s = GRACE_S if parts.election is None else HANDOVER_GRACE_S
            log.info("stopping", grace_s=grace_s)
            if parts.election is not None:
                await parts.election.leave()
            await parts.supervisor.stop(grace_s)
    log.info("stopped")


@asynccontextmanager
async def _leading(
    parts: Parts, configuration: Configuration
) -> AsyncIterator[asyncio.Task[None] | None]:
    """Campaign while the block runs, and hand over at its end; alone, just discover apps.

    The lease is given back last: whoever takes it finds a closed store, and no call under way.
    """
    election = parts.election
    if election is None:
        await configuration.discover()
        yield None
        return
    leading = asyncio.create_task(election.lead(parts.supervisor, configuration.discover))
    try:
        yield leading
    finally:
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        await parts.supervisor.stand_by()
        await close_state(parts.state)
        await election.release()


async def _first(stop: Coroutine[Any, Any, bool], leading: asyncio.Task[None] | None) -> None:
    """Wait for the signal to stop; a fault of ours in the election ends the process at once."""
    stopped = asyncio.create_task(stop)
    await asyncio.wait(
        [stopped, *([leading] if leading else [])], return_when=asyncio.FIRST_COMPLETED
    )
    if leading is not None and leading.done():
        stopped.cancel()
        leading.result()


async def run_once(
    settings: Settings, environ: Mapping[str, str], read: Read, watched: Path
) -> bool:
    """Run one pass of every app; return whether every app could be observed.

    The arguments are those of :func:`run_daemon`.

    Raises:
        ConfigurationError: something cannot be used as configured.
        StateLockedError: another daemon uses the state store.
    """
    clock = SystemClock()
    parts = build(settings, environ, clock)
    try:
        parts.notifier.start()
        if parts.election is None:
            await open_shared(parts.state)
        configuration = Configuration(parts, settings, read, watched)
        configuration.start()
        if parts.resources is not None:
            parts.resources.start()
            await parts.resources.first()
            await configuration.take_objects()
        async with _leading(parts, configuration):
            if parts.election is not None:
                await parts.election.await_lead(clock)
            return await parts.supervisor.run_once()
    finally:
        await close(parts)


async def close(parts: Parts) -> None:
    """Close what was wired, once nothing is under way."""
    await parts.client.aclose()
    await parts.signals.aclose()
    await parts.notifier.aclose(NOTIFY_GRACE_S)
    if parts.resources is not None:
        await parts.resources.aclose()
    if parts.history is not None:
        await parts.history.close()
    await close_state(parts.state)
    if parts.election is not None:
        await parts.election.aclose()
    if parts.database is not None:
        parts.database.close()


def _schedule(
    parts: Parts, configuration: Configuration, discover_every_s: float
) -> AsyncIOScheduler:
    async def tick() -> None:
        parts.health.beat()
        parts.supervisor.tick()

    async def discover() -> None:
        if parts.election is None or parts.election.acting:
            await configuration.discover()

    async def write_history() -> None:
        if parts.history is None:
            return
        if parts.election is None or parts.election.writes_history:
            await parts.history.flush()
        else:
            # whoever leads may write to the same place
            await parts.history.let_go()

    scheduler = AsyncIOScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(tick, "interval", seconds=TICK_S, id="tick")
    scheduler.add_job(parts.supervisor.flush, "interval", seconds=FLUSH_S, id="flush")
    scheduler.add_job(write_history, "interval", seconds=FLUSH_S, id="history")
    scheduler.add_job(discover, "interval", seconds=discover_every_s, id="discover")
    scheduler.start()
    return scheduler


def _on_signals(stop: asyncio.Event, configuration: Configuration) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with suppress(AttributeError):  # Windows has no SIGHUP
        loop.add_signal_handler(signal.SIGHUP, configuration.request_reload)
