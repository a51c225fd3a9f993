"""Builds the history from the settings."""

from __future__ import annotations

import structlog
from sqlalchemy import URL

from autoscaler.app.database_address import address_in
from autoscaler.app.prices import Prices
from autoscaler.history import HistoryStore, Retention
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.ports import Clock
from autoscaler.settings import Settings
from autoscaler.telemetry import Metrics
from autoscaler.telemetry.serialize import decision_fields


def build_history(settings: Settings, clock: Clock, prices: Prices) -> HistoryStore | None:
    """Return the history; ``None`` where it is off, or no place is configured.

    It is opened by its first write, so a store that cannot be opened never stops the start.

    Raises:
        ConfigurationError: ``history.url_file`` cannot be used.
    """
    place = _place(settings)
    if not settings.history.enabled or place is None:
        return None
    log = structlog.get_logger()
    return HistoryStore(
        place,
        settings.everai.endpoint,
        recorder=HistoryRecorder(clock, decision_fields, prices.of),
        clock=clock,
        retention=Retention(settings.history.retention, settings.history.max_size_mib * 2**20),
        on_trouble=lambda why: log.error("history trouble", message=why),
        on_recovery=lambda why: log.info("history recovered", message=why),
    )


def show_history(metrics: Metrics, history: HistoryStore) -> None:
    """Put how the store does among the metrics."""
    metrics.live(
        "autoscaler_history_writing",
        "1 while the history can be written, 0 while not.",
        lambda: float(not history.failing),
    )
    metrics.live(
        "autoscaler_history_backlog", "Rows not written yet.", lambda: float(history.backlog)
    )
    metrics.live(
        "autoscaler_history_lost",
        "Rows dropped since the start, because they could not be written for too long.",
        lambda: float(history.lost),
    )


def _place(settings: Settings) -> URL | None:
    file = settings.history.url_file
    if file is None:
        path = settings.history_file
        return None if path is None else URL.create("sqlite", database=str(path))
    return address_in(file, "history.url_file")
