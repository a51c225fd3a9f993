"""A progress bar around many simulations; silent where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autoscaler.simulator.lab.parallel import Finished, run_all

Job = TypeVar("Job")
Result = TypeVar("Result")


_WIDE = 160


def console() -> Console:
    """Return standard output for tables: as wide as the terminal, or wide enough for a file."""
    return Console(width=None if sys.stdout.isatty() else _WIDE)


def run_shown(
    what: str, work: Callable[[Job], Result], jobs: Sequence[Job], processes: int
) -> Finished[Job, Result]:
    """Do all jobs as :func:`run_all` does, and show on standard error how far it is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=len(jobs))
        return run_all(work, jobs, processes, lambda _: bar.advance(task))
