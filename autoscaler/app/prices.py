"""What a worker costs by the configuration in force."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.model import AppKey, Worker
from autoscaler.settings import Settings


class Prices:
    """Answers from the settings shown last, so that a reload reaches everybody who asks."""

    def __init__(self) -> None:
        self._apps: dict[AppKey, float] = {}
        self._gpu_models: dict[str, float] = {}

    def show(self, settings: Settings) -> None:
        """Take settings that were put in force."""
        self._apps = {
            AppKey(app.namespace, app.name): app.price_per_hour
            for app in settings.apps
            if app.price_per_hour is not None
        }
        given = settings.prices.gpu_models
        self._gpu_models = {model.casefold(): price for model, price in given.items()}

    def per_hour(self, app: AppKey, worker: Worker | None) -> float:
        """Return the price per hour of a worker of an app; 0 where none is known.

        The app's own price goes first; without one, and without a worker, nothing is known.
        """
        own = self._apps.get(app)
        if own is not None:
            return own
        if worker is None or not self._gpu_models:
            return 0.0
        return self._gpu_models.get(worker.gpu_model.casefold(), 0.0) * max(1, worker.gpu_num)

    def of(self, app: AppKey) -> Callable[[Worker | None], float]:
        """Return the same for one app."""
        return lambda worker: self.per_hour(app, worker)
