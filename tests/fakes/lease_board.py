"""All leases of a set of replicas in memory, over the same bad network as a single one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autoscaler.model.errors import LeaseError
from autoscaler.ports import Clock, Lease, LeaseStore
from tests.fakes.lease import LeaseLink, LeaseServer


@dataclass(slots=True)
class BoardServer:
    """The API server with many leases, made as they are asked for."""

    servers: dict[str, LeaseServer] = field(default_factory=dict)

    def of(self, name: str) -> LeaseServer:
        return self.servers.setdefault(name, LeaseServer())

    def holder(self, name: str) -> str:
        lease = self.of(name).lease
        return "" if lease is None else lease.record.holder


@dataclass(slots=True)
class BoardLink:
    """One replica's way to the server: implements ports.LeaseBoard.

    ``links``: the ways to single leases. ``cut``, ``refused``, ``delay``: as of a LeaseLink.
    """

    server: BoardServer
    clock: Clock
    delay: Callable[[], float] = lambda: 0.0
    cut: bool = False
    refused: bool = False
    links: dict[str, LeaseLink] = field(default_factory=dict)

    async def list(self) -> dict[str, Lease]:
        await self.clock.sleep(self.delay())
        if self.refused:
            raise LeaseError("401 Unauthorized")
        if self.cut:
            await self.clock.sleep(1.0)
            raise LeaseError("unreachable")
        found = {name: each.lease for name, each in self.server.servers.items()}
        await self.clock.sleep(self.delay())
        return {name: lease for name, lease in found.items() if lease is not None}

    def lease(self, name: str) -> LeaseStore:
        if name not in self.links:
            self.links[name] = LeaseLink(self.server.of(name), self.clock, self.delay)
            self.links[name].cut = self.cut
        return self.links[name]

    def set_cut(self, *, cut: bool) -> None:
        self.cut = cut
        for link in self.links.values():
            link.cut = cut

    def refuse(self) -> None:
        """Answer everything with an error from now on."""
        self.refused = True
        for link in self.links.values():
            link.refused = True

    async def aclose(self) -> None:
        for link in self.links.values():
            await link.aclose()
