"""Asks the tables. Blocking: for a thread of its own; a reader never stands in the writer's way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from autoscaler.history.files import words_of
from autoscaler.history.minutes import MINUTE_S, Minute
from autoscaler.history.packing import unpack_event, unpack_hour, unpack_minute, with_columns
from autoscaler.history.rows import PLATFORM, told_by_columns
from autoscaler.history.schema import events, hours, minutes, spend
from autoscaler.history.sums import Sums, add, samples_of, sums_of
from autoscaler.history.tables import Tables
from autoscaler.model import AppKey
from autoscaler.model.errors import HistoryError
from autoscaler.ports.history import Cost, Event, EventKind, EventQuery, Sample

HOUR_S = 3600.0
AT_ONCE = 500
"""Apps asked for in one query."""


class Reader:
    """Answers questions about one endpoint. Every method raises HistoryError and nothing else."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def events(self, query: EventQuery) -> tuple[Event, ...]:
        """Return matching events, newest first."""
        wanted = self._matching(query)
        if wanted is None:
            return ()
        return tuple(self._event(row) for row in self._rows(wanted))

    def event_at(self, app: AppKey, at: float) -> Event | None:
        """Return the latest stored decision not after a moment."""
        app_id = self._tables.id_of(app)
        query = (
            select(events)
            .where(events.c.app_id == app_id, events.c.kind == EventKind.DECISION.value)
            .where(events.c.at <= at)
            .order_by(events.c.id.desc())
            .limit(1)
        )
        rows = [] if app_id is None else self._rows(query)
        return self._event(rows[0]) if rows else None

    def samples(self, app: AppKey, start: float, end: float, points: int) -> tuple[Sample, ...]:
        """Return samples in order of time, at most ``points``."""
        app_id = self._tables.id_of(app)
        if app_id is None:
            return ()
        return samples_of(list(self._minutes(app_id, start, end)), points)

    def cost(self, app: AppKey | None, start: float, end: float, fixed_workers: int | None) -> Cost:
        """Return what an app took, or all together."""
        known = self._tables.id_of(app) if app is not None else None
        ids = self._tables.ids if app is None else (() if known is None else (known,))
        each = [one for some in _chunks(ids) for one in self._sums(some, start, end)]
        total = reduce(add, each, Sums())
        fixed = total.workers_max if fixed_workers is None else fixed_workers
        # all apps together: each at its own most workers, unless one size is given for each
        fixed_cost = sum(
            one.per_worker * (one.workers_max if fixed_workers is None else fixed_workers)
            for one in each
        )
        if fixed_workers is None:
            fixed = sum(one.workers_max for one in each)
        return Cost(
            start=start,
            end=end,
            seen_s=total.seen_s,
            worker_s=total.worker_s,
            busy_s=total.busy_s,
            cost=total.cost,
            always_max=total.always_max,
            fixed_workers=fixed,
            fixed=fixed_cost,
            price_per_hour=total.cost / total.worker_s * HOUR_S if total.worker_s else 0.0,
        )

    def oldest_event(self) -> float | None:
        """Return the time of the oldest event, epoch seconds."""
        rows = self._rows(select(events.c.at).order_by(events.c.id).limit(1))
        return float(rows[0][0]) if rows else None

    def latest_minute(self, app: AppKey) -> float | None:
        """Return the start of an app's latest stored minute, epoch seconds; ``None`` for none."""
        app_id = self._tables.id_of(app)
        minute = select(func.max(minutes.c.at)).where(minutes.c.app_id == app_id)
        hour = select(func.max(hours.c.at)).where(hours.c.app_id == app_id)
        if app_id is None:
            return None
        single, packed = self._rows(minute)[0][0], self._rows(hour)[0][0]
        if single is not None:
            return float(single * MINUTE_S)
        return None if packed is None else float(packed * HOUR_S + HOUR_S - MINUTE_S)

    # -- parts --------------------------------------------------------------------------------

    def _matching(self, query: EventQuery) -> Select[Any] | None:
        wanted = select(events).where(events.c.at >= query.start, events.c.at < query.end)
        if query.app is None:
            wanted = wanted.where(events.c.app_id.in_(self._tables.ids))
        else:
            app_id = self._tables.id_of(query.app)
            if app_id is None:
                return None
            wanted = wanted.where(events.c.app_id == app_id)
        for column, values in (
            (events.c.kind, {kind.value for kind in query.kinds}),
            (events.c.action, query.actions),
            (events.c.reason, query.reasons),
        ):
            if values:
                wanted = wanted.where(column.in_(sorted(values)))
        if query.before is not None:
            wanted = wanted.where(events.c.id < query.before)
        return wanted.order_by(events.c.id.desc()).limit(query.limit)

    def _event(self, row: Row[Any]) -> Event:
        try:
            fields = unpack_event(row.body)
        except ValueError as error:
            raise HistoryError(f"{self._tables}: event {row.id}: {error}") from error
        app = self._tables.name_of(row.app_id)
        told = told_by_columns(app or PLATFORM, row.at, row.action, row.reason, row.message)
        return Event(
            id=row.id,
            app=app,
            at=row.at,
            kind=EventKind(row.kind),
            action=row.action,
            reason=row.reason,
            message=row.message,
            fields=with_columns(fields, told),
        )

    def _minutes(self, app_id: int, start: float, end: float) -> Iterator[Minute]:
        """Go through an app's minutes of a range, in order of time."""
        packed = (
            select(hours.c.body)
            .where(hours.c.app_id == app_id)
            .where(hours.c.at >= start // HOUR_S, hours.c.at <= end // HOUR_S)
            .order_by(hours.c.at)
        )
        single = (
            select(minutes.c.body)
            .where(minutes.c.app_id == app_id)
            .where(minutes.c.at >= start // MINUTE_S, minutes.c.at <= end // MINUTE_S)
            .order_by(minutes.c.at)
        )
        try:
            for row in self._rows(packed):
                for minute in unpack_hour(row.body):
                    if start <= minute.at * MINUTE_S < end:
                        yield minute
            for row in self._rows(single):
                minute = unpack_minute(row.body)
                if start <= minute.at * MINUTE_S < end:
                    yield minute
        except ValueError as error:
            raise HistoryError(f"{self._tables}: {error}") from error

    def _sums(self, ids: Sequence[int], start: float, end: float) -> list[Sums]:
        """Add up a range for each of these apps: whole hours from their sums, the rest by minutes.

        A few queries for hundreds of apps: one for each would take seconds at a thousand.
        """
        found: dict[int, Sums] = {}
        first, last = int(-(-start // HOUR_S)), int(end // HOUR_S)
        edges = {int(start // HOUR_S), last} if last > first else set(range(first - 1, last + 1))
        if last > first:
            edges -= {hour for hour in edges if first <= hour < last}
            for row in self._rows(_spent(ids, first, last)):
                found[row[0]] = Sums(*row[1:])
        for app_id, minutes_of_it in self._loose(ids, edges, start, end).items():
            found[app_id] = add(found.get(app_id, Sums()), sums_of(minutes_of_it))
        return list(found.values())

    def _loose(
        self, ids: Sequence[int], edges: set[int], start: float, end: float
    ) -> dict[int, list[Minute]]:
        """Return minutes of a range by app: those not packed yet, and of packed hours the edges."""
        found: dict[int, list[Minute]] = {}
        packed = select(hours.c.app_id, hours.c.body).where(
            hours.c.app_id.in_(ids), hours.c.at.in_(sorted(edges))
        )
        single = select(minutes.c.app_id, minutes.c.body).where(
            minutes.c.app_id.in_(ids),
            minutes.c.at >= start // MINUTE_S,
            minutes.c.at < end / MINUTE_S,
        )
        for row in self._rows(packed):
            found.setdefault(row.app_id, []).extend(unpack_hour(row.body))
        for row in self._rows(single):
            found.setdefault(row.app_id, []).append(unpack_minute(row.body))
        return {
            app_id: [minute for minute in all_of_it if start <= minute.at * MINUTE_S < end]
            for app_id, all_of_it in found.items()
        }

    def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        try:
            with self._tables.engine.connect() as db:
                return list(db.execute(query))
        except (SQLAlchemyError, OSError) as error:
            raise HistoryError(f"{self._tables}: {words_of(error)}") from error


def _spent(ids: Sequence[int], first: int, last: int) -> Select[Any]:
    """Ask for the sums of whole hours, by app."""
    columns = [func.sum(spend.c[name]) for name in Sums._fields[:-1]]
    return (
        select(spend.c.app_id, *columns, func.max(spend.c.workers_max))
        .where(spend.c.app_id.in_(ids), spend.c.at >= first, spend.c.at < last)
        .group_by(spend.c.app_id)
    )


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]
