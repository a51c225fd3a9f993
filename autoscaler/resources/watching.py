"""What objects there are: listed once, then followed; listed anew where the thread is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random  # noqa: TID251 - the type of what is injected

from autoscaler.model.errors import ResourceError, ResourcesExpired
from autoscaler.ports import Change, Clock, Deleted, Resource, ResourceKey, Resources

LIST_LIMIT_S = 120.0
"""Longest time that a list of all objects may take."""

QUIET_MAX_S = 330.0
"""Longest time without a word in a watch; the server ends one sooner, so the connection is dead."""

PAUSE_MIN_S = 1.0
PAUSE_MAX_S = 60.0
"""Seconds between two tries: doubled with each failure, and jittered, since all replicas try."""

_FAILURES_COUNTED = 16

OnChange = Callable[[], None]
OnTrouble = Callable[[str], None]


class Watching:
    """Follows the objects of one namespace, or of all.

    Attributes:
        synced: whether everything was listed, and the cluster has not been lost since.
    """

    def __init__(
        self,
        resources: Resources,
        namespace: str | None,
        *,
        clock: Clock,
        rng: Random,
        on_change: OnChange,
        on_trouble: OnTrouble,
    ) -> None:
        """Wire up.

        Args:
            resources: the cluster.
            namespace: which one; ``None`` for all.
            clock: times the pauses.
            rng: jitters them.
            on_change: told after each change; quick.
            on_trouble: told what is wrong when the cluster is lost, and nothing when it is back.
        """
        self._resources = resources
        self._namespace = namespace
        self._clock = clock
        self._rng = rng
        self._on_change = on_change
        self._on_trouble = on_trouble
        self._objects: dict[ResourceKey, Resource] = {}
        self._listed = asyncio.Event()
        self._failures = 0
        self._version = ""
        self._trouble = ""

    @property
    def synced(self) -> bool:
        """Whether what is known is whole and fresh."""
        return self._listed.is_set() and not self._trouble

    @property
    def objects(self) -> Iterable[Resource]:
        """What there is, as far as is known."""
        return self._objects.values()

    def get(self, key: ResourceKey) -> Resource | None:
        """Return an object as it was last seen."""
        return self._objects.get(key)

    async def listed(self) -> None:
        """Wait for the first list."""
        await self._listed.wait()

    async def run(self) -> None:
        """List and follow until cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
            except ResourcesExpired:
                self._version = ""
            except (ResourceError, TimeoutError) as error:
                await self._fail(str(error) or "no reply in time")

    async def _list(self) -> None:
        async with asyncio.timeout(LIST_LIMIT_S):
            found, version = await self._resources.list(self._namespace)
        self._recovered()
        before = {key: resource.incarnation for key, resource in self._objects.items()}
        self._objects = {resource.key: resource for resource in found}
        self._version = version
        now = {key: resource.incarnation for key, resource in self._objects.items()}
        if now != before or not self._listed.is_set():
            self._listed.set()
            self._on_change()

    async def _follow(self) -> None:
        """Take changes until the connection ends; the next one goes on from there."""
        changes = aiter(self._resources.watch(self._namespace, self._version))
        while True:
            async with asyncio.timeout(QUIET_MAX_S):
                change = await anext(changes, None)
            self._recovered()
            if change is None:
                return
            self._version = change.version or self._version
            self._take(change)

    def _take(self, change: Change) -> None:
        """Take a change; another status alone is no news, we wrote it."""
        if isinstance(change, Deleted):
            if self._objects.pop(change.key, None) is not None:
                self._on_change()
            return
        resource = change.resource
        before = self._objects.get(resource.key)
        self._objects[resource.key] = resource
        if before is None or before.incarnation != resource.incarnation:
            self._on_change()

    async def _fail(self, why: str) -> None:
        """Wait before the next try. A connection that just broke is resumed; then all is listed."""
        self._failures = min(self._failures + 1, _FAILURES_COUNTED)
        if self._failures > 1 or not self._version:
            self._version = ""
            if why != self._trouble:
                self._trouble = why
                self._on_trouble(why)
        pause_s = min(PAUSE_MAX_S, PAUSE_MIN_S * 2 ** (self._failures - 1))
        await self._clock.sleep(pause_s * self._rng.uniform(0.5, 1.0))

    def _recovered(self) -> None:
        self._failures = 0
        if self._trouble:
            self._trouble = ""
            self._on_trouble("")
