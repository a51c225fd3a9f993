"""``autoscaler soak``: the whole system in virtual time, with every fault, seed after seed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoscaler.simulator.soak.page import with_table
from autoscaler.simulator.soak.report import OUTCOMES, RunReport, Summary, holds_by_reason
from autoscaler.simulator.soak.runner import replay_command, run_many
from autoscaler.simulator.soak.world import run_seed

_BROKEN_SHOWN = 20
_WIDTH_ELSEWHERE = 170
"""Columns where the output goes to no terminal: the widest table."""


def soak(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 20,
    first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Replay just this one.")] = None,
    hours: Annotated[float, typer.Option(min=0.5, max=48, help="Simulated hours each.")] = 2.0,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the results to this file too.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Put the table of faults between the marks of this page."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print a replayed seed's event log.")
    ] = False,
) -> None:
    """Prove the rules by simulation: real parts, virtual time, faults drawn from seeds.

    Exit status: 0 if every rule held in every run, else 1.
    """
    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH_ELSEWHERE
    started = perf_counter()
    if seed is not None:
        summary = Summary()
        report = run_seed(seed, hours, print if verbose else None)
        summary.add(report)
        console.print(f"seed {seed}: event log sha256 {report.digest}", highlight=False)
    else:
        numbers = range(first, first + seeds)
        summary = _run(console, numbers, hours, jobs or os.cpu_count() or 1)
    if json_file is not None:
        json_file.write_text(json.dumps(summary.to_json(), indent=2) + "\n", encoding="utf-8")
    if into is not None:
        page = with_table(into.read_text(encoding="utf-8"), summary, first, hours)
        into.write_text(page, encoding="utf-8")
    _show(console, summary, hours, perf_counter() - started)
    sys.exit(1 if summary.broken else 0)


def _run(console: Console, seeds: range, hours: float, jobs: int) -> Summary:
    columns = (
        TextColumn("soak"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("seeds, broken {task.fields[broken]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("soak", total=len(seeds), broken=0)
        failed = 0

        def on_report(report: RunReport) -> None:
            nonlocal failed
            failed += bool(report.broken)
            progress.update(task, advance=1, broken=failed)

        return run_many(seeds, hours, jobs, on_report)


def _show(console: Console, summary: Summary, hours: float, took_s: float) -> None:
    console.print(_fault_table(summary))
    console.print(_outcome_table(summary))
    said: set[int] = set()
    for seed, broken in summary.broken[:_BROKEN_SHOWN]:
        console.print(f"broken: seed {seed}: {broken}", highlight=False, markup=False)
        if seed not in said:
            said.add(seed)
            console.print(f"  replay: {replay_command(seed, hours)}", highlight=False)
    console.print(
        f"{summary.runs} runs, {summary.hours:.1f} simulated hours in {took_s:.0f} s"
        f" ({summary.cpu_s / max(1, summary.runs):.2f} s CPU each),"
        f" {len(summary.broken)} rules broken",
        highlight=False,
    )


def _fault_table(summary: Summary) -> Table:
    table = Table(title="what happened in the runs that had each fault")
    table.add_column("fault")
    for name in ("runs", "hits", *OUTCOMES, "broken"):
        table.add_column(name, justify="right")
    for fault, row in sorted(summary.by_fault.items()):
        outcomes = (row.counts[name] for name in OUTCOMES)
        table.add_row(fault, *map(str, (row.runs, row.hits, *outcomes, row.broken)))
    return table


def _outcome_table(summary: Summary) -> Table:
    table = Table(title="all runs together", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, count in _others(summary):
        table.add_row(name, str(count))
    for reason, count in holds_by_reason(summary.counts):
        table.add_row(f"held: {reason}", str(count))
    return table


def _others(summary: Summary) -> Iterable[tuple[str, int]]:
    return (
        (name, count)
        for name, count in sorted(summary.counts.items())
        if not name.startswith(("fault ", "reason "))
    )
