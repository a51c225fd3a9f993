"""What ``autoscaler top`` shows: apps in an order, the queue's course, and how they do in all."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from autoscaler.cli.exits import printable
from autoscaler.cli.moments import stamp
from autoscaler.cli.output import number, state, table
from autoscaler.cli.remote import Fields

TREND = 10
"""Characters of a course."""

LINES_AROUND = 5
"""Lines of the screen that show no app."""

WIDE = 100
"""From so many columns on, there is room for the course of workers too."""

_BARS = "▁▂▃▄▅▆▇█"
_BARS_ASCII = ".:-=+*#%"
_STATES = ("troubled", "limited", "scaling", "steady", "off", "unseen")
_NUMBERS = frozenset({"WORKERS", "QUEUE"})

_ORDERS: dict[str, Callable[[Fields], Any]] = {
    "queue": lambda app: -(app["queue_size"] or 0),
    "workers": lambda app: -(app["workers"] or 0),
    "state": lambda app: _STATES.index(app["status"]) if app["status"] in _STATES else 0,
    "name": lambda app: (app["namespace"], app["name"]),
}
ORDERS = tuple(_ORDERS)


@dataclass(slots=True)
class Course:
    """The last numbers of an app, oldest first; ``None`` where one is not known."""

    queue: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))
    workers: deque[float | None] = field(default_factory=lambda: deque(maxlen=TREND))


@dataclass(slots=True)
class View:
    """The screen.

    Attributes:
        url: of the daemon. order: one of ORDERS; ``backwards``: the other way round.
        first: place of the topmost app that is shown. trouble: why there is nothing newer.
        span: what the courses cover, in words. unicode: whether the terminal shows bars.
    """

    url: str
    order: str = ORDERS[0]
    backwards: bool = False
    first: int = 0
    trouble: str = ""
    span: str = "since the start"
    unicode: bool = True
    apps: list[Fields] = field(default_factory=list)
    courses: dict[str, Course] = field(default_factory=dict)

    def take(self, apps: list[Fields], *, extend: bool) -> None:
        """Take what apps are now; ``extend``: note it in their courses too."""
        self.apps, self.trouble = apps, ""
        self.courses = {key_of(app): self.courses.get(key_of(app), Course()) for app in apps}
        if extend:
            for app in apps:
                self.courses[key_of(app)].queue.append(app["queue_size"])
                self.courses[key_of(app)].workers.append(app["workers"])

    def seed(self, key: str, samples: Sequence[Fields]) -> None:
        """Take the course of an app from the history."""
        course = Course()
        for sample in samples:
            seen = sample["looks"] > 0
            present = sum(sample[kind] for kind in ("free", "busy", "in_flight", "other"))
            course.queue.append(sample["queue"] if seen else None)
            course.workers.append(present if seen else None)
        self.courses[key] = course

    def press(self, key: str, height: int) -> None:
        """Do what a key asks for."""
        page = max(1, height - LINES_AROUND)
        steps = {"up": -1, "down": 1, "page up": -page, "page down": page}
        if key == "s":
            self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
            self.first = 0
        elif key == "r":
            self.backwards, self.first = not self.backwards, 0
        elif key == "home":
            self.first = 0
        self.first = max(0, min(self.first + steps.get(key, 0), len(self.apps) - page))

    def visible(self, height: int | None) -> list[Fields]:
        """Return the apps on a screen of that many lines, in order; ``None``: all."""
        ordered = sorted(self.apps, key=_ORDERS["name"])
        ordered.sort(key=_ORDERS[self.order], reverse=self.backwards)
        if height is None:
            return ordered
        return ordered[self.first : self.first + max(1, height - LINES_AROUND)]

    def render(self, now: float, width: int, height: int | None) -> RenderableType:
        """Return the screen; ``height``: lines of it, ``None`` for no end and no keys."""
        shown = self.visible(height)
        head = [self._title(now), self._sums(), Text("")]
        rows = [self._cells(app, width) for app in shown]
        body = table(self._columns(width), rows, right=_NUMBERS)
        return Group(*head, body, *([] if height is None else [self._foot(len(shown))]))

    def _columns(self, width: int) -> list[str]:
        workers = ["COURSE OF WORKERS"] if width >= WIDE else []
        return ["NAME", "STATE", "WORKERS", *workers, "QUEUE", "COURSE", "REASON"]

    def _cells(self, app: Fields, width: int) -> list[str | Text]:
        course = self.courses[key_of(app)]
        there, wanted = number(app["workers"]), number(app["desired"])
        moving = wanted not in (there, "-")
        return [
            app["name"] if app["namespace"] == "default" else key_of(app),
            state(app["status"]),
            f"{there} → {wanted}" if moving else there,
            *([self._bars(course.workers)] if width >= WIDE else []),
            number(app["queue_size"]),
            self._bars(course.queue),
            app["reason"] or "-",
        ]

    def _bars(self, numbers: Sequence[float | None]) -> str:
        return sparkline(numbers, _BARS if self.unicode else _BARS_ASCII)

    def _title(self, now: float) -> Text:
        return Text.assemble(
            ("autoscaler top", "bold"),
            f"  {printable(self.url)}  {stamp(now, form='%H:%M:%S %Z')}  course: {self.span}",
        )

    def _sums(self) -> Text:
        counts = Counter(app["status"] for app in self.apps)
        line = Text(f"{len(self.apps)} apps")
        for word in sorted(counts, key=lambda word: (word not in _STATES, word)):
            line.append(f", {counts[word]} ")
            line.append_text(state(word))
        workers = sum(app["workers"] or 0 for app in self.apps)
        queue = sum(app["queue_size"] or 0 for app in self.apps)
        return line.append(f"; {workers} workers, {queue} requests waiting")

    def _foot(self, shown: int) -> Text:
        if self.trouble:
            return Text(printable(self.trouble), style="red", overflow="ellipsis", no_wrap=True)
        last = f"{self.first + 1}-{self.first + shown} of {len(self.apps)}"
        order = f"{self.order}{' (backwards)' if self.backwards else ''}"
        return Text(f"q quit  s sort: {order}  r reverse  ↑↓ scroll  {last}", style="dim")


def key_of(app: Fields) -> str:
    """Return what an app is called."""
    return f"{app['namespace']}/{app['name']}"


def sparkline(numbers: Sequence[float | None], bars: str) -> str:
    """Return numbers (≥ 0) as bars, the largest as the highest; a blank where one is unknown."""
    top = max((value for value in numbers if value is not None), default=0.0)
    steps = len(bars) - 1
    return "".join(
        " " if value is None else bars[0 if top <= 0 else round(steps * value / top)]
        for value in numbers
    )
