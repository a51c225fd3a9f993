"""``autoscaler simulate``: what a policy would cost on a load, and whom it would keep waiting."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoscaler.cli import lab_options as options
from autoscaler.cli.lab_options import EXIT_BAD, EXIT_INTERRUPTED
from autoscaler.decision import AppSpec
from autoscaler.model.errors import AutoscalerError
from autoscaler.simulator.lab.judgement import Judgement, judge
from autoscaler.simulator.lab.platform import Faults, Setup
from autoscaler.simulator.lab.trace import Trace

_REFRESH_S = 0.1


def simulate(
    trace: options.TraceOption,
    policy: Annotated[str, typer.Option(help="The policy; see --set.")] = "slo",
    set_: options.SetOption = None,
    config: options.ConfigOption = None,
    app: Annotated[str, typer.Option(help="With --config: which app.")] = "",
    cold_start: options.ColdStartOption = "60",
    interval: options.IntervalOption = 15.0,
    list_lag: options.ListLagOption = 0.0,
    dispatch: options.DispatchOption = "last-used",
    max_workers: options.MaxWorkersOption = None,
    down_window: options.DownWindowOption = None,
    target_wait: Annotated[
        float | None, typer.Option(min=0, help="Longest good wait; the policy's own, or 10.")
    ] = None,
    warmup: options.WarmupOption = 600.0,
    start_failures: Annotated[
        float, typer.Option(min=0, max=1, help="Share of starts that fail.")
    ] = 0.0,
    request_failures: Annotated[
        float, typer.Option(min=0, max=1, help="Share of requests that fail.")
    ] = 0.0,
    list_failures: Annotated[
        float, typer.Option(min=0, max=1, help="Share of looks that fail.")
    ] = 0.0,
    seed: options.SeedOption = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a load in virtual time through the daemon's own decisions.

    Exit status: 0 done; 2 trace, policy or configuration cannot be used; 130 interrupted (the
    figures of the part until then are printed).
    """
    try:
        load = options.trace_of(trace, seed)
        mean_s, draw = options.cold_start_of(cold_start)
        spec, wait_s, late_share = options.spec_of(
            policy, set_ or [], config, app, interval, down_window
        )
        setup = Setup(
            cold_start_s=draw,
            interval_s=interval,
            list_lag_s=list_lag,
            dispatch=options.dispatch_of(dispatch),
            max_workers=max_workers,
            warmup_s=warmup,
            target_wait_s=wait_s if target_wait is None else target_wait,
            faults=Faults(start_failures, request_failures, list_failures),
            seed=seed,
        )
        judgement = _run(load, spec, setup, mean_s, late_share)
    except (AutoscalerError, ValidationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD) from None
    _tell(judgement, as_json=as_json)


def _tell(judgement: Judgement, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(judgement.as_json()))
    else:
        _show(judgement)
    if judgement.run.interrupted:
        typer.echo(
            f"interrupted after {judgement.run.span_s:.0f} s of virtual time; "
            "the figures are of that part",
            err=True,
        )
        raise typer.Exit(EXIT_INTERRUPTED)


def _run(
    trace: Trace, spec: AppSpec, setup: Setup, cold_start_s: float, late_share: float
) -> Judgement:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(f"simulating {trace.name}", total=_span_s(trace), at="")
        return judge(
            trace,
            spec,
            setup,
            cold_start_s=cold_start_s,
            late_share=late_share,
            stopwatch=perf_counter,
            on_poll=_reporter(bar, task) if not bar.disable else None,
        )


def _reporter(bar: Progress, task: TaskID) -> Callable[[float], None]:
    told = 0.0

    def report(now: float) -> None:
        nonlocal told
        if perf_counter() - told > _REFRESH_S:
            told = perf_counter()
            bar.update(task, completed=now, at=f"{now / 3600:.1f} h simulated")

    return report


def _span_s(trace: Trace) -> float | None:
    duration = getattr(trace, "duration_s", None)
    return float(duration) if duration is not None else None


def _show(judgement: Judgement) -> None:
    table = Table(title=f"{judgement.policy} on {judgement.trace}", show_header=False)
    for name, value in judgement.as_json().items():
        table.add_row(name, "unknown" if value is None else str(value))
    Console(soft_wrap=True).print(table)
