"""The daemon's life: start, tick, reload, stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from autoscaler.app.build import Parts, app_tokens, build
from autoscaler.app.clock import SystemClock
from autoscaler.model.errors import ConfigurationError, StateError
from autoscaler.settings import Checked, Settings, diff, to_spec

TICK_S = 0.1
FLUSH_S = 5.0
GRACE_S = 5.0
"""Seconds that passes under way are given at a stop before they are cut off."""

Reload = Callable[[], Checked]


async def run_daemon(settings: Settings, environ: Mapping[str, str], reload: Reload) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again.

    Args:
        settings: validated.
        environ: environment of the process, for the token.
        reload: reads the configuration again.

    Raises:
        ConfigurationError: something cannot be used as configured.
        StateLockedError: another daemon uses the state store.
    """
    log = structlog.get_logger()
    parts = build(settings, environ, SystemClock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close, parts)
        parts.supervisor.apply(to_spec(settings))
        parts.health.configured(parts.supervisor.apps)
        await stack.enter_async_context(parts.web)
        stop = asyncio.Event()
        reloader = _Reloader(parts, settings, reload)
        _on_signals(stop, reloader)
        scheduler = _schedule(parts)
        stack.callback(scheduler.shutdown, wait=False)
        log.info("started", url=parts.web.url, apps=len(settings.apps), dry_run=settings.dry_run)
        await stop.wait()
        log.info("stopping", grace_s=GRACE_S)
        await parts.supervisor.stop(GRACE_S)
    log.info("stopped")


async def run_once(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Run one pass of every app; return whether every app could be observed.

    Raises:
        ConfigurationError: something cannot be used as configured.
        StateLockedError: another daemon uses the state store.
    """
    parts = build(settings, environ, SystemClock())
    try:
        parts.supervisor.apply(to_spec(settings))
        return await parts.supervisor.run_once()
    finally:
        await _close(parts)


async def _close(parts: Parts) -> None:
    await parts.client.aclose()
    await parts.signals.aclose()
    try:
        await parts.state.close()
    except StateError as error:
        structlog.get_logger().error("the state store was not written at the end", error=str(error))


def _schedule(parts: Parts) -> AsyncIOScheduler:
    async def tick() -> None:
        parts.health.beat()
        parts.supervisor.tick()

    scheduler = AsyncIOScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(tick, "interval", seconds=TICK_S, id="tick")
    scheduler.add_job(parts.supervisor.flush, "interval", seconds=FLUSH_S, id="flush")
    scheduler.start()
    return scheduler


def _on_signals(stop: asyncio.Event, reloader: _Reloader) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with suppress(AttributeError):  # Windows has no SIGHUP
        loop.add_signal_handler(signal.SIGHUP, reloader.request)


class _Reloader:
    """Puts a changed configuration in force, or keeps the last good one."""

    def __init__(self, parts: Parts, settings: Settings, read: Reload) -> None:
        self._parts = parts
        self._settings = settings
        self._read = read
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self) -> None:
        """Read again, beside the passes that run."""
        task = asyncio.get_running_loop().create_task(self._reload(), name="reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self) -> None:
        """Read again. A bad configuration is refused whole, and said."""
        log = structlog.get_logger()
        async with self._turn:
            try:
                # Ten thousand apps take seconds to check: not on the loop.
                checked = await asyncio.to_thread(self._read)
            except ConfigurationError as error:
                log.error(
                    "configuration refused; the last good one stays in force", error=str(error)
                )
                return
            self._put_in_force(checked)

    def _put_in_force(self, checked: Checked) -> None:
        log = structlog.get_logger()
        settings = checked.settings
        changes = diff(self._settings, settings)
        if _needs_restart(self._settings, settings):
            log.warning("changes outside apps, defaults and fleet take effect at the next start")
        self._settings = settings
        self._parts.app_tokens.clear()
        self._parts.app_tokens.update(app_tokens(settings))
        self._parts.fleet.max_workers = settings.fleet.max_workers
        self._parts.supervisor.apply(to_spec(settings))
        self._parts.health.configured(self._parts.supervisor.apps)
        log.info(
            "configuration reloaded",
            changes=list(changes),
            warnings=[str(warning) for warning in checked.warnings],
        )


def _needs_restart(old: Settings, new: Settings) -> bool:
    sections = ("everai", "state", "server", "log", "dry_run")
    return any(getattr(old, name) != getattr(new, name) for name in sections)
