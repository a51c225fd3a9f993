"""A cluster's objects in memory: list, watch, status and events, and faults that a test makes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from autoscaler.model.errors import ResourceError, ResourceGone, ResourcesExpired
from autoscaler.ports import Change, Changed, Deleted, Occurrence, Resource, ResourceKey
from tests.fakes.clock import T0


def resource(name: str = "one", namespace: str = "team", **spec: Any) -> Resource:
    """Make an object; ``max_workers`` is 5 unless given."""
    key = ResourceKey(namespace, name)
    return Resource(key, f"uid-{key}", 1, T0, {"max_workers": 5, **spec})


@dataclass
class FakeResources:
    """Implements ports.Resources.

    Attributes:
        objects: what there is. statuses: every status written, the oldest first.
        events: the cluster's events by name. faults: raised by the next calls, one each.
        lists, watches: how often each was begun; of watches, from which version.
    """

    objects: dict[ResourceKey, Resource] = field(default_factory=dict)
    statuses: list[tuple[ResourceKey, dict[str, Any]]] = field(default_factory=list)
    events: dict[str, Occurrence] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    lists: int = 0
    watches: list[str] = field(default_factory=list)
    written: int = 0
    closed: bool = False
    _version: int = 1
    _log: list[Change] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _names: count[int] = field(default_factory=count)
    _breaks: list[Exception | None] = field(default_factory=list)

    # -- what the test does --------------------------------------------------------------------

    def put(self, made: Resource) -> Resource:
        """Create or change an object."""
        self.objects[made.key] = made
        self._publish(Changed(self._next(), made))
        return made

    def change(self, name: str = "one", namespace: str = "team", **spec: Any) -> Resource:
        """Change an object's spec."""
        old = self.objects[ResourceKey(namespace, name)]
        spec = {"max_workers": 5, **spec}
        return self.put(replace(old, generation=old.generation + 1, spec=spec))

    def delete(self, name: str = "one", namespace: str = "team") -> None:
        key = ResourceKey(namespace, name)
        del self.objects[key]
        self._publish(Deleted(self._next(), key))

    def cut(self, error: Exception | None = None) -> None:
        """End the watches that are open: as the server does, or with an error."""
        self._breaks.append(error)
        self._wake()

    def forget_log(self) -> None:
        """Drop what a watch could be resumed from."""
        self._log.clear()
        self._version += 100

    def status(self, name: str = "one", namespace: str = "team") -> Mapping[str, Any]:
        return self.objects[ResourceKey(namespace, name)].status

    # -- what the program does -----------------------------------------------------------------

    async def list(self, namespace: str | None) -> tuple[tuple[Resource, ...], str]:
        self._fail()
        self.lists += 1
        found = (one for one in self.objects.values() if namespace in (None, one.key.namespace))
        return tuple(found), str(self._version)

    async def watch(self, namespace: str | None, version: str) -> AsyncIterator[Change]:
        self._fail()
        self.watches.append(version)
        at = int(version)
        if (self._log and at < int(self._log[0].version) - 1) or (
            not self._log and at < self._version
        ):
            raise ResourcesExpired("too old resource version")
        while True:
            for change in [each for each in self._log if int(each.version) > at]:
                at = int(change.version)
                key = change.key if isinstance(change, Deleted) else change.resource.key
                if namespace in (None, key.namespace):
                    yield change
            if self._breaks:
                error = self._breaks.pop(0)
                if error is None:
                    return
                raise error
            news = self._news
            await news.wait()

    async def write_status(self, resource: Resource, status: Mapping[str, Any]) -> None:
        self._fail()
        held = self.objects.get(resource.key)
        if held is None or held.uid != resource.uid:
            raise ResourceGone("not found")
        self.statuses.append((resource.key, dict(status)))
        self.objects[resource.key] = replace(held, status=dict(status))
        self._publish(Changed(self._next(), self.objects[resource.key]))

    async def record(self, occurrence: Occurrence, name: str | None) -> str:
        self._fail()
        if name is not None and name not in self.events:
            raise ResourceGone("not found")
        self.written += 1
        name = name or f"event-{next(self._names)}"
        self.events[name] = occurrence
        return name

    async def definition(self) -> Mapping[str, Any] | None:
        self._fail()
        return None

    async def aclose(self) -> None:
        self.closed = True

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    def _next(self) -> str:
        self._version += 1
        return str(self._version)

    def _publish(self, change: Change) -> None:
        self._log.append(change)
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


LOST = ResourceError("workerautoscalers: list: ConnectError refused")
