"""Adds up what the lists of one app tell, minute by minute.

A list holds until the next one, so that means are over time and not over lists; a gap of more than
ten minutes is a gap. Flows (requests served and arrived) belong to the list that tells of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import NamedTuple

from autoscaler.model import (
    PRESENT,
    Decision,
    NoData,
    Observation,
    Proposal,
    Recommendation,
    Worker,
    WorkerState,
)

MINUTE_S = 60.0
GAP_S = 600.0
"""A list says nothing about the time later than this after it, seconds."""

Price = Callable[[Worker | None], float]
"""Price per hour of a worker, or of the app's workers as such (``None``); 0 where not known.

Workers of one list with the same GPUs have the same price.
"""

_ZEROS = bytes(7 * 8)
_FREE, _BUSY, _IN_FLIGHT = WorkerState.FREE, WorkerState.BUSY, WorkerState.IN_FLIGHT


class Minute(NamedTuple):
    """One minute as it is stored: worker-seconds by state, sums, maxima, and the last decision.

    ``at``: start of the minute, epoch minutes. ``price``: of one worker per hour. ``queue_s``:
    request-seconds waited, over ``queue_seen_s`` seconds with a known queue. The rest is as in
    :class:`~autoscaler.ports.history.Sample`.
    """

    at: int
    seen_s: float
    looks: int
    free_s: float
    busy_s: float
    in_flight_s: float
    other_s: float
    workers_max: int
    queue_s: float
    queue_seen_s: float
    queue_max: int | None
    desired: int | None
    max_workers: int
    arrivals: float
    served: int
    cost: float
    price: float
    proposals: dict[str, int]

    @property
    def worker_s(self) -> float:
        """Worker-seconds present."""
        return self.free_s + self.busy_s + self.in_flight_s + self.other_s


class _Level:
    """What holds since a list: counts by state, the queue, and what it costs per second."""

    __slots__ = ("busy", "cost_per_s", "free", "in_flight", "other", "present", "queue")

    def __init__(self, observation: Observation, price: Price) -> None:
        self.free = self.busy = self.in_flight = self.other = 0
        cost = each = 0.0
        kind: tuple[str, int] | None = None
        for worker in observation.workers:
            state = worker.state
            if state is _FREE:
                self.free += 1
            elif state is _BUSY:
                self.busy += 1
            elif state is _IN_FLIGHT:
                self.in_flight += 1
            elif state in PRESENT:
                self.other += 1
            else:
                continue
            if kind != (worker.gpu_model, worker.gpu_num):
                kind, each = (worker.gpu_model, worker.gpu_num), price(worker)
            cost += each
        self.present = self.free + self.busy + self.in_flight + self.other
        self.cost_per_s = cost / 3600
        size = observation.queue_size
        self.queue: int | None = None if isinstance(size, NoData) else size


def _wanted(said: tuple[Proposal, ...]) -> dict[str, int]:
    return {
        proposal.policy: proposal.answer.workers
        for proposal in said
        if isinstance(proposal.answer, Recommendation)
    }


class AppMinutes:
    """The minute under way of one app."""

    __slots__ = (
        "_arrivals",
        "_at",
        "_cost",
        "_desired",
        "_level",
        "_looks",
        "_max_workers",
        "_queue_max",
        "_said",
        "_served",
        "_started",
        "_sums",
        "_worker_price",
        "_workers",
        "_workers_max",
    )

    def __init__(self, price: Price) -> None:
        """Take what a worker costs as long as none was seen."""
        self._worker_price = price(None)
        self._level: _Level | None = None
        self._at = 0.0
        self._workers: tuple[Worker, ...] = ()
        self._desired: int | None = None
        self._max_workers = 0
        self._said: tuple[Proposal, ...] = ()
        self._begin(0)

    def _begin(self, minute: int) -> None:
        self._started = minute
        self._looks = self._served = self._workers_max = 0
        self._arrivals = self._cost = 0.0
        self._queue_max: int | None = None
        # seen, free, busy, in flight, other, queue, queue seen: all in seconds times a number
        self._sums = array("d", _ZEROS)

    def observed(self, observation: Observation, price: Price) -> list[Minute]:
        """Take a list, and what its workers cost; return the minutes that it closes."""
        now = observation.received_at
        closed = self._advance(now)
        before, level = self._level, _Level(observation, price)
        served = self._count(observation, first=before is None)
        self._looks += 1
        self._served += served
        if before is not None and before.queue is not None and level.queue is not None:
            grown = level.busy - before.busy + level.queue - before.queue
            self._arrivals += max(0, served + grown)
        self._level = level
        self._at = now
        self._workers_max = max(self._workers_max, level.present)
        if level.present:
            self._worker_price = level.cost_per_s * 3600 / level.present
        if level.queue is not None:
            self._queue_max = max(self._queue_max or 0, level.queue)
        return closed

    def decided(self, decision: Decision) -> None:
        """Take what is wanted, by whom, and the maximum in force."""
        self._desired = decision.desired
        if decision.max_workers or decision.desired is not None:
            self._max_workers = decision.max_workers
        self._said = decision.proposals + decision.shadow

    def _count(self, observation: Observation, *, first: bool) -> int:
        """Return the requests finished since the last list.

        A worker seen for the first time tells of all that it served, unless nothing was seen before
        at all; what a worker served between its last list and its end nobody tells.
        """
        before, self._workers = self._workers, observation.workers
        if first or before is observation.workers:
            return 0
        counts = {w.id: w.success_count + w.failed_count for w in before}
        return sum(
            max(0, w.success_count + w.failed_count - counts.get(w.id, 0))
            for w in observation.workers
        )

    def _advance(self, now: float) -> list[Minute]:
        """Let the level hold until ``now``; return the minutes that end on the way."""
        closed: list[Minute] = []
        level, at = self._level, self._at
        if level is not None and now - at > GAP_S:
            closed += self._hold(level, at, at + GAP_S)
            closed += self._close()
            self._level = level = None
            self._workers = ()
        if level is None:
            closed += self._close()
            self._begin(int(now // MINUTE_S))
            return closed
        return closed + self._hold(level, at, max(at, now))

    def _hold(self, level: _Level, since: float, until: float) -> list[Minute]:
        closed: list[Minute] = []
        while True:
            end = (self._started + 1) * MINUTE_S
            span_s = min(end, until) - since
            if span_s > 0:
                self._add(level, span_s)
                since += span_s
            if until < end:
                return closed
            closed += self._close()
            self._begin(self._started + 1)
            self._workers_max = level.present
            self._queue_max = level.queue

    def _add(self, level: _Level, span_s: float) -> None:
        sums = self._sums
        sums[0] += span_s
        sums[1] += span_s * level.free
        sums[2] += span_s * level.busy
        sums[3] += span_s * level.in_flight
        sums[4] += span_s * level.other
        if level.queue is not None:
            sums[5] += span_s * level.queue
            sums[6] += span_s
        self._cost += span_s * level.cost_per_s

    def _close(self) -> list[Minute]:
        """Return the minute under way, if anything is known of it."""
        if not self._looks and not self._sums[0]:
            return []
        seen_s, free_s, busy_s, in_flight_s, other_s, queue_s, queue_seen_s = self._sums
        return [
            Minute(
                self._started, seen_s, self._looks, free_s, busy_s, in_flight_s, other_s,
                self._workers_max, queue_s, queue_seen_s, self._queue_max, self._desired,
                self._max_workers, self._arrivals, self._served, self._cost, self._worker_price,
                _wanted(self._said),
            )
        ]  # fmt: skip

    def flush(self) -> list[Minute]:
        """Return what is known of the minute under way and begin it anew, for the end of a run."""
        closed = self._close()
        self._begin(self._started)
        return closed
