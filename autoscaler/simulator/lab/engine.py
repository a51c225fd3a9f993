"""The event loop: arrivals, completions, starts and polls in virtual time, nothing else.

The model is the platform's as far as it is known: one FIFO queue, a worker serves one request at a
time, an order cannot be taken back and is billed from the order on, only FREE workers are removed.
Requests stream through; what is kept is the waiting ones, one event per worker, and counters. The
loop is one function over local names because it runs once per event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush, heapreplace
from math import inf
from random import Random  # noqa: TID251 - seeded
from typing import Protocol

from autoscaler.model import Action, Observation, ScaleDown, ScaleUp
from autoscaler.simulator.lab.metrics import RunResult, WaitHistogram
from autoscaler.simulator.lab.platform import Fleet, Setup, SimWorker
from autoscaler.simulator.lab.trace import Request

_NO_MORE: Request = (inf, 0.0)
_MANY_WAITS = 4096


class Driver(Protocol):
    """Whatever decides: a bare policy, or the whole pipeline."""

    @property
    def wants_queue(self) -> bool:
        """Whether the waiting requests are to be listed one by one."""

    def decide(self, observation: Observation) -> Action:
        """Return what is to be done now (``observation.received_at``)."""

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Learn that the platform carried the action out; ``worker_ids``: started or removed."""


def simulate(
    trace: Iterable[Request],
    driver: Driver,
    setup: Setup,
    on_poll: Callable[[float], None] | None = None,
) -> RunResult:
    """Run a trace through a driver.

    Args:
        trace: requests in order of arrival.
        driver: decides at each poll.
        setup: the platform and the rules.
        on_poll: told the virtual time at each poll.

    An interrupt (Ctrl-C) ends the run; the result is of the part until then and says so.
    """
    return Simulation(driver, setup, on_poll).run(trace)


class _Totals:
    """What the loop adds up. An object, so that an interrupt leaves it whole."""

    __slots__ = (
        "completions",
        "early",
        "idle_since",
        "last_arrival",
        "over_s",
        "requests",
        "under_s",
        "waiting_since",
        "work_s",
    )

    def __init__(self) -> None:
        self.requests = self.early = self.completions = 0
        self.work_s = self.under_s = self.over_s = 0.0
        self.waiting_since = self.idle_since = self.last_arrival = 0.0


