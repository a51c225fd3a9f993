"""All Leases of one set of replicas, read in one call: see :mod:`autoscaler.control.board`."""

from __future__ import annotations

from collections.abc import Mapping

from autoscaler.kubernetes.cluster import Cluster
from autoscaler.kubernetes.lease import KubernetesLease
from autoscaler.ports import Lease


class KubernetesBoard:
    """Implements :class:`autoscaler.ports.LeaseBoard` on the Leases of a namespace."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        """Take the cluster, the name with which all the Leases' begin, and where they are."""
        self._cluster = cluster
        self._name = name
        self._namespace = namespace
        self._leases: dict[str, KubernetesLease] = {}

    async def list(self) -> Mapping[str, Lease]:
        """Return every Lease of that name, or that begins with it and a dash."""
        from lightkube.resources.coordination_v1 import Lease as LeaseObject  # noqa: PLC0415

        found: dict[str, Lease] = {}
        single = self.lease(self._name)
        try:
            async for one in self._cluster.client.list(LeaseObject, namespace=self._namespace):
                name = (one.metadata.name if one.metadata else None) or ""
                if name == self._name or name.startswith(f"{self._name}-"):
                    found[name] = self.lease(name).seen(one)
        except Exception as error:  # noqa: BLE001 - no foreign error leaves this adapter
            raise single.problem(error) from None
        return found

    def lease(self, name: str) -> KubernetesLease:
        """Return the way to one Lease."""
        known = self._leases.get(name)
        if known is None:
            known = KubernetesLease(self._cluster, name, self._namespace)
            self._leases[name] = known
        return known

    async def aclose(self) -> None:
        """Close every connection."""
        await self._cluster.client.close()
