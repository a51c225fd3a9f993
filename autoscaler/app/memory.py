"""Opens the configured state store: in memory, a file, or a database that replicas share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from autoscaler.app.database_address import address, address_in
from autoscaler.model.errors import ConfigurationError, StateError
from autoscaler.ports import Clock, State, Trust
from autoscaler.settings import Settings, to_spec
from autoscaler.state import ReignState, ShardedState, SqliteState, StateLockedError, VolatileState

if TYPE_CHECKING:
    from autoscaler.control.shards import Shards
    from autoscaler.state.postgres import PostgresState, StateDatabase

FLUSH_S = 5.0
"""How often memory is written behind."""


def doubt_s(settings: Settings) -> float:
    """Return the longest that an order of which nothing is known may be open."""
    return max((spec.order_deadline_s for spec in to_spec(settings)), default=60.0)


def open_database(settings: Settings, clock: Clock) -> StateDatabase | None:
    """Return the shared database; ``None`` where there is none. Nothing is connected yet.

    Raises:
        ConfigurationError: the address, or the driver, is missing.
    """
    given = settings.state
    if given.url is not None:
        url = address(given.url.get_secret_value(), "state.url")
    elif given.url_file is not None:
        url = address_in(given.url_file, "state.url_file")
    else:
        return None
    from autoscaler.state.postgres import StateDatabase  # noqa: PLC0415 - heavy, and optional

    try:
        return StateDatabase(url, clock)
    except ImportError:
        raise ConfigurationError(
            "state.url needs the package psycopg; install everai-worker-autoscaler[postgres]"
        ) from None


def lone_state(settings: Settings, database: StateDatabase | None, clock: Clock) -> State:
    """Return the store of the only replica; a shared one is to be opened by :func:`open_shared`."""
    return _file(settings) if database is None else reign_state(settings, database, clock)


async def open_shared(state: State) -> None:
    """Open a shared store for the only replica; one that cannot be opened stops nothing."""
    if not isinstance(state, ReignState):
        return
    try:
        await state.open(None)
    except StateError as error:
        say_unusable(error)


def say_unusable(error: StateError) -> None:
    """Say that a store could not be opened when a term began."""
    structlog.get_logger().error(
        "the state store cannot be used; memory lives only as long as this term",
        error=str(error),
        hint="orders and scale-down wait for a while",
    )


def _file(settings: Settings) -> State:
    """Open the file. One that cannot be opened does not stop scaling; it is said."""
    log = structlog.get_logger()
    path = settings.state.path
    if path is None:
        return VolatileState()
    try:
        state = SqliteState(path, settings.everai.endpoint)
    except StateLockedError:
        raise
    except StateError as error:
        log.error(
            "the state store cannot be opened; memory lives only as long as this process",
            error=str(error),
            hint="a restart will hold orders and scale-down for a while; repair state.path",
        )
        return VolatileState(Trust.LOST)
    if state.set_aside is not None:
        log.error("the state store was corrupt and was set aside", moved_to=str(state.set_aside))
    return state


def reign_state(settings: Settings, database: StateDatabase | None, clock: Clock) -> ReignState:
    """Return the store of replicas of which one leads."""

    def opens() -> State:
        return _file(settings) if database is None else _part(settings, database, clock, 0)

    return ReignState(
        opens,
        path=None if database is not None else settings.state.path,
        clock=clock,
        doubt_s=doubt_s(settings),
    )


def sharded_state(
    settings: Settings, database: StateDatabase | None, clock: Clock, shards: Shards
) -> ShardedState:
    """Return the store of replicas that share the apps out."""

    def opens(index: int) -> Callable[[], State]:
        if database is None:
            return lambda: VolatileState(Trust.LOST)
        return lambda: _part(settings, database, clock, index)

    parts = [
        ReignState(opens(index), path=None, clock=clock, doubt_s=doubt_s(settings))
        for index in range(len(shards.reigns))
    ]
    return ShardedState(parts, shards.part_of)


def _part(settings: Settings, database: StateDatabase, clock: Clock, index: int) -> PostgresState:
    from autoscaler.state.postgres import Part, PostgresState  # noqa: PLC0415 - heavy

    given = settings.leader_election
    return PostgresState(
        database,
        settings.everai.endpoint,
        part=Part(index, settings.sharding.shards),
        clock=clock,
        doubt_s=doubt_s(settings),
        fresh_s=given.lease_duration + 3 * given.retry_period + 2 * FLUSH_S,
    )
