"""Events about objects: what was done, and what is wrong, each once, with a count.

The same thing again within a while counts up the event that is there. Something else is an event of
its own as long as the object has not had many; beyond that it counts up the last one of its kind.
So an object that fails every second costs the cluster little, and nothing that happened is lost
from the counts.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from autoscaler.model import AppKey, Decision, Intervention, ScaleDown, ScaleUp
from autoscaler.model.errors import ResourceError, ResourceGone, ResourceRefused
from autoscaler.notifications import notice
from autoscaler.ports import (
    Clock,
    EventType,
    Occurrence,
    Outcome,
    Resource,
    ResourceKey,
    Resources,
)
from autoscaler.resources.conditions import ConditionType, Truth
from autoscaler.resources.keeping import LeadsFor, stands_for
from autoscaler.resources.tally import Tally, Written
from autoscaler.settings.resource import Readiness, Verdict
from autoscaler.telemetry import SilentRecorder
from autoscaler.telemetry.decision_log import TROUBLE

WINDOW_S = 600.0
"""The same thing within this time is the same event."""

DISTINCT_BURST = 10
DISTINCT_EVERY_S = 60.0
"""Events of its own that an object may have at once, and the time that earns it one more."""

SPACING_S = 0.2
"""Time between two writes of events: five a second at most, of all objects."""

SERIES_MAX = 5_000
"""Events remembered; the oldest is forgotten first."""

WRITE_LIMIT_S = 15.0
PAUSE_S = 5.0

_COMBINED = " (and others like it)"
_ANY_TEXT = ""


@dataclass(slots=True)
class _Series:
    """An event. ``name``: the cluster's, once it is there."""

    occurrence: Occurrence
    name: str | None = None


@dataclass(slots=True)
class _Budget:
    """How many more events of its own an object may have."""

    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """Take one, if there is one."""
        earned = max(0.0, now - self.at) / DISTINCT_EVERY_S
        self.tokens, self.at = min(DISTINCT_BURST, self.tokens + earned), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class _About:
    """An object, its verdict, the trouble its app is in, and its budget."""

    resource: Resource
    verdict: Verdict
    budget: _Budget
    trouble: str = ""
    trouble_since: float = 0.0


_Key = tuple[str, EventType, str, str]


