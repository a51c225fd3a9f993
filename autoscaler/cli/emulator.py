"""``autoscaler emulator``: the EverAI platform on this machine, for people without an account."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from pathlib import Path
from typing import Annotated

import typer

from autoscaler.app.clock import SystemClock
from autoscaler.emulator import Emulator, Scenario, default_scenario, load_scenario
from autoscaler.model.errors import ConfigurationError

EXIT_BAD_SCENARIO = 2
EXIT_NO_PORT = 1


def emulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="TCP port to listen on; 0 takes a free one.")
    ] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    scenario: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with the emulated apps; without it one app, default/demo.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of all chance; overrides the file's.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=10_000, help="Platform seconds per real second; overrides the file's."
        ),
    ] = None,
) -> None:
    """Emulate the EverAI platform until interrupted.

    Callers show the bearer token of the environment variable EVERAI_TOKEN; where that is not set, a
    random one is made and printed. The books of what happened are at /emulator/books.
    """
    try:
        chosen = default_scenario() if scenario is None else load_scenario(scenario)
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_BAD_SCENARIO) from None
    changes = {"seed": seed, "speed": speed}
    chosen = chosen.model_copy(update={k: v for k, v in changes.items() if v is not None})
    try:
        asyncio.run(_serve(chosen, host, port))
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_BAD_SCENARIO) from None
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror or error}", err=True)
        raise typer.Exit(EXIT_NO_PORT) from None


async def _serve(scenario: Scenario, host: str, port: int) -> None:
    given = os.environ.get("EVERAI_TOKEN", "")
    token = given or secrets.token_urlsafe(24)
    platform = Emulator(scenario, now=SystemClock().now, token=token, host=host, port=port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with platform:
        _introduce(platform, scenario, made_token=not given)
        await stop.wait()


def _introduce(platform: Emulator, scenario: Scenario, *, made_token: bool) -> None:
    apps = ", ".join(f"{app.namespace}/{app.name}" for app in scenario.apps)
    typer.echo(
        f"EverAI platform, emulated: {apps} (seed {scenario.seed}, speed {scenario.speed:g})"
    )
    typer.echo(f"books: {platform.address}/emulator/books")
    typer.echo("To point a client here:")
    typer.echo(f"export EVERAI_ENDPOINT={platform.address}")
    if made_token:
        typer.echo(f"export EVERAI_TOKEN={platform.token}")
