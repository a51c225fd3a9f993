"""Apps given as objects of a cluster: what is read of them, and what is told back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of objects, as the cluster's API names it. ``plural``: in addresses, lower case."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """Group and version as objects write them."""
        return f"{self.group}/{self.version}"


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Which object: the cluster's own namespace (not the platform's), and the name in it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Resource:
    """An object as it was last seen.

    Attributes:
        uid: one object's, never another's of the same name. generation: grows with each change of
            the spec. created_at: the cluster's clock, epoch seconds.
        spec: as its author wrote it. status: as we, or a replica of ours, wrote it last.
    """

    key: ResourceKey
    uid: str
    generation: int
    created_at: float
    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)

    @property
    def incarnation(self) -> tuple[str, int]:
        """What makes a spec another one."""
        return self.uid, self.generation


@dataclass(frozen=True, slots=True)
class Changed:
    """An object is there, new or changed, and as seen at ``version`` of the whole."""

    version: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object is gone since ``version`` of the whole."""

    version: str
    key: ResourceKey


Change = Changed | Deleted


class EventType(StrEnum):
    """Whether somebody should look."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened to an object, once or several times alike.

    Attributes:
        reason: CamelCase, for machines. text: one sentence, for people.
        first_at, last_at: our clock, epoch seconds. count: how often, at least once.
    """

    about: ResourceKey
    uid: str
    type: EventType
    reason: str
    text: str
    first_at: float
    last_at: float
    count: int = 1


class Resources(Protocol):
    """The objects of a cluster. The caller limits the time of each call.

    Every method raises :class:`~autoscaler.model.errors.ResourceError` where it does not succeed.
    """

    async def list(self, namespace: str | None) -> tuple[tuple[Resource, ...], str]:
        """Return the objects of a namespace (``None``: of all), and the version of the whole."""

    def watch(self, namespace: str | None, version: str) -> AsyncIterator[Change]:
        """Yield what changes after ``version``, until the connection ends.

        Raises:
            ResourcesExpired: the version is too old; list again.
        """

    async def write_status(self, resource: Resource, status: Mapping[str, Any]) -> None:
        """Put a whole status in place of the one before.

        Raises:
            ResourceGone: there is no such object any more.
        """

    async def record(self, occurrence: Occurrence, name: str | None) -> str:
        """Write an event, or write it anew over the one of that name; return its name.

        Raises:
            ResourceGone: its namespace is not there any more.
        """

    async def definition(self) -> Mapping[str, Any] | None:
        """Return the metadata of the cluster's definition; ``None`` where it may not be read."""

    async def aclose(self) -> None:
        """Let go of every connection."""
