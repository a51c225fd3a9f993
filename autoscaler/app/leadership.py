"""Wires what decides which of several replicas acts, and lives with what it decides.

Either one replica leads and acts for all apps (:class:`Single`), or all share them out
(:class:`autoscaler.app.sharding.Sharing`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from autoscaler.app.memory import reign_state, say_unusable
from autoscaler.control.election import Elector, LeasePace
from autoscaler.control.reign import Reign
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.model.errors import ConfigurationError, StateError
from autoscaler.ports import Clock, Leadership, LeaseStore, State, Term
from autoscaler.settings import LeaderElectionSettings, Settings
from autoscaler.state import FileLease, ReignState

if TYPE_CHECKING:
    from autoscaler.kubernetes.cluster import Cluster
    from autoscaler.state.postgres import StateDatabase

GRACE_S = 1.0
"""Seconds that passes under way are given at a stop: another replica waits for the lease."""

OnBegin = Callable[[], Coroutine[Any, Any, None]]


class Election(Protocol):
    """What a daemon with other replicas beside it has besides. Whoever asked for it closes it."""

    @property
    def leadership(self) -> Leadership:
        """Who acts for which app."""

    @property
    def state(self) -> State:
        """The memory, open for what is ours."""

    @property
    def acting(self) -> bool:
        """Whether this replica acts for any app."""

    @property
    def writes_history(self) -> bool:
        """Whether this replica writes down what happens."""

    @property
    def transitions(self) -> int:
        """How often this replica began or ceased to act, for all or for a shard."""

    def part_of(self, app: AppKey) -> int:
        """Return in which part of the apps an app is."""

    def signature(self, app: AppKey | str) -> str:
        """Say who sends, and in which term: a platform that kept count could fence by it."""

    def may_send(self, app: AppKey | str) -> bool:
        """Whether a change to an app may leave at this moment."""

    async def lead(self, supervisor: Supervisor, on_begin: OnBegin) -> None:
        """Campaign, and act whenever it is our turn, until cancelled."""

    async def leave(self) -> None:
        """Let other replicas know that this one is about to stop."""

    async def release(self) -> None:
        """Give back what is held, once nothing is under way any more."""

    async def await_lead(self, clock: Clock) -> None:
        """Wait until we may act for every app.

        Raises:
            ConfigurationError: others act.
        """

    async def aclose(self) -> None:
        """Let go of every connection."""


@dataclass(frozen=True, slots=True)
class Single:
    """One replica acts, the others stand by; implements :class:`Election`."""

    store: LeaseStore
    elector: Elector
    reign: Reign
    state: ReignState

    @property
    def leadership(self) -> Leadership:
        """Who leads."""
        return self.reign

    @property
    def acting(self) -> bool:
        """Whether this replica leads."""
        return self.reign.term is not None

    @property
    def writes_history(self) -> bool:
        """Whoever leads writes it: the others may share its file."""
        return self.acting

    @property
    def transitions(self) -> int:
        """How often this replica began or ceased to lead."""
        return self.elector.transitions

    def part_of(self, app: AppKey) -> int:  # noqa: ARG002 - all apps are one part
        """Return 0."""
        return 0

    def signature(self, app: AppKey | str) -> str:  # noqa: ARG002 - the same for every app
        """Say who sends, and in which term."""
        term = self.reign.term
        return self.reign.identity if term is None else f"{self.reign.identity}; term {term.number}"

    def may_send(self, app: AppKey | str) -> bool:  # noqa: ARG002 - the same for every app
        """Whether a change may leave at this moment."""
        return self.reign.left_s() > 0

    async def lead(self, supervisor: Supervisor, on_begin: OnBegin) -> None:
        """Campaign, and act whenever it is our turn, until cancelled."""
        log = structlog.get_logger()

        async def begin(term: Term) -> None:
            try:
                await self.state.open(term)
            except StateError as error:
                say_unusable(error)
            log.info("leading", identity=self.reign.identity, term=term.name,
                     memory_proven=self.state.proven)  # fmt: skip
            group.create_task(on_begin(), name="begin")

        async def end() -> None:
            await close_state(self.state)
            log.warning("not leading any more", identity=self.reign.identity,
                        leader=self.reign.leader)  # fmt: skip

        async with asyncio.TaskGroup() as group:
            group.create_task(self.elector.run(), name="elector")
            group.create_task(self.reign.follow(supervisor, begin=begin, end=end), name="reign")

    async def leave(self) -> None:
        """Do nothing: the others wait for the lease."""

    async def release(self) -> None:
        """Give the lease back."""
        await self.elector.release()

    async def await_lead(self, clock: Clock) -> None:
        """Wait until we may act, for as long as a lease without a living holder makes anybody wait.

        Raises:
            ConfigurationError: another replica leads.
        """
        until = clock.now() + 2 * self.elector.pace.duration_s + self.elector.pace.retry_s
        while self.reign.left_s() <= 0:
            if clock.now() >= until:
                who = self.reign.leader or "nobody that can be seen"
                raise ConfigurationError(
                    f"nothing was done: this replica does not lead, {who} does"
                )
            await clock.sleep(0.1)

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.store.aclose()


def build_single(
    settings: Settings, environ: Mapping[str, str], clock: Clock, database: StateDatabase | None
) -> Single:
    """Wire the election of one leader.

    Raises:
        ConfigurationError: the cluster cannot be used as configured.
    """
    given = settings.leader_election
    store = _store(settings, environ)
    elector = Elector(
        store,
        identity(given.identity, environ),
        pace=pace(given),
        clock=clock,
        rng=Random(),  # noqa: S311 - jitters retries, guards nothing
        on_trouble=say_trouble,
    )
    return Single(store, elector, Reign(elector), reign_state(settings, database, clock))


def pace(given: LeaderElectionSettings) -> LeasePace:
    """Return how long things take."""
    return LeasePace(given.lease_duration, given.renew_deadline, given.retry_period)


def identity(given: str | None, environ: Mapping[str, str]) -> str:
    """Return a name that no other process ever has, also not a later one of the same pod."""
    name = given or environ.get("POD_NAME") or socket.gethostname() or "autoscaler"
    return f"{re.sub('[^A-Za-z0-9._-]', '-', name)}_{secrets.token_hex(4)}"


def cluster_and_namespace(settings: Settings, environ: Mapping[str, str]) -> tuple[Cluster, str]:
    """Connect to the cluster; return where the leases are, too.

    Raises:
        ConfigurationError: the cluster cannot be used as configured.
    """
    from autoscaler.kubernetes import connect  # noqa: PLC0415 - optional

    cluster = connect("leader_election.mode kubernetes")
    given = settings.leader_election.namespace
    return cluster, given or environ.get("POD_NAMESPACE") or cluster.namespace


def _store(settings: Settings, environ: Mapping[str, str]) -> LeaseStore:
    given = settings.leader_election
    if given.mode == "file":
        assert given.path is not None  # noqa: S101 - the settings' cross-check
        return FileLease(given.path)
    from autoscaler.kubernetes import KubernetesLease  # noqa: PLC0415 - optional

    cluster, namespace = cluster_and_namespace(settings, environ)
    return KubernetesLease(cluster, given.lease_name, namespace)


def say_trouble(trouble: str) -> None:
    """Say that the lease, or the leases, cannot be reached, or can again."""
    log = structlog.get_logger()
    if trouble:
        log.warning("the lease cannot be reached", error=trouble)
    else:
        log.info("the lease can be reached again")


async def close_state(state: State) -> None:
    """Close the store; what it could not write is said."""
    try:
        await state.close()
    except StateError as error:
        structlog.get_logger().error("the state store was not written at the end", error=str(error))
