"""Worker lists: who is in them, what they told the caller, and old ones for a fault to serve."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any

import msgspec

from autoscaler.emulator import wire
from autoscaler.emulator.app import App
from autoscaler.emulator.faults import Fault
from autoscaler.emulator.referee import Glance
from autoscaler.emulator.worker import Phase, SimWorker

_DAY_S = 86400.0
_KEEP = 32
Answer = tuple[bytes, Glance]


class Lists:
    """Makes list replies, and remembers some where a fault needs old ones."""

    def __init__(self) -> None:
        self._history: dict[tuple[str, int | None], deque[Answer]] = {}

    def answer(
        self, app: App, recent_days: int | None, *, fault: Fault | None, keep: bool
    ) -> Answer:
        """Return a list's body and what it tells.

        Args:
            app: whose list, at its now.
            recent_days: with workers that are gone, from so many days; ``None``: without.
            fault: what hits this request.
            keep: whether a later request may want this list.
        """
        history = self._history.setdefault((app.label, recent_days), deque(maxlen=_KEEP))
        workers = list(_listed(app, recent_days))
        answer = wire.worker_list(app, workers), _glance(app)
        if keep:
            # Also while old ones are served: what lags goes on, it does not stand still.
            history.append(answer)
        if fault is not None and fault.kind == "stale-list":
            return _stale(history, app.now, fault.age_s)
        return answer

    @staticmethod
    def as_shown(glance: Glance, body: bytes) -> Glance:
        """Return the glance at a list after a fault has changed its rows."""
        content: dict[str, Any] = msgspec.json.decode(body)
        free = {
            row["id"]
            for row in content.get("workers", ())
            if row.get("status") == "STATUS_RUNNING"
            and row.get("detailStatus") == "DETAIL_STATUS_FREE"
        }
        return replace(glance, free_ids=glance.free_ids & free)


def _stale(history: deque[Answer], now: float, age_s: float) -> Answer:
    """The newest list that is old enough, or else the oldest there is."""
    old = [each for each in history if each[1].shown_at <= now - age_s]
    body, glance = old[-1] if old else history[0]
    return body, replace(glance, answered_at=now)


def _listed(app: App, recent_days: int | None) -> Iterator[SimWorker]:
    now = app.now
    yield from (worker for worker in app.workers.values() if worker.visible_at <= now)
    since = now - _DAY_S * (1 if recent_days is None else recent_days)
    if recent_days is not None:
        yield from takewhile(lambda worker: worker.since >= since, reversed(app.gone.values()))
    elif not app.knobs.hide_failed:
        recent = takewhile(lambda worker: worker.since >= since, reversed(app.gone.values()))
        yield from (worker for worker in recent if worker.phase is Phase.ERROR)


def _glance(app: App) -> Glance:
    free = frozenset(
        worker.id
        for worker in app.free.values()
        if not (worker.sessions and worker.live_sessions(app.now))
        and worker.visible_at <= app.now
        and not _shown_replaced(app, worker)
    )
    return Glance(app.now, app.now, free, app.max_workers)


def _shown_replaced(app: App, worker: SimWorker) -> bool:
    """Whether the same list shows the worker's replacement beside it."""
    replacement = app.workers.get(worker.replaced_by)
    return replacement is not None and replacement.visible_at <= app.now
