"""``status --platform``: workers and queue as the EverAI platform itself tells them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251 - an instance to inject is made here
from typing import Any, Literal

import typer

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import app_key
from autoscaler.cli.exits import OK, TROUBLE, UNOBSERVED, USAGE, CommandError, say
from autoscaler.cli.moments import length
from autoscaler.cli.output import console, number, print_data, print_table, table
from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import PRESENT, AppInfo, AppKey, Observation, Worker
from autoscaler.model.errors import ConfigurationError, PlatformError
from autoscaler.settings.sections import EveraiSettings
from autoscaler.telemetry.serialize import observation_fields

_AT_ONCE = 8
"""Lists that are asked for at a time."""

_NUMBERS = frozenset({"WORKERS", "FREE", "BUSY", "STARTING", "QUEUE", "MAX"})
_OF_A_WORKER = frozenset({"SESSIONS", "SERVED", "FAILED", "AGE", "IDLE"})


@dataclass(frozen=True, slots=True)
class _Look:
    """What the platform said of an app; ``observation`` is an error where it said nothing."""

    key: AppKey
    observation: Observation | PlatformError
    info: AppInfo | None = None


def show_platform(
    names: Sequence[str], namespace: str, form: Literal["table", "wide", "json", "yaml", "name"]
) -> int:
    """Print apps, of one that is named its workers too; return the exit status.

    Args:
        names: which apps; empty for all.
        namespace: of all; empty for every one.
        form: of the answer.

    Raises:
        CommandError: the platform cannot be asked.
    """
    keys = [app_key(name, namespace or "default") for name in names]
    try:
        looks = asyncio.run(_look(keys, namespace))
    except ConfigurationError as error:
        raise CommandError(str(error), USAGE) from None
    except PlatformError as error:
        raise CommandError(str(error), TROUBLE) from None
    _print(looks, form, home=namespace, single=len(keys) == 1)
    unseen = [look.observation for look in looks if isinstance(look.observation, PlatformError)]
    for each in unseen:
        say(f"error: {each}")
    return UNOBSERVED if unseen else OK


async def _look(keys: list[AppKey], namespace: str) -> list[_Look]:
    clock = SystemClock()
    endpoint = os.environ.get("EVERAI_ENDPOINT", "").strip() or EveraiSettings().endpoint
    client = EverAIClient(
        endpoint,
        TokenSource.discover(None, os.environ),
        clock=clock,
        rng=Random(),  # noqa: S311 - jitters retries, guards nothing
    )
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(key: AppKey, info: AppInfo | None) -> _Look:
        async with places:
            try:
                return _Look(key, await client.list_workers(key), info)
            except PlatformError as error:
                return _Look(key, error, info)

    async with client:
        asked: list[tuple[AppKey, AppInfo | None]] = [(key, None) for key in keys]
        if not keys:
            infos = await client.list_apps(namespace or None)
            asked = [(info.key, info) for info in sorted(infos, key=lambda info: info.key)]
        return list(await asyncio.gather(*(one(*each) for each in asked)))


def _print(looks: list[_Look], form: str, *, home: str, single: bool) -> None:
    seen = [(look, look.observation) for look in looks if isinstance(look.observation, Observation)]
    if form in ("json", "yaml"):
        items = [observation_fields(observation) for _, observation in seen]
        whole: Any = items[0] if single and items else {"count": len(items), "items": items}
        print_data(whole, "json" if form == "json" else "yaml")
    elif form == "name":
        for look, _ in seen:
            typer.echo(str(look.key))
    elif not looks:
        say("the platform lists no apps there; -A shows every namespace")
    elif seen:
        print_table(_apps([_cells(*each, home) for each in seen]), to=console())
        if single and seen[0][1].workers:
            typer.echo("")
            print_table(_workers(seen[0][1]), to=console())


def _apps(rows: list[list[str]]) -> Any:
    columns = ("NAME", "SCALER", "WORKERS", "FREE", "BUSY", "STARTING", "QUEUE", "MAX")
    return table(columns, rows, right=_NUMBERS)


def _cells(look: _Look, seen: Observation, home: str) -> list[str]:
    states = [worker.state.value for worker in seen.workers]
    queue = seen.queue_size if isinstance(seen.queue_size, int) else None
    return [
        look.key.name if look.key.namespace == home else str(look.key),
        "-" if look.info is None else look.info.scaler.value,
        str(sum(worker.state in PRESENT for worker in seen.workers)),
        *(str(states.count(kind)) for kind in ("free", "busy", "in_flight")),
        number(queue),
        number(seen.max_workers),
    ]


def _workers(seen: Observation) -> Any:
    columns = ("WORKER", "STATE", "GPU", "SESSIONS", "SERVED", "FAILED", "AGE", "IDLE")
    return table(columns, [_worker(worker, seen) for worker in seen.workers], right=_OF_A_WORKER)


def _worker(worker: Worker, seen: Observation) -> list[str]:
    idle = worker.last_serve_at if worker.state.value == "free" else None
    return [
        worker.id,
        worker.state.value,
        f"{worker.gpu_num} {worker.gpu_model}" if worker.gpu_model else "-",
        str(worker.session_number),
        str(worker.success_count),
        str(worker.failed_count),
        length(None if worker.created_at is None else seen.age(worker.created_at)),
        length(None if idle is None else seen.age(idle)),
    ]
