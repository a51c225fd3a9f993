"""Names of apps for the shell's completion, from the running daemon; silent where none answers."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from autoscaler.cli.access import TOKEN_FILE, connect
from autoscaler.cli.exits import CommandError
from autoscaler.cli.remote import DEFAULT_URL, AppFilter

TIMEOUT_S = 1.0
"""Whoever presses the tabulator does not wait longer."""

NAMES_MAX = 200


def complete_app(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the apps that begin so: bare names of the namespace in force, else qualified ones."""
    namespace = ctx.params.get("namespace") or os.environ.get("AUTOSCALER_NAMESPACE") or "default"
    names = _known(ctx, incomplete)
    found = [name if home == namespace else f"{home}/{name}" for home, name in names]
    if "/" in incomplete:
        found = [f"{home}/{name}" for home, name in names]
    return [each for each in found if each.startswith(incomplete)]


def complete_namespace(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the namespaces that begin so."""
    homes = {home for home, _ in _known(ctx, incomplete)}
    return sorted(home for home in homes if home.startswith(incomplete))


def _known(ctx: typer.Context, part: str) -> list[tuple[str, str]]:
    url = ctx.params.get("url") or os.environ.get("AUTOSCALER_URL") or DEFAULT_URL
    file = ctx.params.get("token_file") or os.environ.get(TOKEN_FILE) or None
    try:
        with connect(url, Path(file) if file else None, timeout_s=TIMEOUT_S) as remote:
            apps = remote.apps(AppFilter(search=part), limit=NAMES_MAX)
            return [(app["namespace"], app["name"]) for app in apps]
    except (CommandError, KeyError, TypeError):
        return []
