"""A past and orders by hand as tests of the API need them: small, and with memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autoscaler.model import AppKey, Intervention, InterventionKind
from autoscaler.model.errors import HistoryError, StateError
from autoscaler.ports import Clock, Cost, Event, EventKind, EventQuery, HistoryHealth, Sample


@dataclass
class TellingHistory:
    """Implements ports.History over lists that a test fills."""

    told: list[Event] = field(default_factory=list)
    stored: dict[AppKey, list[Sample]] = field(default_factory=dict)
    price: float = 0.0
    always_workers: int = 8
    broken: bool = False
    asked_points: list[int] = field(default_factory=list)

    async def events(self, query: EventQuery) -> tuple[Event, ...]:
        self._work()
        found = [each for each in self.told if _matches(each, query)]
        return tuple(sorted(found, key=lambda each: -each.id)[: query.limit])

    async def event_at(self, app: AppKey, at: float) -> Event | None:
        self._work()
        mine = [e for e in self.told if e.app == app and e.kind is EventKind.DECISION]
        before = [each for each in mine if each.at <= at]
        return max(before, key=lambda each: each.id, default=None)

    async def samples(
        self, app: AppKey, start: float, end: float, *, points: int = 1440
    ) -> tuple[Sample, ...]:
        self._work()
        self.asked_points.append(points)
        found = [each for each in self.stored.get(app, []) if start <= each.at < end]
        return tuple(found[:points])

    async def cost(
        self, app: AppKey | None, start: float, end: float, *, fixed_workers: int | None = None
    ) -> Cost:
        self._work()
        kept = [
            sample
            for key, samples in self.stored.items()
            if app in (None, key)
            for sample in samples
            if start <= sample.at < end
        ]
        seen_s = sum(sample.span_s for sample in kept)
        worker_s = sum(sample.worker_s for sample in kept)
        fixed = fixed_workers
        if fixed is None:
            fixed = max((sample.workers_max for sample in kept), default=0)
        per_s = self.price / 3600
        return Cost(
            start,
            end,
            seen_s,
            worker_s,
            busy_s=sum(sample.busy_s for sample in kept),
            cost=worker_s * per_s,
            always_max=self.always_workers * seen_s * per_s,
            fixed_workers=fixed,
            fixed=fixed * seen_s * per_s,
            price_per_hour=self.price,
        )

    async def health(self) -> HistoryHealth:
        if self.broken:
            return HistoryHealth(writing=False, error="disk full", backlog=7)
        return HistoryHealth(writing=True, oldest=1_763_000_000.0, size_bytes=4096)

    def _work(self) -> None:
        if self.broken:
            raise HistoryError("/var/lib/secret-place/history.db: disk I/O error")


def _matches(event: Event, query: EventQuery) -> bool:
    return (
        query.app in (None, event.app)
        and query.start <= event.at < query.end
        and (not query.kinds or event.kind in query.kinds)
        and (not query.actions or event.action in query.actions)
        and (not query.reasons or event.reason in query.reasons)
        and (query.before is None or event.id < query.before)
    )


@dataclass
class HeldOrders:
    """Implements ports.Interventions in memory."""

    clock: Clock
    apps: set[AppKey]
    held: dict[tuple[AppKey, InterventionKind], Intervention] = field(default_factory=dict)
    ended: list[tuple[AppKey, Intervention, str, str]] = field(default_factory=list)
    calls: int = 0
    disk_full: bool = False

    def knows(self, app: AppKey) -> bool:
        return app in self.apps

    def in_force(self, app: AppKey) -> tuple[Intervention, ...]:
        now = self.clock.now()
        return tuple(
            order for (key, _), order in self.held.items() if key == app and order.in_force(now)
        )

    async def intervene(self, app: AppKey, intervention: Intervention) -> None:
        self._find(app)
        self.held[app, intervention.kind] = replace(intervention)
        self._write()

    async def end(
        self, app: AppKey, kinds: frozenset[InterventionKind], who: str, why: str
    ) -> tuple[Intervention, ...]:
        self._find(app)
        over = tuple(order for order in self.in_force(app) if order.kind in kinds)
        for order in over:
            del self.held[app, order.kind]
            self.ended.append((app, order, who, why))
        self._write()
        return over

    def _find(self, app: AppKey) -> None:
        self.calls += 1
        if app not in self.apps:
            raise KeyError(app)

    def _write(self) -> None:
        if self.disk_full:
            raise StateError("/var/lib/secret-place/state.db: database or disk is full")
