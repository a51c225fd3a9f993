"""``autoscaler lab``: the comparison of policies, made anew on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autoscaler.simulator.lab import report
from autoscaler.simulator.lab.report import Job, Row

PUBLISHED = (
    "azure23_llm_code",
    "azure23_llm_conv",
    "gentd26_lora_a",
    "gentd26_lora_fold_a",
    "gentd26_qps_a",
    "gentd26_qps_x5_a",
)
"""Traces of the published table."""


def lab(
    traces: Annotated[
        list[Path] | None,
        typer.Option("--traces", help="Folder with traces; may be given several times."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for table and plot.")] = Path("lab"),
    tune: Annotated[
        bool, typer.Option("--tune", help="Tune the peers in hindsight, too (slow).")
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
) -> None:
    """Compare the policies on recorded traces and write the tables (Markdown) and the plot.

    Exit status: 0 done; 2 no trace was found.
    """
    folders = traces or [Path("tests/data/traces"), Path("../shared/traces")]
    found: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.csv*")):
            found.setdefault(file.name.split(".", 1)[0], file)
    if not found:
        typer.echo(f"error: no trace in {', '.join(map(str, folders))}", err=True)
        raise typer.Exit(2)
    files = tuple(found.values())
    processes = jobs or os.cpu_count() or 1
    shipped = _run("as shipped", tuple(report.jobs(files)), processes)
    text = ["# Policies compared\n", "As shipped, one configuration for all:\n"]
    text += [report.summary(shipped)]
    if tune:
        tried = _run("tuning", tuple(report.tuning_jobs(files)), processes)
        best = report.best_per_scenario(tried)
        text += ["Tuned per scenario in hindsight:\n", report.summary(best)]
    missing = [name for name in PUBLISHED if name not in found]
    if missing:
        text += [f"Not there, so not in the tables: {', '.join(missing)}.\n"]
    text += ["## Every scenario, as shipped\n", report.details(shipped)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "comparison.md").write_text("\n".join(text), encoding="utf-8")
    typer.echo(f"wrote {out / 'comparison.md'}")
    if report.plot(shipped, out / "comparison.png"):
        typer.echo(f"wrote {out / 'comparison.png'}")
    else:
        typer.echo("no plot: matplotlib is not installed", err=True)


def _run(what: str, todo: tuple[Job, ...], processes: int) -> tuple[Row, ...]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=len(todo))
        rows = report.run_all(todo, processes, lambda _: bar.advance(task))
    if len(rows) < len(todo):
        typer.echo(f"interrupted: {len(rows)} of {len(todo)} runs are in the tables", err=True)
    return rows
