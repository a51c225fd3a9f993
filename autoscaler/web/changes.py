"""Which apps changed since a listener last asked: what a live stream is made from.

A listener's memory is the set of apps that changed, each once however often it did, so a slow
one costs no more than the apps there are, and gets the latest word when it catches up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Literal

from autoscaler.model import AppKey, Decision, Intervention, ScaleDown, ScaleUp
from autoscaler.ports.recorder import Outcome
from autoscaler.telemetry import SilentRecorder

LISTENERS_MAX = 32
"""Listeners at a time; a further one is turned away."""

_shown = attrgetter(
    "action", "reason", "desired", "census", "queue_size", "min_workers", "max_workers"
)
"""What a list of apps shows of a decision."""


class TooManyListeners(Exception):  # noqa: N818 - named for what happened
    """All places are taken."""


class Listener:
    """One who wants to know; made by :meth:`Changes.listener`."""

    def __init__(self) -> None:
        self._changed: dict[AppKey, Literal[True]] = {}
        self._wake = asyncio.Event()
        self._end = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._end.is_set()

    def mark(self, app: AppKey) -> None:
        """Note that an app changed."""
        self._changed[app] = True
        self._wake.set()

    def close(self) -> None:
        """Let whoever waits go."""
        self._wake.set()
        self._end.set()

    async def pause(self, seconds: float) -> None:
        """Let changes gather for so long; less where nothing more will come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()

    async def changed(self, limit_s: float) -> tuple[AppKey, ...]:
        """Return the apps that changed since the last call, in order of their first change.

        Wait for one for ``limit_s`` seconds (> 0); then, or when closed, there may be none.
        """
        try:
            async with asyncio.timeout(limit_s):
                await self._wake.wait()
        except TimeoutError:
            return ()
        self._wake.clear()
        changed, self._changed = tuple(self._changed), {}
        return changed


class Changes(SilentRecorder):
    """Tells listeners which apps changed in what a list of apps shows."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._last: dict[AppKey, Decision] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """Listen while the block runs.

        Raises:
            TooManyListeners: all places are taken, or nothing is told any more.
        """
        if self._closed or len(self._listeners) >= LISTENERS_MAX:
            raise TooManyListeners
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Let every listener go, for the end of the program."""
        self._closed = True
        for listener in self._listeners:
            listener.close()

    def decided(self, decision: Decision) -> None:
        """Tell of a decision that differs in numbers or reason from the one before."""
        before = self._last.get(decision.app)
        self._last[decision.app] = decision
        if before is None or _shown(before) != _shown(decision):
            self._tell(decision.app)

    def scaled(
        self,
        decision: Decision,
        action: ScaleUp | ScaleDown,  # noqa: ARG002 - that something ended is enough
        outcome: Outcome,  # noqa: ARG002 - likewise
        detail: str,  # noqa: ARG002 - likewise
    ) -> None:
        """Tell of a scale request that ended."""
        self._tell(decision.app)

    def intervened(
        self,
        app: AppKey,
        intervention: Intervention,  # noqa: ARG002 - the port says what is in force
        at: float,  # noqa: ARG002 - likewise
        ended: str,  # noqa: ARG002 - likewise
    ) -> None:
        """Tell of an order by hand."""
        self._tell(app)

    def forget(self, app: AppKey) -> None:
        """Tell of an app that left."""
        self._last.pop(app, None)
        self._tell(app)

    def _tell(self, app: AppKey) -> None:
        for listener in self._listeners:
            listener.mark(app)
