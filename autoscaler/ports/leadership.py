"""Who may act, where several replicas run: the lease that they share, and the fence it gives.

A lease is a record with a holder. Whoever holds it renews it; who sees it unchanged for its whole
duration, by his own clock, may take it. So the holder knows how long it is surely his, and acts no
longer than that, whatever the network does meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Protocol

from autoscaler.model import AppKey


@dataclass(frozen=True, slots=True)
class Term:
    """One reign over a lease.

    Attributes:
        lease_id: which lease; one that was deleted and made again has another.
        number: grows by one with each term of a lease.
    """

    lease_id: str
    number: int

    @property
    def name(self) -> str:
        """Both as one text; no two terms have the same."""
        return f"{self.lease_id}:{self.number}"

    @property
    def before(self) -> str:
        """The name of the term before."""
        return f"{self.lease_id}:{self.number - 1}"


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What stands in a lease.

    Attributes:
        holder: who holds it; empty for nobody. duration_s: how long it must stand unchanged before
            another may take it. number: of the term.
        acquired_at, renewed_at: the holder's clock, epoch seconds. For people: nothing is decided
            by them but whether the record changed.
    """

    holder: str
    duration_s: float
    number: int
    acquired_at: float
    renewed_at: float


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was read. ``version``: opaque; another one after every write."""

    id: str
    version: str
    record: LeaseRecord


class LeaseStore(Protocol):
    """Keeps one lease for all replicas; a write succeeds only on the version that was read.

    Every method raises :class:`~autoscaler.model.errors.LeaseError` where it does not succeed. A
    write that failed may still have happened, also later. The caller limits the time.
    """

    async def read(self) -> Lease | None:
        """Return the lease; ``None`` where there is none yet."""

    async def write(self, record: LeaseRecord, over: Lease | None) -> Lease:
        """Put ``record`` in place of the version that was read; ``None`` makes the lease.

        Raises:
            LeaseTaken: somebody else wrote since.
            LeaseError: it could not be written.
        """

    async def aclose(self) -> None:
        """Let go of every connection."""


class LeaseBoard(Protocol):
    """All leases of one set of replicas, by name. Errors are those of :class:`LeaseStore`."""

    async def list(self) -> Mapping[str, Lease]:
        """Return every lease of the set, in one call; names may be among them that we never use."""

    def lease(self, name: str) -> LeaseStore:
        """Return the way to one lease."""

    async def aclose(self) -> None:
        """Let go of every connection."""


class Leadership(Protocol):
    """What the rest of the program asks before it acts."""

    @property
    def identity(self) -> str:
        """Who we are among the replicas."""

    @property
    def leader(self) -> str:
        """Who leads, as far as is known; empty for nobody."""

    @property
    def term(self) -> Term | None:
        """Our own reign; ``None`` while we do not lead."""

    def left_s(self) -> float:
        """Return for how many seconds from now acting is surely ours alone.

        Read from the clock at each call: 0 as soon as it is not sure any more, also where nobody
        had the time to notice. A call that changes anything ends within it.
        """

    def of(self, app: AppKey) -> Leadership:
        """Return who acts for an app: the same for every app, unless replicas share them out."""

    @property
    def parts(self) -> tuple[Leadership, ...]:
        """The leadership of each shard, in order; empty where one replica acts for all apps."""


class AlwaysLeader:
    """The leadership of a program that runs once."""

    identity = ""
    leader = ""
    term = None
    parts = ()

    def left_s(self) -> float:
        """Return infinity."""
        return inf

    def of(self, app: AppKey) -> Leadership:  # noqa: ARG002 - the same for every app
        """Return itself."""
        return self
