"""``autoscaler validate``: the configuration, without running it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from autoscaler.model import Role
from autoscaler.settings import (
    AppSettings,
    InvalidConfiguration,
    PolicySettings,
    Problem,
    UnreadableConfiguration,
    check,
)
from autoscaler.settings.problems import is_secret, value_text

EXIT_BAD = 1
EXIT_UNREADABLE = 2

_STYLES = {"error": "bold red", "warning": "yellow"}


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The YAML file.")],
) -> None:
    """Check a configuration file and print everything that is wrong with it.

    The environment variables AUTOSCALER_… count too, as they would for `run`.

    Exit status: 0 good (warnings do not change that), 1 bad configuration, 2 the file cannot be
    read. Problems go to standard error, one line per app to standard output.
    """
    try:
        checked = check(file, os.environ)
    except UnreadableConfiguration as error:
        _errors().print(Text.assemble(("error", _STYLES["error"]), f": {error}"))
        raise typer.Exit(EXIT_UNREADABLE) from None
    except InvalidConfiguration as error:
        print_problems(error.problems)
        raise typer.Exit(EXIT_BAD) from None
    print_problems(checked.warnings)
    for app in checked.settings.apps:
        typer.echo(summary(app))


def print_problems(problems: tuple[Problem, ...]) -> None:
    """Print problems to standard error, one a line, and how many there are."""
    if not problems:
        return
    console = _errors()
    for problem in problems:
        console.print(Text.assemble((problem.severity, _STYLES[problem.severity]), f": {problem}"))
    errors = sum(problem.severity == "error" for problem in problems)
    console.print(Text(f"{_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}"))


def summary(app: AppSettings) -> str:
    """Describe an app in one line."""
    policies = ", ".join(_policy(policy) for policy in app.policies)
    paused = "" if app.paused is False else f", paused: {str(app.paused).lower()}"
    bounds = f"{app.min_workers} to {app.max_workers} workers"
    return f"{app.namespace}/{app.name}: {bounds}, every {app.interval:g}s, {policies}{paused}"


def _policy(policy: PolicySettings) -> str:
    """Name a policy with what the file gives it; the rest are defaults."""
    given = policy.params.model_dump(exclude_unset=True).items()
    params = [f"{key}={value_text(value)}" for key, value in given if not is_secret(key)]
    if policy.role is not Role.TARGET:
        params.insert(0, f"role={policy.role.value}")
    return f"{policy.name}({', '.join(params)})" if params else policy.name


def _errors() -> Console:
    """Standard error: colours only on a terminal and without NO_COLOR, and no line is wrapped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
