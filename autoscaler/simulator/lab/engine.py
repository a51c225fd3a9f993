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
        self._requests = self._early = self._starts = self._completions = 0
        self._work_s = self._now = 0.0
        self._under_s = self._over_s = 0.0
        self._ups = self._downs = self._polls = 0
        self._last_arrival = 0.0
        self._rng = Random(f"{setup.seed}-looks")  # noqa: S311 - a simulation

    def run(self, trace: Iterable[Request]) -> RunResult:
        """Run to the last completion and return what came of it."""
        interrupted = False
        try:
            self._loop(trace)
        except KeyboardInterrupt:
            interrupted = True
        self.fleet.bill_all(self._now)
        return self._result(interrupted=interrupted)

    def _loop(self, trace: Iterable[Request]) -> None:  # noqa: C901, PLR0912, PLR0915
        """Handle every event in order of time; at the same time: events, arrivals, polls."""
        setup, fleet, queue, waits = self.setup, self.fleet, self.queue, self.waits
        workers, free, events = fleet.workers, fleet.free, fleet.events
        warmup, interval = setup.warmup_s, setup.interval_s
        fault_share, chance = setup.faults.request, self._rng.random
        take: Callable[[], int] = _taker(setup, free)
        next_request = iter(trace).__next__
        add_wait = waits.add
        poll = waiting_since = idle_since = last_arrival = 0.0
        arrived = early = done = 0
        work = under = over = 0.0
        try:
            arrival, service = _next(next_request)
            while True:
                event_at = events[0][0] if events else inf
                if event_at <= arrival and event_at <= poll:
                    number = events[0][1]
                    worker = workers[number]
                    if worker.ready:
                        done += 1
                        if fault_share and chance() < fault_share:
                            worker.failed += 1
                        else:
                            worker.count += 1
                    elif not self._started(worker, number, event_at):
                        heappop(events)
                        continue
                    worker.last = event_at
                    if queue:
                        began, took = queue.popleft()
                        worker.busy = True
                        heapreplace(events, (event_at + took, number))
                        if began >= warmup:
                            add_wait(event_at - began)
                        if not queue:
                            under += event_at - waiting_since
                    else:
                        heappop(events)
                        worker.busy = False
                        if not free:
                            idle_since = event_at
                        free.append(number)
                elif arrival <= poll:
                    arrived += 1
                    work += service
                    if arrival < warmup:
                        early += 1
                    if free:
                        number = take()
                        workers[number].busy = True
                        heappush(events, (arrival + service, number))
                        if not free:
                            over += arrival - idle_since
                    else:
                        if not queue:
                            waiting_since = arrival
                        queue.append((arrival, service))
                    last_arrival = arrival
                    try:
                        arrival, service = next_request()
                    except StopIteration:
                        arrival = inf
                else:
                    self._now = poll
                    self._last_arrival = last_arrival
                    if arrival == inf and self._ended(poll):
                        break
                    idle = bool(free)
                    self._poll(poll)
                    if idle and not free:
                        over += poll - idle_since
                    poll += interval
        finally:
            under += self._now - waiting_since if queue else 0.0
            over += max(0.0, self._now - idle_since) if free else 0.0
            self._requests, self._early, self._completions = arrived, early, done
            self._work_s, self._under_s, self._over_s = work, under, over

    def _started(self, worker: SimWorker, number: int, now: float) -> bool:
        self._starts += 1
        if worker.dead:
            self.fleet.bury(number, now)
            return False
        worker.ready = True
        return True

    def _ended(self, now: float) -> bool:
        serving = any(worker.busy for worker in self.fleet.workers.values())
        if serving or (self.queue and now < self._last_arrival + self.setup.drain_limit_s):
            return False
        lasts = [w.last for w in self.fleet.workers.values() if w.last is not None]
        if not self.queue:
            self._now = max([self._last_arrival, *lasts])
        return True

    def _poll(self, now: float) -> None:
        self._polls += 1
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
            self._driver.carried_out(action, removed)

    def _result(self, *, interrupted: bool) -> RunResult:
        waits, fleet = self.waits, self.fleet
        for began, _ in self.queue:
            if began >= self.setup.warmup_s and self._now > began:
                waits.add(self._now - began)
        counted = self._requests - self._early
        span = self._now or 1.0
        return RunResult(
            requests=self._requests,
            counted=counted,
            work_s=self._work_s,
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
            under_provisioned_share=self._under_s / span,
            over_provisioned_share=self._over_s / span,
            unserved=len(self.queue),
            span_s=self._now,
            events=self._requests + self._completions + self._starts + self._polls,
            polls=self._polls,
            interrupted=interrupted,
        )


def _next(next_request: Callable[[], Request]) -> Request:
    try:
        return next_request()
    except StopIteration:
        return inf, 0.0


def _taker(setup: Setup, free: deque[int]) -> Callable[[], int]:
    if setup.dispatch == "last-used":
        return free.pop
    if setup.dispatch == "least-used":
        return free.popleft
    rng = Random(f"{setup.seed}-dispatch")  # noqa: S311 - a simulation

    def random() -> int:
        free.rotate(rng.randrange(len(free)))
        return free.pop()

    return random