class Simulation:
    """One run."""

    def __init__(
        self, driver: Driver, setup: Setup, on_poll: Callable[[float], None] | None = None
    ) -> None:
        self.setup = setup
        self.fleet = Fleet(setup)
        self.waits = WaitHistogram(setup.target_wait_s)
        self.queue: deque[Request] = deque()
        self._driver = driver
        self._on_poll = on_poll
        self.totals = _Totals()
        self._unsorted: list[float] = []
        """The latest waits: the histogram takes many at once faster."""
        self._now = 0.0
        self._starts = self._ups = self._downs = self._polls = 0
        self._rng = Random(f"{setup.seed}-looks")  # noqa: S311 - a simulation

    def run(self, trace: Iterable[Request]) -> RunResult:
        """Run to the last completion and return what came of it."""
        interrupted = False
        try:
            self._loop(trace)
        except KeyboardInterrupt:
            interrupted = True
        self._close()
        return self._result(interrupted=interrupted)

    def _loop(self, trace: Iterable[Request]) -> None:  # noqa: C901, PLR0912, PLR0915
        """Handle every event in order of time; at the same time: events, arrivals, polls."""
        setup, fleet, queue, totals = self.setup, self.fleet, self.queue, self.totals
        free, events = fleet.free, fleet.events
        warmup, fault_share, chance = setup.warmup_s, setup.faults.request, self._rng.random
        take: Callable[[], SimWorker] = _taker(setup, free)
        add_wait = self._unsorted.append
        arrivals = iter(trace)
        arrival, service = next(arrivals, _NO_MORE)
        poll = last_arrival = work_s = 0.0
        requests = early = completions = 0
        try:
            while True:
                event_at, number, worker = events[0]
                if event_at <= arrival and event_at <= poll:
                    worker.seen = None
                    if worker.ready:
                        completions += 1
                        if fault_share and chance() < fault_share:
                            worker.failed += 1
                        else:
                            worker.count += 1
                    elif not self._started(worker, event_at):
                        heappop(events)
                        continue
                    worker.last = event_at
                    if queue:
                        began, took = queue.popleft()
                        worker.busy = True
                        heapreplace(events, (event_at + took, number, worker))
                        if began >= warmup:
                            add_wait(event_at - began)
                        if not queue:
                            totals.under_s += event_at - totals.waiting_since
                    else:
                        heappop(events)
                        worker.busy = False
                        if not free:
                            totals.idle_since = event_at
                        free.append(worker)
                elif arrival <= poll:
                    requests += 1
                    work_s += service
                    last_arrival = arrival
                    if free:
                        worker = take()
                        worker.busy = True
                        worker.seen = None
                        heappush(events, (arrival + service, worker.number, worker))
                        if not free:
                            totals.over_s += arrival - totals.idle_since
                    else:
                        if not queue:
                            totals.waiting_since = arrival
                        queue.append((arrival, service))
                    if arrival < warmup:
                        early += 1
                    arrival, service = next(arrivals, _NO_MORE)
                else:
                    self._now, totals.last_arrival = poll, last_arrival
                    if arrival == inf and self._ended(poll):
                        return
                    self._poll(poll)
                    poll += setup.interval_s
        finally:
            # Also where an interrupt ends it: the part until then is told.
            totals.requests, totals.early, totals.completions = requests, early, completions
            totals.work_s, totals.last_arrival = work_s, last_arrival

    def _close(self) -> None:
        """Put on the account what still goes on at the end."""
        totals = self.totals
        totals.under_s += self._now - totals.waiting_since if self.queue else 0.0
        totals.over_s += max(0.0, self._now - totals.idle_since) if self.fleet.free else 0.0
        self.fleet.bill_all(self._now)

    def _started(self, worker: SimWorker, now: float) -> bool:
        self._starts += 1
        if worker.dead:
            self.fleet.bury(worker.number, now)
            return False
        worker.ready = True
        return True

    def _ended(self, now: float) -> bool:
        serving = any(worker.busy for worker in self.fleet.workers.values())
        if serving or (self.queue and now < self.totals.last_arrival + self.setup.drain_limit_s):
            return False
        lasts = [w.last for w in self.fleet.workers.values() if w.last is not None]
        if not self.queue:
            self._now = max([self.totals.last_arrival, *lasts])
        return True

    def _poll(self, now: float) -> None:
        self._polls += 1
        if len(self._unsorted) >= _MANY_WAITS:
            self.waits.add_all(self._unsorted)
            self._unsorted.clear()
        idle = bool(self.fleet.free)
        if self._on_poll is not None:
            self._on_poll(now)
        if self.setup.faults.look and self._rng.random() < self.setup.faults.look:
            return
        waiting = self.queue if self._driver.wants_queue else None
        action = self._driver.decide(self.fleet.observe(now, len(self.queue), waiting))
        if isinstance(action, ScaleUp):
            started = self.fleet.order(action.count, now)
            self._ups += bool(started)
            self._driver.carried_out(action, started)
        elif isinstance(action, ScaleDown):
            removed = self.fleet.remove(action.worker_ids, now)
            self._downs += bool(removed)
            if idle and not self.fleet.free:
                self.totals.over_s += now - self.totals.idle_since
            self._driver.carried_out(action, removed)

    def _result(self, *, interrupted: bool) -> RunResult:
        waits, fleet, totals = self.waits, self.fleet, self.totals
        still = [self._now - began for began, _ in self.queue if began >= self.setup.warmup_s]
        waits.add_all([*self._unsorted, *(wait for wait in still if wait > 0)])
        counted = totals.requests - totals.early
        span = self._now or 1.0
        return RunResult(
            requests=totals.requests,
            counted=counted,
            work_s=totals.work_s,
            cost_worker_s=fleet.cost_s,
            late=waits.late,
            wait_p50_s=waits.quantile(0.50, counted),
            wait_p95_s=waits.quantile(0.95, counted),
            wait_p99_s=waits.quantile(0.99, counted),
            wait_max_s=waits.max_s,
            scale_ups=self._ups,
            scale_downs=self._downs,
            ordered=fleet.ordered,
            removed=fleet.removed,
            under_provisioned_share=totals.under_s / span,
            over_provisioned_share=totals.over_s / span,
            unserved=len(self.queue),
            span_s=self._now,
            events=totals.requests + totals.completions + self._starts + self._polls,
            polls=self._polls,
            interrupted=interrupted,
        )


def _taker(setup: Setup, free: deque[SimWorker]) -> Callable[[], SimWorker]:
    if setup.dispatch == "last-used":
        return free.pop
    if setup.dispatch == "least-used":
        return free.popleft
    rng = Random(f"{setup.seed}-dispatch")  # noqa: S311 - a simulation

    def random() -> SimWorker:
        free.rotate(rng.randrange(len(free)))
        return free.pop()

    return random
