"""The configuration in force, as the API shows it; whoever puts one in force says so here."""

from __future__ import annotations

from typing import Any

from autoscaler.model import AppKey, Worker
from autoscaler.settings import AppSettings, Settings
from autoscaler.settings.written import written

_APPS = frozenset({"apps"})


class ConfigurationView:
    """Holds the settings in force, apps found by discovery included."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._apps: dict[AppKey, AppSettings] = {}

    def show(self, settings: Settings) -> None:
        """Take settings that were put in force."""
        self._settings = settings
        self._apps = {AppKey(app.namespace, app.name): app for app in settings.apps}

    def app(self, key: AppKey) -> AppSettings | None:
        """Return the settings of an app; ``None`` for one that is not configured."""
        return self._apps.get(key)

    def price_of(self, key: AppKey, worker: Worker) -> float:  # noqa: ARG002 - an app's own price holds for any
        """Return the price of one worker of an app an hour; 0 where none is configured."""
        app = self._apps.get(key)
        return 0.0 if app is None else app.price_per_hour or 0.0

    def keys(self) -> tuple[AppKey, ...]:
        """Return the configured apps."""
        return tuple(self._apps)

    def whole(self) -> dict[str, Any]:
        """Return everything but the apps one by one: at ten thousand they would take seconds."""
        if self._settings is None:
            return {}
        return written(self._settings, without=_APPS) | {"apps": len(self._apps)}
