"""docs/metrics.md is written from the metrics of a daemon as it is really wired."""

from __future__ import annotations

from autoscaler.app.build import build
from autoscaler.app.clock import SystemClock
from autoscaler.app.daemon import close
from autoscaler.settings import AppSettings, Settings
from autoscaler.telemetry import Metrics


async def metrics_of_a_daemon() -> Metrics:
    """Return the metrics of a daemon that was wired and never started.

    They know of one request to the platform, so that every label is there.
    """
    settings = Settings(apps=(AppSettings(name="demo", max_workers=1),))
    parts = build(settings, {}, SystemClock())
    await close(parts)
    parts.metrics.platform_called("list_workers", "200", 0.0)
    return parts.metrics
