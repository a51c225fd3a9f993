"""``autoscaler demo``: watch workers rise with the load and fall after it, without an account."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from autoscaler.app.demo import Demo, Frame, Result
from autoscaler.model.errors import AutoscalerError

_ROWS = 14
_COLUMNS = ("time", "load", "queue", "busy", "free", "in flight", "desired", "last reason")


def demo(
    speed: Annotated[
        float, typer.Option(min=0.1, max=10, help="How much faster than two minutes.")
    ] = 1.0,
) -> None:
    """Run the main job on this machine: an emulated platform, a load, and the daemon.

    Exit status: 0 if no request was lost and no rule broken, else 1.
    """
    console = Console()
    folder = Path(mkdtemp(prefix="autoscaler-demo-"))
    show = _Show(console)
    one = Demo(folder, speed)
    try:
        with show:
            result = asyncio.run(one.run(lambda frame: show.frame(frame, one.address)))
    except AutoscalerError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        sys.exit(130)
    _summary(console, result)
    sys.exit(0 if result.clean else 1)


class _Show:
    """A live table on a terminal; a line per change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[tuple[str, ...]] = []
        self._address = ""
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> None:
        if self._live is not None:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def frame(self, frame: Frame, address: str) -> None:
        """Show a moment, if it differs from the last one."""
        if not self._address:
            self._address = address
            where = f"page: {address}/   metrics: {address}/metrics"
            self._console.print(where, soft_wrap=True)
        row = _row(frame)
        if row is None or (self._rows and row[1:] == self._rows[-1][1:]):
            return
        if not self._rows and self._live is None:
            self._console.print(_line(_COLUMNS))
        self._rows = [*self._rows, row][-_ROWS:]
        if self._live is None:
            self._console.print(_line(row), soft_wrap=True, highlight=False)
        else:
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(expand=False)
        for column in _COLUMNS:
            table.add_column(
                column, justify="left" if column in ("load", "last reason") else "right"
            )
        for row in self._rows:
            table.add_row(*row)
        return table


def _line(row: tuple[str, ...]) -> str:
    widths = (6, 8, 6, 5, 5, 10, 8, 0)
    return " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _row(frame: Frame) -> tuple[str, ...] | None:
    decision = frame.status and frame.status.get("decision")
    if not decision or decision.get("census") is None:
        return None
    census: dict[str, Any] = decision["census"]
    reason = decision["reason"]
    if decision["action"] != "hold":
        sign = "+" if decision["action"] == "scale_up" else "-"
        reason = f"{reason} {sign}{decision['count']}"
    starting = census["in_flight"] + census["on_order"]
    cells = (decision["queue_size"], census["busy"], census["free"], starting, decision["desired"])
    return (f"{frame.elapsed_s:.0f} s", frame.phase, *map(str, cells), reason)


def _summary(console: Console, result: Result) -> None:
    requests, waits = result.books["requests"], result.books["waits"]
    table = Table(title="summary", show_header=False, min_width=44)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("requests served", f"{requests['served']} of {requests['arrived']}"),
        ("wait p50 / p95", f"{waits['p50_s']:.1f} s / {waits['p95_s']:.1f} s"),
        ("worker-seconds paid", f"{result.books['worker_seconds']:.0f}"),
        ("worker-seconds of work in them", f"{result.books['work_s']:.0f}"),
        ("workers started / stopped", "{started} / {stopped}".format(**result.books["workers"])),
        ("requests lost", str(result.lost)),
        ("rules broken", str(result.books["broken_count"])),
        ("daemon's exit status", str(result.exit_status)),
    ):
        table.add_row(name, value)
    console.print(table)
    for breach in result.books["broken"][:10]:
        console.print(f"broken: {breach['rule']}: {breach['detail']}")
    if not result.clean:
        console.print(f"the daemon's log: {result.log}")
