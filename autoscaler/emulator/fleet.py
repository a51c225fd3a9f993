"""The emulated platform without any face: all its apps on one clock."""

from __future__ import annotations

from collections.abc import Iterator

from autoscaler.emulator.app import App
from autoscaler.emulator.scenario import Scenario


class Fleet:
    """All apps of a scenario. Pure and event-driven: time moves by :meth:`advance` only.

    Attributes:
        epoch_s: epoch seconds at the scenario's second 0.
        now: epoch seconds reached so far.
    """

    def __init__(self, scenario: Scenario, *, epoch_s: float) -> None:
        self.epoch_s = epoch_s
        self.now = epoch_s
        self._apps = {
            knobs.key: App(knobs, epoch_s=epoch_s, seed=scenario.seed) for knobs in scenario.apps
        }

    def advance(self, to_s: float) -> None:
        """Let everything happen that is due until ``to_s`` (epoch seconds)."""
        self.now = max(self.now, to_s)
        for app in self._apps.values():
            app.advance(self.now)

    def visit(self, namespace: str, name: str, at_s: float) -> App | None:
        """Return one app, advanced to ``at_s``; the others follow when they are asked for.

        Apps do not touch each other, so a poll of one costs nothing for the rest.
        """
        self.now = max(self.now, at_s)
        app = self._apps.get((namespace, name))
        if app is not None:
            app.advance(self.now)
        return app

    def app(self, name: str, namespace: str = "default") -> App:
        """Return one app, advanced to now.

        Raises:
            KeyError: there is none of that name.
        """
        app = self._apps[namespace, name]
        app.advance(self.now)
        return app

    def apps(self, namespace: str | None = None) -> Iterator[App]:
        """Yield the apps of a namespace, or all, advanced to now."""
        for app in self._apps.values():
            if namespace in (None, app.knobs.namespace):
                app.advance(self.now)
                yield app
