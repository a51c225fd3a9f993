"""Keeps every object's status true, and writes it no more often than anybody would look.

A change that people wait for (a condition, the number of workers, a decision) is written at once;
waiting requests and the like follow every half minute. Only whoever acts writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autoscaler.model import AppKey, Decision, ScaleDown, ScaleUp
from autoscaler.model.errors import ResourceError, ResourceGone, ResourceRefused
from autoscaler.ports import Clock, Outcome, Resource, ResourceKey, Resources
from autoscaler.resources.status import Known, Status, gist, status_for
from autoscaler.resources.tally import Tally, Written
from autoscaler.settings.resource import Verdict
from autoscaler.telemetry import SilentRecorder

AGAIN_S = 1.0
"""Least time between two writes of one status."""

REST_S = 30.0
"""Least time between two writes where only numbers changed that nobody waits for."""

SPACING_S = 0.02
"""Time between two writes of any status: fifty a second at most."""

WRITE_LIMIT_S = 15.0
PAUSE_S = 5.0
"""How long a write may take; and the pause after one that failed."""

LeadsFor = Callable[[AppKey], bool]
Current = Callable[[ResourceKey], Resource | None]


@dataclass(slots=True)
class _Entry:
    """An object.

    Attributes:
        written: its status as far as is known. written_at: when we wrote it, our clock; 0: not
            since we lead, so that another replica may have.
        refused: why the cluster refused the last one.
    """

    resource: Resource
    verdict: Verdict
    written: Status = field(default_factory=dict)
    written_at: float = 0.0
    refused: str = ""


@dataclass(slots=True)
class _App:
    """What is known of an app, and which object gives it."""

    key: ResourceKey
    known: Known = field(default_factory=Known)


class StatusKeeper(SilentRecorder):
    """Takes verdicts and reports; writes statuses in a task of its own."""

    def __init__(
        self,
        resources: Resources,
        clock: Clock,
        *,
        current: Current,
        leads_for: LeadsFor,
        tally: Tally,
        on_refused: Callable[[str], None],
    ) -> None:
        """Wire up.

        Args:
            resources: the cluster.
            clock: our clock.
            current: an object as it was last seen.
            leads_for: whether this replica acts for an app.
            tally: counts what is written.
            on_refused: told, once an object, why the cluster refuses its status.
        """
        self._resources = resources
        self._clock = clock
        self._current = current
        self._leads_for = leads_for
        self._tally = tally
        self._on_refused = on_refused
        self._entries: dict[ResourceKey, _Entry] = {}
        self._apps: dict[AppKey, _App] = {}
        self._due: dict[ResourceKey, float] = {}
        self._wake = asyncio.Event()

    def judged(
        self, resources: Mapping[ResourceKey, Resource], verdicts: Mapping[ResourceKey, Verdict]
    ) -> None:
        """Take the objects and what became of each; those that are gone are forgotten."""
        before, self._entries = self._entries, {}
        apps, self._apps = self._apps, {}
        for key, verdict in verdicts.items():
            resource, old = resources[key], before.get(key)
            if old is None or old.resource.uid != resource.uid:
                old = _Entry(resource, verdict)
                self._look_at(key)
            elif old.verdict != verdict or old.resource.incarnation != resource.incarnation:
                self._look_at(key)
            old.resource, old.verdict = resource, verdict
            self._entries[key] = old
            if verdict.scales and verdict.app is not None:
                known = apps.get(verdict.app)
                self._apps[verdict.app] = _App(key, Known() if known is None else known.known)
        for gone in before.keys() - self._entries.keys():
            self._due.pop(gone, None)

    def decided(self, decision: Decision) -> None:
        """Take a decision of an app that an object gives."""
        app = self._apps.get(decision.app)
        if app is None:
            return
        last = app.known.decision
        app.known = Known(decision, app.known.scaled_at)
        if last is None or _tells(last) != _tells(decision):
            self._look_at(app.key)

    def scaled(
        self,
        decision: Decision,
        action: ScaleUp | ScaleDown,  # noqa: ARG002 - the port's
        outcome: Outcome,
        detail: str,  # noqa: ARG002 - the port's
    ) -> None:
        """Take the time of a scale request that was carried out."""
        app = self._apps.get(decision.app)
        if app is not None and outcome is Outcome.APPLIED:
            app.known = Known(app.known.decision, self._clock.now())
            self._look_at(app.key)

    def forget(self, app: AppKey) -> None:
        """Drop what is known of an app: it is not looked at here any more."""
        found = self._apps.get(app)
        if found is not None:
            found.known = Known()
            self._entries[found.key].written_at = 0.0

    async def run(self) -> None:
        """Write what is due until cancelled; begun anew, it takes up what was left."""
        while True:
            if not self._due:
                await self._wake.wait()
            self._wake.clear()
            while self._due:
                if not await self._write_some():
                    await self._clock.sleep(AGAIN_S)

    async def _write_some(self) -> bool:
        """Write each status that is due; return whether any was."""
        now, wrote = self._clock.now(), False
        for key in [key for key, at in self._due.items() if at <= now]:
            entry = self._entries.get(key)
            if entry is None:
                self._due.pop(key, None)
            elif self._leads_for(stands_for(key, entry.verdict)):
                self._due.pop(key, None)
                if await self._bring_up(key, entry):
                    wrote = True
                    await self._clock.sleep(SPACING_S)
        return wrote

    async def _bring_up(self, key: ResourceKey, entry: _Entry) -> bool:
        """Write a status if it is another one and it is time; return whether it was written."""
        now = self._clock.now()
        if not entry.written_at:
            seen = self._current(key)
            entry.written = dict(seen.status) if seen is not None else entry.written
        app = self._apps.get(entry.verdict.app) if entry.verdict.app is not None else None
        known = app.known if app is not None and app.key == key else Known()
        whole = status_for(entry.resource, entry.verdict, known, entry.written, now)
        if whole == entry.written:
            return False
        hurry = gist(whole) != gist(entry.written) and not entry.refused
        wait_s = AGAIN_S if hurry else REST_S
        if entry.written_at + wait_s > now:
            self._due[key] = entry.written_at + wait_s
            return False
        return await self._write(key, entry, whole)

    async def _write(self, key: ResourceKey, entry: _Entry, whole: Status) -> bool:
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await self._resources.write_status(entry.resource, whole)
        except ResourceGone:
            self._tally.count("status", Written.GONE)
            return True
        except ResourceRefused as error:
            self._tally.count("status", Written.REFUSED)
            if entry.refused != str(error):
                entry.refused = str(error)
                self._on_refused(str(error))
            entry.written_at = self._clock.now()
            self._due.setdefault(key, entry.written_at + REST_S)
            return True
        except (ResourceError, TimeoutError):
            self._tally.count("status", Written.FAILED)
            self._due.setdefault(key, self._clock.now() + PAUSE_S)
            return False
        self._tally.count("status", Written.DONE)
        entry.refused = ""
        entry.written, entry.written_at = whole, self._clock.now()
        return True

    def _look_at(self, key: ResourceKey) -> None:
        self._due[key] = 0.0
        self._wake.set()


def stands_for(key: ResourceKey, verdict: Verdict) -> AppKey:
    """Return the app by which replicas share out an object; one that never gave any has its own."""
    return verdict.app or AppKey(key.namespace, key.name)


def _tells(decision: Decision) -> tuple[object, ...]:
    """Return what of a decision a status shows."""
    return (
        decision.action,
        decision.reason,
        decision.message,
        decision.desired,
        decision.census,
        decision.queue_size,
        decision.limits,
    )
