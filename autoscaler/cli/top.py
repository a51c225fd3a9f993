"""``autoscaler top``: every app live on the terminal, the busiest first."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.live import Live

from autoscaler.app.clock import SystemClock
from autoscaler.cli.access import connect
from autoscaler.cli.exits import TROUBLE, CommandError
from autoscaler.cli.keys import Keys
from autoscaler.cli.options import AllNamespaces, Namespace, TokenFile, Url
from autoscaler.cli.output import console
from autoscaler.cli.remote import DEFAULT_URL, AppFilter, Remote
from autoscaler.cli.top_view import ORDERS, TREND, View, key_of
from autoscaler.cli.watch import EVERY_S
from autoscaler.model import AppKey

COURSE_S = 1800.0
"""What the courses cover, seconds, where the daemon has a history."""

SEEDED_EVERY_S = 30.0
"""The history is asked again after so many seconds; it has a sample a minute."""

SEEDED_MAX = 60
"""Apps whose course is asked for in one look."""

_SLICE_S = 0.25
"""A changed size of the terminal is noticed within this time."""

_TERMINATED = 143


def top(
    namespace: Namespace = "default",
    all_namespaces: AllNamespaces = False,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only apps whose name holds this.")
    ] = "",
    sort: Annotated[
        str, typer.Option(help=f"Order to begin with: {', '.join(ORDERS)}.", show_default=True)
    ] = ORDERS[0],
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")
    ] = EVERY_S,
    once: Annotated[
        bool, typer.Option("--once", help="Print it once, as where no terminal is.")
    ] = False,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
) -> None:
    """Show all apps live: states, workers, queues and their course, the longest queue first.

    Keys: q quits, s sorts by the next column, r turns the order round, the arrow keys scroll.

    Exit status: 0 quit; 1 no daemon answers; 2 wrong usage.
    """
    if sort not in ORDERS:
        raise typer.BadParameter(f"{sort!r} is no order; one of {', '.join(ORDERS)}")
    with connect(url, token_file) as remote:
        wanted = AppFilter("" if all_namespaces else namespace, search)
        screen = _Screen(remote, wanted, sort)
        if once or not sys.stdout.isatty():
            screen.print()
        else:
            screen.run(interval)


class _Screen:
    """Looks at the daemon and keeps the view up to date."""

    def __init__(self, remote: Remote, wanted: AppFilter, order: str) -> None:
        self._remote = remote
        self._wanted = wanted
        self._clock = SystemClock()
        self._console = console()
        unicode = self._console.encoding.lower().startswith("utf")
        self._view = View(remote.url, order, unicode=unicode)
        self._history = True
        self._seeded: dict[str, float] = {}

    def print(self) -> None:
        """Print what there is, once."""
        self._look(None)
        self._console.print(self._view.render(self._clock.now(), self._console.width, None))

    def run(self, interval_s: float) -> None:
        """Show it until somebody quits."""
        self._look(self._console.height)
        with (
            _ended_by_signal(),
            Keys() as keys,
            Live(console=self._console, screen=True, auto_refresh=False) as live,
        ):
            looked = self._clock.now()
            while True:
                size = self._console.size
                view = self._view.render(self._clock.now(), size.width, size.height)
                live.update(view, refresh=True)
                key = self._wait(keys, looked + interval_s, size)
                if key in ("q", "Q", "\x1b"):
                    return
                self._view.press(key, size.height)
                if self._clock.now() >= looked + interval_s:
                    self._try_to_look(size.height)
                    looked = self._clock.now()

    def _wait(self, keys: Keys, until: float, size: Any) -> str:
        """Wait for a key, the time, or another size of the terminal."""
        while (left := until - self._clock.now()) > 0 and self._console.size == size:
            if key := keys.wait(min(left, _SLICE_S)):
                return key
        return ""

    def _try_to_look(self, height: int) -> None:
        try:
            self._look(height)
        except CommandError as error:
            if error.status != TROUBLE:
                raise
            self._view.trouble = str(error)

    def _look(self, height: int | None) -> None:
        apps = self._remote.apps(self._wanted)
        self._view.take(apps, extend=not self._history)
        if self._history:
            self._seed(height)

    def _seed(self, height: int | None) -> None:
        """Take the courses of the apps on the screen from the history, if there is one."""
        now = self._clock.now()
        for app in self._view.visible(height)[:SEEDED_MAX]:
            key = key_of(app)
            if now - self._seeded.get(key, 0.0) < SEEDED_EVERY_S:
                continue
            try:
                asked = AppKey(app["namespace"], app["name"])
                self._view.seed(key, self._remote.samples(asked, now - COURSE_S, TREND))
            except CommandError:  # it is off or cannot be read: our own looks have to do
                self._history = False
                self._view.take(self._view.apps, extend=True)
                return
            self._seeded[key] = now
        self._view.span = f"last {COURSE_S / 60:.0f} minutes"


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Let SIGTERM end the block as an exception does, so that the terminal is restored."""

    def end(*_: object) -> None:
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
