"""The lease of replicas in Kubernetes: a ``coordination.k8s.io/v1`` Lease.

lightkube has no election of its own; that is :mod:`autoscaler.control.election`. The names and
meanings of the fields are client-go's, so ``kubectl get lease`` shows what it shows for any other
controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.kubernetes.cluster import (
    CONFLICT,
    NOT_FOUND,
    Cluster,
    epoch_s,
    moment,
    status_of,
    words,
)
from autoscaler.model.errors import LeaseError, LeaseTaken
from autoscaler.ports import Lease, LeaseRecord

if TYPE_CHECKING:
    from lightkube.models.coordination_v1 import LeaseSpec
    from lightkube.resources.coordination_v1 import Lease as LeaseObject


class KubernetesLease:
    """Implements :class:`autoscaler.ports.LeaseStore` on a Lease object.

    What others have put on the object (labels, annotations, owners) stays as it is.
    """

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self._client = cluster.client
        self._name = name
        self._namespace = namespace
        self._object: LeaseObject | None = None

    async def read(self) -> Lease | None:
        """Return the lease."""
        from lightkube.resources.coordination_v1 import Lease as LeaseObject  # noqa: PLC0415

        try:
            found = await self._client.get(LeaseObject, self._name, namespace=self._namespace)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            if status_of(error) == NOT_FOUND:
                return None
            raise self.problem(error) from None
        return self.seen(found)

    async def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        """Create the lease, or replace the version that was read."""
        made = self._made(record, over)
        try:
            if over is None:
                done = await self._client.create(made)
            else:
                done = await self._client.replace(made)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            if status_of(error) in (CONFLICT, NOT_FOUND):
                why = "it was written, or deleted, by somebody else since it was read"
                raise LeaseTaken(f"lease {self._namespace}/{self._name}: {why}") from None
            raise self.problem(error) from None
        return self.seen(done)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _made(self, record: LeaseRecord, over: Lease | None) -> LeaseObject:
        from lightkube.models.coordination_v1 import LeaseSpec  # noqa: PLC0415
        from lightkube.models.meta_v1 import ObjectMeta  # noqa: PLC0415
        from lightkube.resources.coordination_v1 import Lease as LeaseObject  # noqa: PLC0415

        spec = LeaseSpec(
            holderIdentity=record.holder,
            leaseDurationSeconds=max(1, round(record.duration_s)),
            leaseTransitions=record.number,
            acquireTime=moment(record.acquired_at),
            renewTime=moment(record.renewed_at),
        )
        metadata = ObjectMeta(name=self._name, namespace=self._namespace)
        if over is not None:
            if self._object is not None and self._object.metadata is not None:
                metadata = self._object.metadata
            metadata.resourceVersion = over.version
            metadata.uid = over.id
            metadata.managedFields = None
        return LeaseObject(metadata=metadata, spec=spec)

    def seen(self, found: LeaseObject) -> Lease:
        """Take in the object as the server has it; return the lease that it is."""
        """Take in the object as the server has it; return the lease that it is."""
        metadata, spec = found.metadata, found.spec
        if metadata is None or not metadata.uid or not metadata.resourceVersion:
            raise LeaseError(f"lease {self._namespace}/{self._name}: the reply is no Lease")
        self._object = found
        return Lease(metadata.uid, metadata.resourceVersion, _record(spec))

    def problem(self, error: Exception) -> LeaseError:
        """Return our own error for a foreign one."""
        return LeaseError(f"lease {self._namespace}/{self._name}: {words(error)}")


def _record(spec: LeaseSpec | None) -> LeaseRecord:
    """Return what a Lease says; anyone may have made it, so anything may be missing."""
    if spec is None:
        return LeaseRecord("", float("inf"), 0, 0.0, 0.0)
    return LeaseRecord(
        holder=spec.holderIdentity or "",
        duration_s=float(spec.leaseDurationSeconds or 0),
        number=spec.leaseTransitions or 0,
        acquired_at=epoch_s(spec.acquireTime),
        renewed_at=epoch_s(spec.renewTime),
    )
