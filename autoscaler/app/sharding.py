"""Wires replicas that share the apps out; and what the metrics show of who acts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import TYPE_CHECKING

import structlog

from autoscaler.app.leadership import (
    Election,
    OnBegin,
    build_single,
    close_state,
    cluster_and_namespace,
    identity,
    pace,
    say_trouble,
)
from autoscaler.app.memory import say_unusable, sharded_state
from autoscaler.control.shards import Shards
from autoscaler.control.supervisor import Supervisor
from autoscaler.model import AppKey
from autoscaler.model.errors import ConfigurationError, StateError
from autoscaler.ports import Clock, Leadership, LeaseBoard, Term
from autoscaler.settings import Settings
from autoscaler.state import FileBoard, ShardedState
from autoscaler.telemetry import Metrics

if TYPE_CHECKING:
    from autoscaler.state.postgres import StateDatabase


@dataclass(frozen=True, slots=True)
class Sharing:
    """All replicas act, each for its shards; implements :class:`Election`."""

    board: LeaseBoard
    shards: Shards
    state: ShardedState

    @property
    def leadership(self) -> Leadership:
        """Who has which shard."""
        return self.shards

    @property
    def acting(self) -> bool:
        """Whether any shard is ours."""
        return any(reign.term is not None for reign in self.shards.reigns)

    @property
    def writes_history(self) -> bool:
        """Each replica writes what happens to its own apps."""
        return True

    @property
    def transitions(self) -> int:
        """How often a shard was won or lost here."""
        return self.shards.transitions

    def part_of(self, app: AppKey) -> int:
        """Return the app's shard."""
        return self.shards.part_of(app)

    def signature(self, app: AppKey | str) -> str:
        """Say who sends, and in which term of which shard."""
        who = self.shards.identity
        if isinstance(app, str):
            return who
        term = self.shards.of(app).term
        shard = f"{who}; shard {self.part_of(app)}/{len(self.shards.reigns)}"
        return shard if term is None else f"{shard}; term {term.number}"

    def may_send(self, app: AppKey | str) -> bool:
        """Whether a change to an app may leave at this moment."""
        return not isinstance(app, str) and self.shards.of(app).left_s() > 0

    async def lead(self, supervisor: Supervisor, on_begin: OnBegin) -> None:
        """Campaign, and act whenever it is our turn, until cancelled."""
        log = structlog.get_logger()

        async def begin(index: int, term: Term) -> None:
            first, part = not self.acting, self.state.parts[index]
            try:
                await part.open(term)
            except StateError as error:
                say_unusable(error)
            log.info("shard taken", identity=self.shards.identity, shard=index, term=term.name,
                     memory_proven=part.proven)  # fmt: skip
            if first:
                group.create_task(on_begin(), name="begin")

        async def end(index: int) -> None:
            await close_state(self.state.parts[index])
            log.info("shard given up", identity=self.shards.identity, shard=index)

        async with asyncio.TaskGroup() as group:
            group.create_task(self.shards.run(supervisor, begin=begin, end=end), name="shards")

    async def leave(self) -> None:
        """Give the seat back: the others make themselves ready for our shards."""
        await self.shards.leave()

    async def release(self) -> None:
        """Give every shard back."""
        await self.shards.release()

    async def await_lead(self, clock: Clock) -> None:  # noqa: ARG002 - it is never our turn
        """Refuse: a pass over all apps would take them from replicas that run.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "nothing was done: with sharding.shards above 1 only replicas that keep running act;"
            " ask one of them (autoscaler status, or its HTTP API)"
        )

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.board.aclose()


def build_election(
    settings: Settings, environ: Mapping[str, str], clock: Clock, database: StateDatabase | None
) -> Election | None:
    """Wire the election that is configured; ``None`` where this is the only replica.

    Raises:
        ConfigurationError: the cluster cannot be used as configured.
    """
    if settings.leader_election.mode == "none":
        return None
    if settings.sharding.shards == 1:
        return build_single(settings, environ, clock, database)
    board = _board(settings, environ)
    shards = Shards(
        board,
        settings.leader_election.lease_name,
        settings.sharding.shards,
        identity(settings.leader_election.identity, environ),
        pace=pace(settings.leader_election),
        clock=clock,
        rng=Random(),  # noqa: S311 - jitters retries, guards nothing
        on_trouble=say_trouble,
    )
    return Sharing(board, shards, sharded_state(settings, database, clock, shards))


def _board(settings: Settings, environ: Mapping[str, str]) -> LeaseBoard:
    given = settings.leader_election
    if given.mode == "file":
        assert given.path is not None  # noqa: S101 - the settings' cross-check
        return FileBoard(given.path, given.lease_name)
    from autoscaler.kubernetes import KubernetesBoard  # noqa: PLC0415 - optional

    cluster, namespace = cluster_and_namespace(settings, environ)
    return KubernetesBoard(cluster, given.lease_name, namespace)


def show(metrics: Metrics, election: Election | None) -> None:
    """Show who acts among the metrics."""
    shards = election.shards if isinstance(election, Sharing) else None
    metrics.live(
        "autoscaler_leader",
        "1 while this replica acts, for all apps or for a shard; without leader election always.",
        lambda: float(election is None or election.leadership.left_s() > 0),
    )
    metrics.live(
        "autoscaler_leader_transitions",
        "How often this replica began or ceased to lead, or to have a shard, since its start.",
        lambda: 0.0 if election is None else float(election.transitions),
    )
    metrics.live(
        "autoscaler_shards",
        "Into how many shards the apps are split; 1 without sharding.",
        lambda: 1.0 if shards is None else float(len(shards.reigns)),
    )
    metrics.live(
        "autoscaler_shards_owned",
        "Shards for whose apps this replica acts now; 0 without sharding.",
        lambda: 0.0 if shards is None else float(shards.owned),
    )
    metrics.live(
        "autoscaler_shard_replicas",
        "Replicas that share the apps out, as this one sees it; 0 without sharding.",
        lambda: 0.0 if shards is None else float(shards.replicas),
    )
    metrics.counted(
        "autoscaler_shard_transitions_total",
        "Shards that this replica won or lost.",
        lambda: 0 if shards is None else shards.transitions,
    )
    metrics.counted(
        "autoscaler_lease_requests_total",
        "Requests for the leases of shards and seats; 0 without sharding.",
        lambda: 0 if shards is None else shards.calls,
    )
