"""Custom objects in Kubernetes: list, watch, status, and the Events that tell about them."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from autoscaler.kubernetes.cluster import NOT_FOUND, Cluster, epoch_s, moment, status_of, words
from autoscaler.model.errors import (
    ResourceError,
    ResourceGone,
    ResourceRefused,
    ResourcesExpired,
    ResourcesUndefined,
)
from autoscaler.ports import (
    Change,
    Changed,
    Deleted,
    Occurrence,
    Resource,
    ResourceKey,
    ResourceKind,
)

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Event

CHUNK = 500
"""Objects per page of a list."""

WATCH_S = 300
"""Seconds after which the server ends a watch; what comes later is asked for anew."""

EVENT_TEXT_MAX = 1024
"""Characters of a message that an Event may have."""

_FORBIDDEN = 403
_UNPROCESSABLE = 422
_GONE = 410
_REFUSALS = frozenset({400, 403, 405, 409, 413, 422})


class KubernetesResources:
    """Implements :class:`autoscaler.ports.Resources`."""

    def __init__(self, cluster: Cluster, kind: ResourceKind, component: str) -> None:
        """Wire up.

        Args:
            cluster: where they are.
            kind: which ones.
            component: who reports events.
        """
        from lightkube.generic_resource import create_namespaced_resource  # noqa: PLC0415

        self._client = cluster.client
        self._kind = kind
        self._component = component
        self._type = create_namespaced_resource(kind.group, kind.version, kind.kind, kind.plural)

    async def list(self, namespace: str | None) -> tuple[tuple[Resource, ...], str]:
        """Return the objects, page by page; only what is used of them is kept."""
        found = self._client.list(self._type, namespace=namespace or "*", chunk_size=CHUNK)
        try:
            items = [_seen(each) async for each in found]
            return tuple(items), found.resourceVersion
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            raise self._problem("list", error) from None

    async def watch(self, namespace: str | None, version: str) -> AsyncIterator[Change]:
        """Yield what changes; the server ends each connection after a while, that is resumed."""
        changes = self._client.watch(
            self._type,
            namespace=namespace or "*",
            resource_version=version,
            server_timeout=WATCH_S,
        )
        try:
            async for what, found in changes:
                seen = _seen(found)
                at = str(getattr(found.metadata, "resourceVersion", ""))
                yield Deleted(at, seen.key) if what == "DELETED" else Changed(at, seen)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            raise self._problem("watch", error) from None

    async def write_status(self, resource: Resource, status: Mapping[str, Any]) -> None:
        """Replace the status; an object that was deleted and made again is another one."""
        from lightkube.types import PatchType  # noqa: PLC0415 - optional

        patch = [
            {"op": "test", "path": "/metadata/uid", "value": resource.uid},
            {"op": "add", "path": "/status", "value": dict(status)},
        ]
        try:
            await self._client.patch(
                self._type.Status,
                resource.key.name,
                patch,
                namespace=resource.key.namespace,
                patch_type=PatchType.JSON,
            )
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            if status_of(error) == _UNPROCESSABLE and await self._is_another(resource):
                raise ResourceGone(f"{resource.key} is another object by now") from None
            raise self._problem(f"status of {resource.key}", error) from None

    async def record(self, occurrence: Occurrence, name: str | None) -> str:
        """Create an Event, or replace one; its series is counted as kubectl shows it."""
        fresh = name or _event_name(occurrence.about.name)
        event = self._event(occurrence, fresh)
        try:
            if name is None:
                await self._client.create(event)
            else:
                await self._client.replace(event)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            raise self._problem(f"event about {occurrence.about}", error) from None
        return fresh

    async def definition(self) -> Mapping[str, Any] | None:
        """Return name and annotations of the definition."""
        from lightkube.resources.apiextensions_v1 import (  # noqa: PLC0415 - optional
            CustomResourceDefinition,
        )

        name = f"{self._kind.plural}.{self._kind.group}"
        try:
            found = await self._client.get(CustomResourceDefinition, name)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            if status_of(error) == _FORBIDDEN:
                return None
            raise self._problem(f"definition {name}", error) from None
        annotations = found.metadata.annotations if found.metadata else None
        return {"name": name, "annotations": dict(annotations or {})}

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def _is_another(self, resource: Resource) -> bool:
        """Whether an object has taken the name: a test that fails looks like a wrong status."""
        key = resource.key
        try:
            found = await self._client.get(self._type, key.name, namespace=key.namespace)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            return status_of(error) == NOT_FOUND
        return _seen(found).uid != resource.uid

    def _event(self, occurrence: Occurrence, name: str) -> Event:
        from lightkube.models.core_v1 import EventSource, ObjectReference  # noqa: PLC0415
        from lightkube.models.meta_v1 import ObjectMeta  # noqa: PLC0415
        from lightkube.resources.core_v1 import Event  # noqa: PLC0415

        about = occurrence.about
        return Event(
            metadata=ObjectMeta(name=name, namespace=about.namespace),
            involvedObject=ObjectReference(
                apiVersion=self._kind.api_version,
                kind=self._kind.kind,
                namespace=about.namespace,
                name=about.name,
                uid=occurrence.uid,
            ),
            type=occurrence.type.value,
            reason=occurrence.reason,
            message=occurrence.text[:EVENT_TEXT_MAX],
            count=occurrence.count,
            firstTimestamp=moment(occurrence.first_at).replace(microsecond=0),
            lastTimestamp=moment(occurrence.last_at).replace(microsecond=0),
            source=EventSource(component=self._component),
            reportingComponent=self._component,
        )

    def _problem(self, doing: str, error: Exception) -> ResourceError:
        if isinstance(error, ResourceError):
            return error
        status = status_of(error)
        text = f"{self._kind.plural}.{self._kind.group}: {doing}: {words(error)}"
        if status == _GONE:
            return ResourcesExpired(text)
        if status == NOT_FOUND:
            return ResourcesUndefined(text) if doing in ("list", "watch") else ResourceGone(text)
        return ResourceRefused(text) if status in _REFUSALS else ResourceError(text)


def _seen(found: Any) -> Resource:
    """Keep what is used of an object; the rest, such as who manages which field, is dropped."""
    metadata = found.metadata
    if metadata is None or not metadata.uid or not metadata.name:
        raise ResourceError("the reply holds something that is no object")
    return Resource(
        key=ResourceKey(metadata.namespace or "", metadata.name),
        uid=metadata.uid,
        generation=metadata.generation or 0,
        created_at=epoch_s(metadata.creationTimestamp),
        spec=found.get("spec") or {},
        status=found.get("status") or {},
    )


def _event_name(about: str) -> str:
    """Return a name for an Event that no other has, within what the cluster allows."""
    return f"{re.sub('[^a-z0-9.-]', '-', about)[:200]}.{secrets.token_hex(8)}"