class EventDesk(SilentRecorder):
    """Takes verdicts and reports; writes events in a task of its own."""

    def __init__(
        self, resources: Resources, clock: Clock, leads_for: LeadsFor, tally: Tally,
        on_refused: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Wire up; see :class:`~autoscaler.resources.keeping.StatusKeeper`."""
        self._resources = resources
        self._clock = clock
        self._leads_for = leads_for
        self._tally = tally
        self._on_refused = on_refused
        self._refused = ""
        self._objects: dict[ResourceKey, _About] = {}
        self._apps: dict[AppKey, _About] = {}
        self._series: OrderedDict[_Key, _Series] = OrderedDict()
        self._due: OrderedDict[_Key, None] = OrderedDict()
        self._wake = asyncio.Event()

    def judged(
        self, resources: Mapping[ResourceKey, Resource], verdicts: Mapping[ResourceKey, Verdict]
    ) -> None:
        """Tell of a spec that is refused, and of one that is good again."""
        before, self._objects, self._apps = self._objects, {}, {}
        for key, verdict in verdicts.items():
            resource = resources[key]
            about = before.get(key)
            if about is None or about.resource.uid != resource.uid:
                about = _About(resource, verdict, _Budget(DISTINCT_BURST, self._clock.now()))
                self._tell_verdict(about, *_ready_before(resource))
            else:
                old = about.verdict
                about.resource, about.verdict = resource, verdict
                self._tell_verdict(about, old.readiness.value, old.message)
            self._objects[key] = about
            if verdict.scales and verdict.app is not None:
                self._apps[verdict.app] = about

    def _tell_verdict(self, about: _About, reason: str, message: str) -> None:
        verdict = about.verdict
        if (verdict.readiness.value, verdict.message) == (reason, message):
            return
        good = verdict.readiness is Readiness.ACCEPTED
        if good and reason in ("", Readiness.ACCEPTED.value):
            return  # a first spec that is good is no news
        if self._leads_for(stands_for(about.resource.key, verdict)):
            kind = EventType.NORMAL if good else EventType.WARNING
            self._tell(about, kind, verdict.readiness.value, verdict.message)

    def decided(self, decision: Decision) -> None:
        """Tell of trouble that begins, changes or is over."""
        about = self._apps.get(decision.app)
        if about is None:
            return
        reason = decision.reason.value if decision.reason in TROUBLE else ""
        if reason == about.trouble:
            return
        if reason:
            if not about.trouble:
                about.trouble_since = decision.at
            self._tell(about, EventType.WARNING, reason, decision.message)
        else:
            over = notice.ended(decision, about.trouble, about.trouble_since)
            self._tell(about, EventType.NORMAL, "Recovered", over.text)
        about.trouble = reason

    def scaled(
        self, decision: Decision, action: ScaleUp | ScaleDown, outcome: Outcome, detail: str
    ) -> None:
        """Tell what came of a scale request."""
        about = self._apps.get(decision.app)
        found = notice.scaled(decision, action, outcome, detail)
        if about is None or found is None:
            return
        if outcome is Outcome.APPLIED:
            reason = "ScaledUp" if isinstance(action, ScaleUp) else "ScaledDown"
            self._tell(about, EventType.NORMAL, reason, found.text)
        else:
            self._tell(about, EventType.WARNING, "ScaleFailed", found.text)

    def raced(self, app: AppKey, worker_id: str) -> None:
        """Tell of a removal that met a serving worker."""
        if (about := self._apps.get(app)) is not None:
            found = notice.raced(app, worker_id, self._clock.now())
            self._tell(about, EventType.WARNING, "RemovalRaced", found.text)

    def intervened(self, app: AppKey, intervention: Intervention, at: float, ended: str) -> None:
        """Tell of a person's order, and of its end."""
        if (about := self._apps.get(app)) is not None:
            found = notice.by_hand(app, intervention, at, ended)
            self._tell(about, EventType.NORMAL, "OrderByHand", found.text)

    def forget(self, app: AppKey) -> None:
        """Drop the trouble of an app: it is not looked at here any more."""
        if (about := self._apps.get(app)) is not None:
            about.trouble = ""

    def _tell(self, about: _About, kind: EventType, reason: str, text: str) -> None:
        now, uid = self._clock.now(), about.resource.uid
        own, shared = (uid, kind, reason, text), (uid, kind, reason, _ANY_TEXT)
        if self._counts_up(own, text, now):
            return
        if about.budget.take(now):
            key = own
        elif self._counts_up(shared, text + _COMBINED, now):
            return
        else:
            key, text = shared, text + _COMBINED
        once = Occurrence(about.resource.key, uid, kind, reason, text, now, now)
        self._series[key] = _Series(once)
        self._mark(key)

    def _counts_up(self, key: _Key, text: str, now: float) -> bool:
        """Count up an event that is there, if it is not too old."""
        series = self._series.get(key)
        if series is None or now - series.occurrence.last_at > WINDOW_S:
            return False
        held = series.occurrence
        series.occurrence = replace(held, text=text, last_at=now, count=held.count + 1)
        self._mark(key)
        return True

    def _mark(self, key: _Key) -> None:
        self._series.move_to_end(key)
        while len(self._series) > SERIES_MAX:
            oldest, _ = self._series.popitem(last=False)
            if self._due.pop(oldest, key) is None:
                self._tally.count("event", Written.DROPPED)
        self._due[key] = None
        self._wake.set()

    async def run(self) -> None:
        """Write what is due until cancelled; begun anew, it takes up what was left."""
        while True:
            if not self._due:
                await self._wake.wait()
            self._wake.clear()
            while self._due:
                key, _ = self._due.popitem(last=False)
                series = self._series.get(key)
                if series is not None:
                    await self._write(key, series)

    async def _write(self, key: _Key, series: _Series) -> None:
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                series.name = await self._resources.record(series.occurrence, series.name)
        except ResourceGone:
            self._gone(key, series)
        except ResourceRefused as error:
            self._tally.count("event", Written.REFUSED)
            if self._refused != str(error):
                self._refused = str(error)
                self._on_refused(str(error))
        except (ResourceError, TimeoutError):
            self._tally.count("event", Written.FAILED)
            self._due.setdefault(key, None)
            await self._clock.sleep(PAUSE_S)
        else:
            self._tally.count("event", Written.DONE)
            self._refused = ""
        await self._clock.sleep(SPACING_S)

    def _gone(self, key: _Key, series: _Series) -> None:
        """Begin anew where the cluster dropped the event (it keeps them for an hour)."""
        self._tally.count("event", Written.GONE)
        if series.name is not None:
            series.name = None
            self._due.setdefault(key, None)


def _ready_before(resource: Resource) -> tuple[str, str]:
    """Return reason and message of the condition Ready that the status holds."""
    for each in resource.status.get("conditions") or ():
        if each.get("type") == ConditionType.READY.value:
            good = each.get("status") == Truth.TRUE.value
            reason = Readiness.ACCEPTED.value if good else str(each.get("reason"))
            return reason, str(each.get("message"))
    return "", ""
