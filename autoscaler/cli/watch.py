"""Looking again and again: a table redrawn on a terminal, a line per change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from autoscaler.cli.exits import TROUBLE, CommandError, printable, say
from autoscaler.cli.moments import stamp
from autoscaler.cli.output import console
from autoscaler.cli.remote import Fields
from autoscaler.ports import Clock

EVERY_S = 2.0


class Shown(Protocol):
    """How apps are shown."""

    @property
    def form(self) -> str:
        """Return the form of the answer: table, wide, json, yaml or name."""

    def key(self, app: Fields) -> str:
        """Return what an app is called."""

    def word(self, app: Fields) -> object:
        """Return what makes an app's line another one."""

    def table(self, apps: Sequence[Fields], *, headers: bool = True) -> Table:
        """Return the lines as a table."""

    def print(self, apps: Sequence[Fields], *, headers: bool = True) -> None:
        """Print lines, once."""


def watch(
    source: Callable[[], list[Fields]], show: Shown, interval_s: float, clock: Clock
) -> NoReturn:
    """Look until interrupted. Once it has begun, trouble is said and does not end it.

    Raises:
        CommandError: the first look failed, or a later one as no later one will succeed.
        KeyboardInterrupt: somebody has seen enough.
    """
    apps = source()
    if sys.stdout.isatty() and show.form in ("table", "wide"):
        _redraw(apps, source, show, interval_s, clock)
    _tell_changes(apps, source, show, interval_s)


def _redraw(
    apps: list[Fields],
    source: Callable[[], list[Fields]],
    show: Shown,
    interval_s: float,
    clock: Clock,
) -> NoReturn:
    trouble = ""
    with Live(console=console(), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            foot = trouble or f"{stamp(clock.now(), form='%H:%M:%S')}  Ctrl-C ends"
            style = "red" if trouble else "dim"
            live.update(Group(show.table(apps), Text(printable(foot), style=style)), refresh=True)
            time.sleep(interval_s)
            try:
                apps, trouble = source(), ""
            except CommandError as error:
                trouble = _passing(error)


def _tell_changes(
    apps: list[Fields], source: Callable[[], list[Fields]], show: Shown, interval_s: float
) -> NoReturn:
    told: dict[str, object] = {}
    headers, troubled = True, False
    while True:
        words = {show.key(app): show.word(app) for app in apps}
        news = [app for app in apps if told.get(show.key(app)) != words[show.key(app)]]
        if news:
            show.print(news, headers=headers)
            sys.stdout.flush()
            headers = False
        for gone in told.keys() - words.keys():
            say(f"{gone} is not listed any more")
        told = words
        time.sleep(interval_s)
        try:
            apps, troubled = source(), False
        except CommandError as error:
            trouble = _passing(error)
            if not troubled:
                say(f"error: {trouble}")
            troubled = True


def _passing(error: CommandError) -> str:
    """Return the words of an error that may pass; raise one that will not."""
    if error.status != TROUBLE:
        raise error
    return str(error)
