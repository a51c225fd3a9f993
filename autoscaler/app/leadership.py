"""Wires what decides which of several replicas acts, and lives with what it decides."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import Any

import structlog

from autoscaler.control.election import Elector, LeasePace
from autoscaler.control.reign import Reign
from autoscaler.control.supervisor import Supervisor
from autoscaler.model.errors import ConfigurationError, StateError
from autoscaler.ports import Clock, LeaseStore, State, Term
from autoscaler.settings import Settings, to_spec
from autoscaler.state import FileLease, ReignState
from autoscaler.telemetry import Metrics

GRACE_S = 1.0
"""Seconds that passes under way are given at a stop: another replica waits for the lease."""


@dataclass(frozen=True, slots=True)
class Election:
    """What a daemon with other replicas beside it has besides. Whoever asked for it closes it."""

    store: LeaseStore
    elector: Elector
    reign: Reign
    state: ReignState

    def signature(self) -> str:
        """Say who sends, and in which term: a platform that kept count could fence by it."""
        term = self.reign.term
        return self.reign.identity if term is None else f"{self.reign.identity}; term {term.number}"

    def may_send(self) -> bool:
        """Whether a change may leave at this moment."""
        return self.reign.left_s() > 0


def build_election(
    settings: Settings,
    environ: Mapping[str, str],
    clock: Clock,
    open_state: Callable[[], State],
) -> Election | None:
    """Wire the election that is configured; ``None`` where this is the only replica.

    Raises:
        ConfigurationError: the cluster cannot be used as configured.
    """
    given = settings.leader_election
    if given.mode == "none":
        return None
    store = _store(settings, environ)
    elector = Elector(
        store,
        identity(given.identity, environ),
        pace=LeasePace(given.lease_duration, given.renew_deadline, given.retry_period),
        clock=clock,
        rng=Random(),  # noqa: S311 - jitters retries, guards nothing
        on_trouble=_say_trouble,
    )
    state = ReignState(
        open_state,
        path=settings.state.path,
        clock=clock,
        doubt_s=max((spec.order_deadline_s for spec in to_spec(settings)), default=60.0),
    )
    return Election(store, elector, Reign(elector), state)


def identity(given: str | None, environ: Mapping[str, str]) -> str:
    """Return a name that no other process ever has, also not a later one of the same pod."""
    name = given or environ.get("POD_NAME") or socket.gethostname() or "autoscaler"
    return f"{re.sub('[^A-Za-z0-9._-]', '-', name)}_{secrets.token_hex(4)}"


def _store(settings: Settings, environ: Mapping[str, str]) -> LeaseStore:
    given = settings.leader_election
    if given.mode == "file":
        assert given.path is not None  # noqa: S101 - the settings' cross-check
        return FileLease(given.path)
    from autoscaler.kubernetes import KubernetesLease, connect  # noqa: PLC0415 - optional

    cluster = connect("leader_election.mode kubernetes")
    namespace = given.namespace or environ.get("POD_NAMESPACE") or cluster.namespace
    return KubernetesLease(cluster, given.lease_name, namespace)


def _say_trouble(trouble: str) -> None:
    log = structlog.get_logger()
    if trouble:
        log.warning("the lease cannot be reached", error=trouble)
    else:
        log.info("the lease can be reached again")


def show(metrics: Metrics, election: Election | None) -> None:
    """Show who leads among the metrics."""
    metrics.live(
        "autoscaler_leader",
        "1 while this replica acts; without leader election always.",
        lambda: float(election is None or election.reign.left_s() > 0),
    )
    metrics.live(
        "autoscaler_leader_transitions",
        "How often this replica began or ceased to lead since its start.",
        lambda: 0.0 if election is None else float(election.elector.transitions),
    )


async def lead(
    election: Election, supervisor: Supervisor, on_begin: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Campaign, and act whenever it is our turn, until cancelled."""
    log = structlog.get_logger()

    async def begin(term: Term) -> None:
        try:
            await election.state.open(term)
        except StateError as error:
            log.error(
                "the state store cannot be used; memory lives only as long as this term",
                error=str(error),
                hint="orders and scale-down wait for a while",
            )
        log.info("leading", identity=election.reign.identity, term=term.name,
                 memory_proven=election.state.proven)  # fmt: skip
        group.create_task(on_begin(), name="begin")

    async def end() -> None:
        await close_state(election.state)
        log.warning("not leading any more", identity=election.reign.identity,
                    leader=election.reign.leader)  # fmt: skip

    async with asyncio.TaskGroup() as group:
        group.create_task(election.elector.run(), name="elector")
        group.create_task(election.reign.follow(supervisor, begin=begin, end=end), name="reign")


async def close_state(state: State) -> None:
    """Close the store; what it could not write is said."""
    try:
        await state.close()
    except StateError as error:
        structlog.get_logger().error("the state store was not written at the end", error=str(error))


async def await_lead(election: Election, clock: Clock) -> None:
    """Wait until we may act, for as long as a lease without a living holder makes anybody wait.

    Raises:
        ConfigurationError: another replica leads.
    """
    until = clock.now() + 2 * election.elector.pace.duration_s + election.elector.pace.retry_s
    while election.reign.left_s() <= 0:
        if clock.now() >= until:
            who = election.reign.leader or "nobody that can be seen"
            raise ConfigurationError(f"nothing was done: this replica does not lead, {who} does")
        await clock.sleep(0.1)
