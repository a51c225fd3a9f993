"""``autoscaler policies`` and ``schedule preview``: which policies there are, what they will do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoscaler.app.clock import SystemClock
from autoscaler.cli.validate import EXIT_BAD, EXIT_UNREADABLE, print_problems
from autoscaler.policies import Policy
from autoscaler.policies import policies as all_policies
from autoscaler.policies.schedule import ScheduleParams, preview
from autoscaler.settings import (
    AppSettings,
    InvalidConfiguration,
    Settings,
    UnreadableConfiguration,
    check,
)
from autoscaler.settings.reference import parameters, with_parameters
from autoscaler.simulator.portraits import SITTERS, DrawingError, draw

_DAYS_MAX = 3660

schedule = typer.Typer(name="schedule", help="Schedules of apps.", no_args_is_help=True)


def policies(
    kind: Annotated[str | None, typer.Argument(help="One policy only.", show_default=False)] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw each policy's answer to three loads into DIR."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put the parameter tables between the marks of a page."),
    ] = None,
) -> None:
    """List the policies, built-in ones and plug-ins, with their parameters, defaults and units.

    With --plot (which needs matplotlib, the extra "lab") or --into, that is done instead.

    Exit status: 0; 1 where there is no policy of that name, or nothing can be drawn.
    """
    known = all_policies()
    if kind is not None and kind not in known:
        raise _refused(f"there is no policy {kind!r}; known: {', '.join(known)}")
    if plot is not None:
        _plot(plot, kind)
    if into is not None:
        into.write_text(with_parameters(into.read_text(encoding="utf-8")), encoding="utf-8")
    if plot is not None or into is not None:
        return
    console = Console(highlight=False, soft_wrap=True)
    for name in known if kind is None else (kind,):
        console.print(Text(f"{name}  {summary(known[name])}", style="bold"))
        console.print(_table(name))


def _plot(folder: Path, kind: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sitters = [each for each in SITTERS if kind in (None, each.kind)]
    if not sitters:
        raise _refused(f"there is no picture of {kind}, only of the policies that are built in")
    for sitter in sitters:
        file = folder / f"{sitter.kind}.svg"
        try:
            draw(sitter, file)
        except DrawingError as error:
            raise _refused(str(error)) from None
        except ValueError as error:
            words = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            why = words.removeprefix("Value error, ")
            typer.echo(f"note: {sitter.kind} was not drawn: {why}", err=True)
            continue
        typer.echo(f"wrote {file}")


def summary(policy: type[Policy]) -> str:
    """Return the first line of a policy's docstring."""
    return (policy.__doc__ or "").strip().partition("\n")[0]


def _table(kind: str) -> Table | Text:
    rows = parameters(kind)
    if not rows:
        return Text("  no parameters\n")
    table = Table("parameter", "type", "default", "meaning", box=None, padding=(0, 2, 0, 2))
    for each in rows:
        default = each.default or "required"
        cells = (each.name, each.type.replace("`", ""), default, each.meaning)
        table.add_row(*(Text(cell) for cell in cells))
    return table


@schedule.command("preview")
def schedule_preview(
    app: Annotated[str, typer.Argument(help="The app: NAME or NAMESPACE/NAME.")],
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help="YAML configuration file.")
    ],
    days: Annotated[float, typer.Option(min=0, max=_DAYS_MAX, help="How far ahead.")] = 14.0,
) -> None:
    """Show when the windows of an app's schedules open and close next, summer time included.

    Exit status: 0; 1 bad configuration, no such app, or an app without a schedule; 2 the
    configuration cannot be read.
    """
    found = _app(_settings(config), app)
    lines = list(preview_lines(found, datetime.fromtimestamp(SystemClock().now(), UTC), days))
    if not lines:
        raise _refused(f"app {found.namespace}/{found.name} has no policy of type schedule")
    for line in lines:
        typer.echo(line)


def preview_lines(app: AppSettings, now: datetime, days: float) -> Iterator[str]:
    """Yield a line per opening of every schedule of an app, in the schedule's own time."""
    for policy in app.policies:
        if not isinstance(policy.params, ScheduleParams):
            continue
        yield f"{policy.name} ({policy.params.timezone}), the next {days:g} days:"
        openings = preview(policy.params, now, days)
        for opening in openings:
            window = policy.params.windows[opening.window]
            keys = ("min_workers", "max_workers", "workers")
            values = ((key, getattr(window, key)) for key in keys)
            sets = ", ".join(f"{key} {value}" for key, value in values if value is not None)
            note = ", replaced by a one-off window meanwhile" if opening.replaced else ""
            yield (
                f"  {_time(opening.start)} to {_time(opening.end)}"
                f"  window {policy.params.title(opening.window)}: {sets}{note}"
            )
        if not openings:
            yield "  no window opens"


def _time(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M %z}"


def _settings(config: Path) -> Settings:
    try:
        return check(config, os.environ).settings
    except UnreadableConfiguration as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_UNREADABLE) from None
    except InvalidConfiguration as error:
        print_problems(error.problems)
        raise typer.Exit(EXIT_BAD) from None


def _app(settings: Settings, name: str) -> AppSettings:
    found = [app for app in settings.apps if name in (app.name, f"{app.namespace}/{app.name}")]
    if len(found) != 1:
        known = ", ".join(f"{app.namespace}/{app.name}" for app in settings.apps)
        what = "is in several namespaces" if found else "is not configured"
        raise _refused(f"app {name!r} {what}; known: {known}")
    return found[0]


def _refused(message: str) -> typer.Exit:
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(EXIT_BAD)
