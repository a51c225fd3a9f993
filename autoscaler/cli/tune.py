"""``autoscaler tune``: the parameters with which a policy is cheapest and keeps its promise."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoscaler.cli import lab_options as options
from autoscaler.cli.lab_options import EXIT_BAD, EXIT_INTERRUPTED
from autoscaler.cli.progress import console
from autoscaler.model.errors import AutoscalerError, ConfigurationError
from autoscaler.simulator.lab import tuning, tuning_plot
from autoscaler.simulator.lab.drivers import PipelineDriver, lab_spec
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.parallel import run_all
from autoscaler.simulator.lab.peers import build, params_of
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.tuning import DOWN_WINDOW, Dimension, Trial, Values

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """One trial to be made, as plain values that can be sent to a process."""

    kind: str
    fixed: Values
    values: Values
    down_window_s: float
    trace: str
    setup: Setup


def tune(
    trace: options.TraceOption,
    policy: Annotated[str, typer.Option(help="The policy whose parameters are searched.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter that stays: name=value.")
    ] = None,
    range_: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="Search only this: name=low:high, name=low:high:log or name=a,b,c. Repeatable; "
            "down_window is the stabilization window. By default every parameter that is a number.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="Runs to make.")] = 64,
    target_wait: Annotated[float, typer.Option(min=0, help="Longest good wait, seconds.")] = 10.0,
    attainment: Annotated[
        float, typer.Option(min=0, max=1, help="Share that must not wait longer.")
    ] = 0.95,
    cold_start: options.ColdStartOption = "60",
    interval: options.IntervalOption = 15.0,
    list_lag: options.ListLagOption = 0.0,
    dispatch: options.DispatchOption = "last-used",
    max_workers: options.MaxWorkersOption = None,
    warmup: options.WarmupOption = 600.0,
    seed: options.SeedOption = 0,
    out: Annotated[Path | None, typer.Option(help="Write the configuration to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw cost against lateness, as SVG.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
) -> None:
    """Search a policy's parameters: least cost with enough requests served in time.

    Shows the trials that no other beats in both, and writes the configuration of the best. The
    same seed gives the same result, whatever the number of processes.

    Exit status: 0 done; 1 no trial reached the attainment (the least late is written); 2 trace or
    policy cannot be used; 130 interrupted (the best so far is written).
    """
    try:
        _, draw = options.cold_start_of(cold_start)
        setup = Setup(
            cold_start_s=draw,
            interval_s=interval,
            list_lag_s=list_lag,
            dispatch=options.dispatch_of(dispatch),
            max_workers=max_workers,
            warmup_s=warmup,
            target_wait_s=target_wait,
            seed=seed,
        )
        case = _Case(policy, set_ or [], range_ or [], trace, setup)
        made, interrupted = case.search(trials, 1 - attainment, jobs or os.cpu_count() or 1)
    except (AutoscalerError, ValidationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD) from None
    if made:
        _tell(case, made, 1 - attainment, out, plot)
    if interrupted:
        typer.echo(f"interrupted: {len(made)} of {trials} trials were made", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)
    if tuning.best(made, 1 - attainment).late > 1 - attainment:
        typer.echo(f"no trial kept {attainment:.1%} within {target_wait:g} s", err=True)
        raise typer.Exit(1)


class _Case:
    """What is searched, and how one trial is made of it."""

    def __init__(
        self, kind: str, fixed: list[str], ranges: list[str], trace: str, setup: Setup
    ) -> None:
        params = params_of(kind)
        self.kind, self.trace, self.setup = kind, trace, setup
        self.fixed = options.values_of(fixed)
        if kind == "slo":
            self.fixed = {"target_wait": setup.target_wait_s, **self.fixed}
        holds = kind in options.SELF_HOLDING
        self.down_window_s = float(
            self.fixed.get(DOWN_WINDOW, 0.0 if holds else options.DOWN_WINDOW_S)
        )
        given = {one.name: one for one in map(_range, ranges)}
        self.dimensions = tuning.space(params, given, self.fixed, down_window=not holds)
        options.trace_of(trace, setup.seed)

    def window_s(self, values: Values) -> float:
        """Return the stabilization window of a trial, seconds."""
        return float(values.get(DOWN_WINDOW, self.down_window_s))

    def search(self, trials: int, allowed: float, processes: int) -> tuple[tuple[Trial, ...], bool]:
        """Make the trials, with a progress bar on standard error."""
        columns = (TextColumn("tuning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        silent = not sys.stderr.isatty()
        with Progress(*columns, console=Console(stderr=True), disable=silent) as bar:
            task = bar.add_task("tuning", total=trials)

            def evaluate(batch: Sequence[Values]) -> tuple[Sequence[Trial], bool]:
                todo = [self._attempt(values) for values in batch]
                found = run_all(attempted, todo, processes, lambda _: bar.advance(task))
                return found.results, found.interrupted

            return tuning.search(
                self.dimensions,
                lambda values: build(self.kind, _own({**self.fixed, **values})),
                evaluate,
                start={},
                trials=trials,
                allowed=allowed,
                rng=Random(f"{self.setup.seed}-tune"),  # noqa: S311 - a search
            )

    def _attempt(self, values: Values) -> Attempt:
        window_s = self.window_s(values)
        return Attempt(self.kind, self.fixed, values, window_s, self.trace, self.setup)


def attempted(attempt: Attempt) -> Trial:
    """Make one trial; runs in a process of its own.

    Raises:
        KeyboardInterrupt: it was interrupted; half a trial says nothing.
    """
    policy = build(attempt.kind, _own({**attempt.fixed, **attempt.values}))
    spec = lab_spec(
        policy, interval_s=attempt.setup.interval_s, down_window_s=attempt.down_window_s
    )
    trace = options.trace_of(attempt.trace, attempt.setup.seed)
    run = simulate(trace, PipelineDriver(spec), attempt.setup)
    if run.interrupted:
        raise KeyboardInterrupt
    actions = run.scale_ups + run.scale_downs
    return Trial(attempt.values, run.cost_over_work, run.share_over_target, actions, run.unserved)


def _own(values: Values) -> Values:
    return {name: value for name, value in values.items() if name != DOWN_WINDOW}


def _range(text: str) -> Dimension:
    name, equals, rest = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not rest:
        raise ConfigurationError(f"--range {text}: must be name=low:high or name=a,b,c")
    if ":" not in rest:
        return Dimension(name, choices=tuple(yaml.safe_load(part) for part in rest.split(",")))
    low, high, *more = rest.split(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise ConfigurationError(f"--range {text}: {low!r} or {high!r} is no number") from None
    if more not in ([], ["log"]) or ends[0] > ends[1] or (more and ends[0] <= 0):
        raise ConfigurationError(
            f"--range {text}: low must not be above high, and above 0 for ':log'"
        )
    whole = "." not in low + high
    return Dimension(name, *ends, whole=whole, logarithmic=bool(more))


def _tell(
    case: _Case, made: tuple[Trial, ...], allowed: float, out: Path | None, plot: Path | None
) -> None:
    best, front = tuning.best(made, allowed), tuning.front(made)
    names = [one.name for one in case.dimensions]
    table = Table(
        *names, "cost / work", "late", "actions",
        title=f"{case.kind}: {len(made)} trials; these no other beats in cost and lateness",
    )  # fmt: skip
    for trial in front[:_SHOWN]:
        style = "bold" if trial is best else None
        cells = [_text(trial.values.get(name, "default")) for name in names]
        table.add_row(
            *cells, f"{trial.cost:.3f}", f"{trial.late:.2%}", str(trial.actions), style=style
        )
    console().print(table)
    first = made[0]
    typer.echo(f"defaults: cost / work {first.cost:.3f}, late {first.late:.2%}")
    typer.echo(f"best:     cost / work {best.cost:.3f}, late {best.late:.2%}\n")
    window_s = case.window_s(best.values)
    text = tuning.snippet(case.kind, _own(case.fixed), best, down_window_s=window_s)
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}")
    if plot is not None:
        plot.write_text(tuning_plot.svg(made, best, allowed), encoding="utf-8")
        typer.echo(f"wrote {plot}")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
