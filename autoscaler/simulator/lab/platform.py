"""The platform in virtual time: its workers, its list, and what an order or a removal does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappush
from math import inf
from random import Random  # noqa: TID251 - seeded
from typing import Literal

from autoscaler.model import AppKey, Observation, QueuedRequest, Worker, WorkerState
from autoscaler.model.frozen import maker
from autoscaler.simulator.lab.trace import Request

EPOCH_S = 1_735_689_600.0
"""Virtual time starts here: 2025-01-01 00:00 UTC, a Wednesday."""

APP = AppKey("default", "lab")
Dispatch = Literal["last-used", "least-used", "random"]

_WORKER_BUSY = "QueueReasonWorkerBusy"
_FREE, _BUSY, _IN_FLIGHT = WorkerState.FREE, WorkerState.BUSY, WorkerState.IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, each as a probability (0..1).

    Attributes:
        start: an ordered worker fails instead of becoming ready; it is billed until then.
        request: a request fails (it takes its time all the same).
        look: a list request fails; the autoscaler sees nothing at that poll.
    """

    start: float = 0.0
    request: float = 0.0
    look: float = 0.0


@dataclass(frozen=True, slots=True)
class Setup:
    """The platform and the rules of a run. Times are in seconds.

    Attributes:
        cold_start_s: order to readiness; a number, or a function that draws one.
        interval_s: between two polls. list_lag_s: until an ordered worker shows in the list.
        dispatch: which FREE worker gets the next request.
        max_workers: the platform's maximum; ``None`` for no maximum.
        warmup_s: requests before this are left out of the shares. target_wait_s: longest good wait.
        drain_limit_s: a run ends at the latest this long after the last arrival.
        faults: what goes wrong. seed: of every random draw.
    """

    cold_start_s: float | Callable[[Random], float] = 60.0
    interval_s: float = 15.0
    list_lag_s: float = 0.0
    dispatch: Dispatch = "last-used"
    max_workers: int | None = None
    warmup_s: float = 600.0
    target_wait_s: float = 10.0
    drain_limit_s: float = 7200.0
    faults: Faults = field(default=Faults())
    seed: int = 0


_worker = maker(Worker)
_observation = maker(Observation)


class SimWorker:
    """One worker.

    Attributes:
        created_at: when it was ordered, epoch seconds; ``created`` is the same in virtual time.
        seen: its row of the last list, ``None`` once anything about it changed.
    """

    __slots__ = (
        "busy",
        "count",
        "created",
        "created_at",
        "dead",
        "failed",
        "last",
        "name",
        "number",
        "ready",
        "seen",
    )

    def __init__(self, number: int, created: float, *, dead: bool) -> None:
        self.number = number
        self.name = f"w{number}"
        self.created = created
        self.created_at = EPOCH_S + created
        self.ready = False
        self.busy = False
        self.dead = dead
        self.last: float | None = None
        self.count = 0
        self.failed = 0
        self.seen: Worker | None = None


Event = tuple[float, int, SimWorker]
"""When a worker starts or ends a request, its number (of two at a time, the older is first), it."""


class Fleet:
    """All workers that live, the FREE ones in order of last use, and the bill."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.workers: dict[int, SimWorker] = {}
        self.free: deque[SimWorker] = deque()
        self.events: list[Event] = [(inf, -1, SimWorker(-1, inf, dead=True))]
        """A heap. Its last one never comes, so that there is always a next one to look at."""
        self.cost_s = 0.0
        self.ordered = self.removed = 0
        self.last_up: float | None = None
        self.last_down: float | None = None
        self._rng = Random(f"{setup.seed}-fleet")  # noqa: S311 - a simulation

    def order(self, count: int, now: float) -> tuple[str, ...]:
        """Start ``count`` workers, as far as the maximum allows; return their ids."""
        maximum = self.setup.max_workers
        if maximum is not None:
            count = min(count, maximum - len(self.workers))
        first = self.ordered
        for number in range(first, first + count):
            dead = self.setup.faults.start > 0 and self._rng.random() < self.setup.faults.start
            self.workers[number] = worker = SimWorker(number, now, dead=dead)
            heappush(self.events, (now + self._cold_start_s(), number, worker))
        if count <= 0:
            return ()
        self.ordered += count
        self.last_up = now
        return tuple([f"w{number}" for number in range(first, first + count)])

    def _cold_start_s(self) -> float:
        drawn = self.setup.cold_start_s
        return drawn(self._rng) if callable(drawn) else drawn

    def remove(self, ids: tuple[str, ...], now: float) -> tuple[str, ...]:
        """Remove those of the named workers that are FREE; return their ids."""
        going = {number for number in (int(name[1:]) for name in ids) if self._is_free(number)}
        if not going:
            return ()
        for number in going:
            self.bury(number, now)
        kept = [worker for worker in self.free if worker.number not in going]
        self.free.clear()
        self.free.extend(kept)
        self.removed += len(going)
        self.last_down = now
        return tuple([f"w{number}" for number in sorted(going)])

    def _is_free(self, number: int) -> bool:
        worker = self.workers.get(number)
        return worker is not None and worker.ready and not worker.busy

    def bury(self, number: int, now: float) -> None:
        """End a worker and put it on the bill."""
        self.cost_s += max(0.0, now - self.workers.pop(number).created)

    def bill_all(self, now: float) -> None:
        """Put every living worker on the bill, at the end of the run."""
        for number in list(self.workers):
            self.bury(number, now)

    def observe(
        self, now: float, queue_size: int, waiting: Iterable[Request] | None = None
    ) -> Observation:
        """Return the list reply of this moment; ``waiting``: the queue, if it was asked for."""
        shown_before = now - self.setup.list_lag_s
        rows = self._rows(shown_before)
        moment = EPOCH_S + now
        return _observation(
            app=APP,
            workers=tuple(rows),
            queue_size=queue_size,
            requested_at=moment,
            received_at=moment,
            platform_now=moment,
            max_workers=self.setup.max_workers,
            last_scale_up_at=None if self.last_up is None else EPOCH_S + self.last_up,
            last_scale_down_at=None if self.last_down is None else EPOCH_S + self.last_down,
            queue=None if waiting is None else _listed(waiting),
        )

    def _rows(self, shown_before: float) -> list[Worker]:
        """Return the rows of a list; only what changed since the last one is made anew."""
        workers: Iterable[SimWorker] = self.workers.values()
        if self.setup.list_lag_s > 0:
            workers = [w for w in workers if w.seen or w.ready or w.created <= shown_before]
        return [w.seen or _row(w) for w in workers]


def _row(w: SimWorker) -> Worker:
    """Make a worker's row, and remember it."""
    state = (_BUSY if w.busy else _FREE) if w.ready else _IN_FLIGHT
    last = None if w.last is None else EPOCH_S + w.last
    w.seen = row = _worker(w.name, state, w.created_at, None, last, w.count, w.failed)
    return row


def _listed(waiting: Iterable[Request]) -> tuple[QueuedRequest, ...]:
    return tuple([QueuedRequest(EPOCH_S + arrival, _WORKER_BUSY) for arrival, _ in waiting])
