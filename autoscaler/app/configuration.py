"""The configuration while the daemon runs: read again, extended by discovery, put in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog
from watchfiles import awatch

from autoscaler.app.build import Parts, app_tokens, ceilings
from autoscaler.app.custom_resources import CustomResources
from autoscaler.app.footprint import give_back
from autoscaler.model import AppInfo, AppKey
from autoscaler.model.errors import ConfigurationError, PlatformError
from autoscaler.settings import Checked, Settings, diff, to_spec, with_discovered

Read = Callable[[], Checked]

SETTLE_S = 0.2
"""Time that changes of objects are given to become several: one `kubectl apply` may change many."""


class Configuration:
    """Puts configurations in force, one at a time; keeps the last good one.

    Changes come from four sides: a signal, the file, objects of a cluster, and the platform's list
    of apps.
    """

    def __init__(self, parts: Parts, settings: Settings, read: Read, file: Path) -> None:
        self._parts = parts
        self._file = file
        self._written = settings
        self._given = settings
        self._in_force = settings
        self._read = read
        self._found: tuple[AppInfo, ...] = ()
        self._refused: frozenset[tuple[AppKey, str]] = frozenset()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def discovers(self) -> bool:
        """Whether there are rules to discover apps by."""
        return bool(self._written.discover)

    def start(self) -> None:
        """Put the first configuration in force."""
        self._apply()

    def request_reload(self) -> None:
        """Read again, beside the passes that run."""
        self._spawn(self.reload(), "reload")

    def watch(self) -> None:
        """Read again whenever the file's content changes, and follow the cluster's objects."""
        self._spawn(self._watch(self._file), "watch configuration")
        if self._parts.resources is not None:
            self._spawn(self._follow(self._parts.resources), "follow custom resources")

    async def close(self) -> None:
        """Stop watching."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reload(self) -> None:
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
            if _needs_restart(self._written, checked.settings):
                log.warning(
                    "changes outside apps, defaults, discover, fleet and prices take effect at the"
                    " next start"
                )
            self._written = checked.settings
            await self._judge()
            warnings = [str(warning) for warning in checked.warnings]
            del checked
            log.info("configuration reloaded", changes=self._apply(), warnings=warnings)
            give_back()
        if self._parts.election is None or self._parts.election.acting:
            await self.discover()

    async def discover(self) -> None:
        """Ask the platform for its apps and take those that a rule matches.

        Where it does not answer, those found before stay.
        """
        if not self.discovers:
            return
        log = structlog.get_logger()
        namespaces = {rule.namespace for rule in self._written.discover}
        asked = {None} if None in namespaces else namespaces
        try:
            lists = [await self._parts.platform.list_apps(name) for name in asked]
        except PlatformError as error:
            log.warning("discovery failed; the apps found before stay", error=str(error))
            return
        async with self._turn:
            self._found = tuple(info for infos in lists for info in infos)
            if changes := self._apply():
                log.info("apps discovered", changes=changes)

    async def take_objects(self) -> None:
        """Put what the cluster's objects say in force."""
        async with self._turn:
            await self._judge()
            if changes := self._apply():
                structlog.get_logger().info("custom resources changed", changes=changes)

    async def _judge(self) -> None:
        """Take what is written, with the apps that objects give."""
        resources = self._parts.resources
        if resources is None:
            self._given = self._written
        else:
            objects = resources.take()
            judged = await asyncio.to_thread(resources.judge, objects, self._written, self._file)
            resources.say(objects, judged)
            self._given = judged.settings

    def _apply(self) -> list[str]:
        """Put what is given and what was found in force; return what changed."""
        discovered = with_discovered(self._given, self._found)
        self._say_refused(frozenset(discovered.refused))
        settings = discovered.settings
        changes = list(diff(self._in_force, settings))
        self._in_force = settings
        self._parts.app_tokens.clear()
        self._parts.app_tokens.update(app_tokens(settings))
        self._parts.fleet.ceilings = ceilings(settings)
        self._parts.prices.show(settings)
        self._parts.supervisor.apply(to_spec(settings))
        self._parts.shown.show(settings)
        # Who stands by is ready too, or a rollout of replicas would wait for ever.
        alone = self._parts.election is None
        self._parts.health.configured(self._parts.supervisor.apps if alone else ())
        return changes

    def _say_refused(self, refused: frozenset[tuple[AppKey, str]]) -> None:
        for app, why in sorted(refused - self._refused):
            structlog.get_logger().warning(
                "app matches a discover rule and is left alone",
                namespace=app.namespace, app=app.name, why=why,
            )  # fmt: skip
        self._refused = refused

    async def _watch(self, file: Path) -> None:
        # The folder, not the file: editors and Kubernetes replace files, and links in their path.
        before = _content(file)
        async for _ in awatch(file.parent, recursive=False):
            after = _content(file)
            if after is not None and after != before:
                before = after
                await self.reload()

    async def _follow(self, resources: CustomResources) -> None:
        while True:
            await resources.changed()
            await asyncio.sleep(SETTLE_S)
            try:
                await self.take_objects()
            except Exception:  # noqa: BLE001 - the next change must still be taken
                structlog.get_logger().exception(
                    "custom resources could not be put in force; what was stays in force"
                )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _content(file: Path) -> bytes | None:
    """Return what stands for a file's content, of whatever length."""
    try:
        return sha256(file.read_bytes()).digest()
    except OSError:
        return None


def _needs_restart(old: Settings, new: Settings) -> bool:
    sections = (
        "everai", "state", "history", "server", "log", "leader_election", "sharding", "dry_run",
        "discover_interval", "notifications", "custom_resources",
    )  # fmt: skip
    return any(getattr(old, name) != getattr(new, name) for name in sections)
