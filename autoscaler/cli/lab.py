"""``autoscaler lab``: the comparison of policies, made anew on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from autoscaler.cli.progress import run_shown
from autoscaler.simulator.lab import comparison, page, plots
from autoscaler.simulator.lab.comparison import Job, Load, Row

EXIT_BAD = 2
EXIT_INTERRUPTED = 130
Key = tuple[str, str, str, str, float]
COMMITTED = (Path("tests/data/traces"),)
PLACES = (*COMMITTED, Path("../shared/traces"))
QUICK_COLD_STARTS_S = (60.0,)


def lab(
    traces: Annotated[
        list[Path] | None,
        typer.Option("--traces", help="Folder with traces; may be given several times."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for results.json and the tables.")] = Path(
        "lab"
    ),
    images: Annotated[
        Path | None, typer.Option(help="Folder for the plots; by default that of --out.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the tables between the marks of a page, too."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Only the committed traces, as shipped, at a cold start of 60 s."
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep the runs that OUT/results.json already has."),
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one per core.")] = 0,
) -> None:
    """Compare the policies on recorded and made-up loads; write tables (Markdown) and plots.

    Without --quick: every policy as shipped and the peers tuned, at cold starts of 15, 60 and
    180 s; the same on a split by time (train, test); made-up loads that were never used to choose
    anything; slo without each of its ingredients.

    Exit status: 0 done; 2 no trace was found, or a page lacks its marks; 130 interrupted (the
    runs done until then are kept, and --resume goes on from there).
    """
    loads = _loads(traces or (COMMITTED if quick else PLACES))
    out.mkdir(parents=True, exist_ok=True)
    file = out / "results.json"
    rows = {row.key: row for row in comparison.saved(file)} if resume else {}
    interrupted = False
    for what, todo in _sections(loads, quick=quick):
        fresh = [job for job in todo if job.key not in rows]
        interrupted = _run(what, fresh, jobs or os.cpu_count() or 1, rows)
        comparison.save(rows.values(), file)
        if interrupted:
            break
    typer.echo(f"wrote {file}: {len(rows)} runs")
    _write(tuple(comparison.saved(file)), loads, out, images or out, into)
    if interrupted:
        typer.echo("interrupted: the tables are of the runs until then; --resume goes on", err=True)
        raise typer.Exit(EXIT_INTERRUPTED)


def _loads(folders: Sequence[Path]) -> tuple[Load, ...]:
    found: dict[str, Load] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.csv*")):
            name = file.name.split(".", 1)[0]
            found.setdefault(name, Load(name, file))
    if not found:
        typer.echo(f"error: no trace in {', '.join(map(str, folders))}", err=True)
        raise typer.Exit(EXIT_BAD)
    return tuple(found.values())


def _sections(loads: tuple[Load, ...], *, quick: bool) -> Iterator[tuple[str, list[Job]]]:
    if quick:
        yield "as shipped", list(comparison.shipped_jobs(loads, QUICK_COLD_STARTS_S))
        return
    makers: dict[str, Callable[[], Iterator[Job]]] = {
        "as shipped": lambda: comparison.shipped_jobs(loads),
        "train and test": lambda: comparison.split_jobs(loads),
        "loads to judge on": comparison.development_jobs,
        "days and weeks": comparison.season_jobs,
        "held-out loads": comparison.generated_jobs,
        "bounds": lambda: bounds(loads),
        "ablation": lambda: comparison.ablation_jobs(loads),
        "tuning": lambda: comparison.tuned_jobs(loads),
    }
    for what, make in makers.items():
        yield what, list(make())


def bounds(loads: tuple[Load, ...]) -> Iterator[Job]:
    """Give the windows for the certified bound; none without scipy, which solves for it."""
    if find_spec("scipy") is None:
        typer.echo("no certified bound: scipy is not installed (extra 'lab')", err=True)
        return iter(())
    return comparison.bound_jobs(loads)


def _run(what: str, todo: list[Job], processes: int, rows: dict[Key, Row]) -> bool:
    """Do the jobs, add their rows, and return whether it was interrupted."""
    found = run_shown(what, comparison.work, todo, processes)
    rows.update({row.key: row for row in found.results})
    return found.interrupted


def _write(
    rows: tuple[Row, ...],
    loads: tuple[Load, ...],
    out: Path,
    images: Path,
    into: Path | None,
) -> None:
    tables = page.tables(rows, {load.name: page.mean_load(load) for load in loads})
    file = out / "tables.md"
    file.write_text(page.whole(tables), encoding="utf-8")
    typer.echo(f"wrote {file}")
    if into is not None:
        try:
            filled = page.filled(into.read_text(encoding="utf-8"), tables)
        except (OSError, ValueError) as error:
            typer.echo(f"error: {into}: {error}", err=True)
            raise typer.Exit(EXIT_BAD) from None
        into.write_text(filled, encoding="utf-8")
        typer.echo(f"wrote {into}")
    images.mkdir(parents=True, exist_ok=True)
    drawn = plots.comparison(rows, images)
    for picture in drawn:
        typer.echo(f"wrote {picture}")
    if not drawn:
        typer.echo("no plots: matplotlib is not installed (extra 'lab')", err=True)
