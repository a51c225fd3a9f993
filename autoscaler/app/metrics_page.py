"""docs/metrics.md is written from the metrics of a daemon as it is really wired."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from autoscaler.app.build import build
from autoscaler.app.clock import SystemClock
from autoscaler.app.daemon import close
from autoscaler.resources import Tally
from autoscaler.settings import AppSettings, NotificationSettings, Settings
from autoscaler.settings.history import HistorySettings
from autoscaler.telemetry import Metrics


async def metrics_of_a_daemon() -> Metrics:
    """Return the metrics of a daemon that was wired and never started.

    They know of one request to the platform and of a target of notifications, so that every label
    is there; and of custom resources, though there is no cluster.
    """
    target = NotificationSettings(name="somebody", url=SecretStr("https://hooks.example.com/"))
    app = AppSettings(name="demo", max_workers=1)
    with TemporaryDirectory() as folder:
        history = HistorySettings(path=Path(folder) / "history.db")
        settings = Settings(apps=(app,), notifications=(target,), history=history)
        parts = build(settings, {}, SystemClock())
        await close(parts)
    parts.metrics.registry.register(Tally(lambda: False))
    parts.metrics.platform_called("list_workers", "200", 0.0)
    return parts.metrics
