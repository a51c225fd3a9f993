"""One emulated app: its workers, its queue, its clockwork. Pure: time comes in through ``advance``.

A binary heap holds what is due (completions, ends of starts, crashes, …); arrivals come straight
from the load's iterator, so a day with 80,000 requests never sits in memory. Whoever asks something
first advances the app to its own now; between two calls nothing happens.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from heapq import heappop, heappush

from autoscaler.emulator.books import Books
from autoscaler.emulator.journal import Journal
from autoscaler.emulator.load import Arrival
from autoscaler.emulator.rng import stream
from autoscaler.emulator.scenario import MAX_FLEET, AppScenario, Event
from autoscaler.emulator.worker import HEALTHY, RUNNING, Phase, SimWorker

_ID_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_KEEP_GONE_S = 7 * 86400.0
_KEEP_GONE = 20_000
_END = Arrival(math.inf, 0.0)


class App:
    """One app of the fleet; :meth:`advance` moves it, the other methods act at its ``now``.

    Attributes:
        knobs: the scenario's word on it. now: epoch seconds reached so far.
        workers: by id, those that are present (not ERROR, not TERMINATED), oldest first.
        gone: by id, those that are not, in order of their end; the oldest are forgotten.
        free: by id, the FREE ones, least recently used first. queue: arrival and service time.
        books: what was booked. exits: when healthy workers left without being asked.
        journal: events, and requests by the hour.
    """

    def __init__(self, knobs: AppScenario, *, epoch_s: float, seed: int) -> None:
        self.knobs = knobs
        self.label = f"{knobs.namespace}/{knobs.name}"
        self.epoch_s = epoch_s
        self.now = epoch_s
        self.books = Books()
        self.workers: dict[str, SimWorker] = {}
        self.gone: OrderedDict[str, SimWorker] = OrderedDict()
        self.free: OrderedDict[str, SimWorker] = OrderedDict()
        self.queue: deque[Arrival] = deque()
        self.journal = Journal()
        self.exits: deque[float] = deque(maxlen=1000)
        self.paused_at: float | None = None
        self.max_workers = knobs.max_workers
        self.last_scale_up_at: float | None = None
        self.last_scale_down_at: float | None = None
        self._ids = stream(seed, self.label, "ids")
        self._starts = stream(seed, self.label, "starts")
        self._troubles = stream(seed, self.label, "troubles")
        self._choices = stream(seed, self.label, "choices")
        self._load = knobs.load.arrivals(stream(seed, self.label, "load"))
        self.uid, self.revision = self._new_id(), self._new_id()
        self.created_at = self.updated_at = epoch_s
        self._heap: list[tuple[float, int, Callable[[SimWorker], None], SimWorker]] = []
        self._plan = deque(sorted(knobs.events, key=lambda event: event.at_s))
        self._count = 0
        self._upcoming = next(self._load, _END)
        for _ in range(knobs.initial_workers):
            self._ready(self.start(by_caller=False, start_s=0.0))

    # -- time ---------------------------------------------------------------------------------

    def advance(self, to_s: float) -> None:
        """Let everything happen that is due until ``to_s``, in order; going back does nothing."""
        while self._plan and self.epoch_s + self._plan[0].at_s <= to_s:
            event = self._plan.popleft()
            self._run_until(self.epoch_s + event.at_s)
            self.happen(event)
        self._run_until(to_s)

    def next_due(self) -> float:
        """Return when something next happens by itself, epoch seconds; infinity if never."""
        planned = self.epoch_s + self._plan[0].at_s if self._plan else math.inf
        due = self._heap[0][0] if self._heap else math.inf
        return min(planned, due, self.epoch_s + self._upcoming.arrival_s)

    def _run_until(self, to_s: float) -> None:
        heap = self._heap
        while True:
            due = heap[0][0] if heap else math.inf
            arrival = self.epoch_s + self._upcoming.arrival_s
            if arrival < due:
                if arrival > to_s:
                    break
                self.now = max(self.now, arrival)
                self._arrive(Arrival(arrival, self._upcoming.service_s))
                self._upcoming = next(self._load, _END)
            elif due <= to_s:
                self.now, _, action, worker = heappop(heap)
                action(worker)
            else:
                break
        self.now = max(self.now, to_s)

    def _at(self, when: float, action: Callable[[SimWorker], None], worker: SimWorker) -> None:
        self._count += 1
        heappush(self._heap, (when, self._count, action, worker))

    def happen(self, event: Event) -> None:
        """Let a scenario's event happen now, whatever its ``at_s``."""
        match event.do:
            case "update":
                self.update()
            case "pause":
                self.pause()
            case "resume":
                self.resume()
            case "set-max-workers":
                self.max_workers = event.value
            case _:
                self._strike(event)

    def _strike(self, event: Event) -> None:
        running = [each for each in self.workers.values() if each.phase in RUNNING]
        count = 1 if event.value is None else event.value
        for worker in self._choices.sample(running, min(count, len(running))):
            if event.do == "crash":
                self.crash(worker.id)
            elif event.do == "outage":
                self.interrupt(worker.id, event.for_s)
            else:
                worker.sessions.append(self.now + event.for_s)

    # -- requests -----------------------------------------------------------------------------

    def send(self, service_s: float) -> None:
        """Let one request arrive now, beside the load."""
        self._arrive(Arrival(self.now, service_s))

    def _arrive(self, request: Arrival) -> None:
        self.books.arrived += 1
        self.journal.tally(self.now, "arrived")
        if self.paused_at is not None:
            self.books.lost_to_pause += 1
        elif self.free:
            self._serve(self._pick(), request)
        else:
            self.queue.append(request)

    def _pick(self) -> SimWorker:
        order = self.knobs.dispatch
        if order == "random":
            return self.free.pop(self._choices.choice(list(self.free)))
        return self.free.popitem(last=order == "last-used")[1]

    def _serve(self, worker: SimWorker, request: Arrival) -> None:
        now = self.now
        self.books.waits.add(now - request.arrival_s)
        if worker.phase is not Phase.BUSY:
            worker.phase, worker.since = Phase.BUSY, now
        worker.request_arrived_at, worker.service_s = request
        worker.busy_until = now + request.service_s
        self._at(worker.busy_until, self._complete, worker)

    def _complete(self, worker: SimWorker) -> None:
        if worker.phase is not Phase.BUSY or worker.busy_until > self.now:
            return  # of a request that was lost
        self._book_completion(worker)
        worker.last_serve_at = self.now
        sessions = self.knobs.sessions
        if sessions.probability and self._choices.random() < sessions.probability:
            worker.sessions.append(self.now + sessions.hold.draw(self._choices))
        if worker.retiring:
            self.remove(worker, by_caller=False)
        else:
            self._next_request(worker)

    def _book_completion(self, worker: SimWorker) -> None:
        share = self.knobs.troubles.failed_requests
        if share and self._troubles.random() < share:
            worker.failed_count += 1
            self.books.failed += 1
            self.journal.tally(self.now, "failed")
        else:
            worker.success_count += 1
            self.books.served += 1
            self.journal.tally(self.now, "served")
        self.books.work_s += worker.service_s

    def _next_request(self, worker: SimWorker) -> None:
        if self.queue:
            self._serve(worker, self.queue.popleft())
        else:
            worker.phase, worker.since = Phase.FREE, self.now
            self.free[worker.id] = worker

    # -- workers come -------------------------------------------------------------------------

    def start(
        self, *, by_caller: bool, replaces: str = "", start_s: float | None = None
    ) -> SimWorker:
        """Order one worker now; ``start_s``: how long its start takes, drawn where not given."""
        worker = SimWorker(
            id=self._new_id(),
            device_id=f"{self._ids.getrandbits(64):016x}",
            revision=self.revision,
            created_at=self.now,
            start_s=self.knobs.cold_start.draw(self._starts) if start_s is None else start_s,
            visible_at=self.now + self.knobs.list_lag_s * (start_s != 0.0),
            by_caller=by_caller,
            replaces=replaces,
            since=self.now,
        )
        self.workers[worker.id] = worker
        self.books.started += 1
        self.journal.say(self.now, f"Successfully assigned worker/{worker.id} to node", "Scheduler")
        if start_s is None:
            self._plan_start(worker)
        return worker

    def _plan_start(self, worker: SimWorker) -> None:
        troubles, luck = self.knobs.troubles, self._starts.random()
        if luck < troubles.start_failure:
            part = luck / troubles.start_failure
            self._at(self.now + worker.start_s * part, self._fail_start, worker)
        elif luck >= troubles.start_failure + troubles.start_stuck:
            self._at(self.now + worker.start_s, self._ready, worker)

    def _ready(self, worker: SimWorker) -> None:
        if worker.phase is not Phase.STARTING:
            return  # cancelled
        worker.last_serve_at = self.now
        self.journal.say(self.now, f"Worker/{worker.id} is ready now", "AppServer")
        self._plan_trouble(self.knobs.troubles.crashes_per_hour, self._crash, worker)
        self._plan_trouble(self.knobs.troubles.outages_per_hour, self._outage, worker)
        self._next_request(worker)
        old = self.workers.get(worker.replaces)
        if old is not None:
            self._retire(old)

    def _retire(self, old: SimWorker) -> None:
        if old.phase is Phase.BUSY:
            old.retiring = True
        elif old.phase is not Phase.REMOVING:
            self.remove(old, by_caller=False)

    # -- workers go ---------------------------------------------------------------------------

    def remove(self, worker: SimWorker, *, by_caller: bool) -> bool:
        """Begin the removal of a present worker; return whether a request was lost with it."""
        lost = worker.phase is Phase.BUSY
        worker.removed_by_caller = by_caller
        self._leave(worker, Phase.REMOVING)
        self._at(self.now + self.knobs.removal_s, self._bury, worker)
        self.journal.say(self.now, f"Worker/{worker.id} is being removed", "Scheduler")
        return lost

    def crash(self, worker_id: str) -> None:
        """Let a running worker end in ERROR now, and its request with it."""
        self._crash(self.workers[worker_id])

    def interrupt(self, worker_id: str, for_s: float) -> None:
        """Make a running worker UNAVAILABLE for that long; its request is lost."""
        worker = self.workers[worker_id]
        if worker.phase not in RUNNING:
            return
        self.books.outages += 1
        self.books.lost_to_crash += worker.phase is Phase.BUSY
        self.free.pop(worker.id, None)
        worker.phase, worker.since = Phase.UNAVAILABLE, self.now
        self.exits.append(self.now)
        self._at(self.now + for_s, self._come_back, worker)

    def _come_back(self, worker: SimWorker) -> None:
        if worker.phase is not Phase.UNAVAILABLE:
            return
        self._next_request(worker)
        self._plan_trouble(self.knobs.troubles.outages_per_hour, self._outage, worker)

    def _crash(self, worker: SimWorker) -> None:
        if worker.phase not in RUNNING:
            return
        self.books.crashes += 1
        self.books.lost_to_crash += worker.phase is Phase.BUSY
        self._fail(worker, "crashed")
        if self.knobs.replace_crashed and len(self.workers) < MAX_FLEET:
            self.start(by_caller=False)

    def _outage(self, worker: SimWorker) -> None:
        if worker.phase in RUNNING:
            self.interrupt(worker.id, self.knobs.troubles.outage.draw(self._troubles))

    def _fail_start(self, worker: SimWorker) -> None:
        if worker.phase is Phase.STARTING:
            self.books.start_failures += 1
            self._fail(worker, "failed to start")

    def _fail(self, worker: SimWorker, what: str) -> None:
        self._leave(worker, Phase.ERROR)
        self.exits.append(self.now)
        self.journal.say(self.now, f"Worker/{worker.id} {what}", "AppServer", kind="WARNING")
        self._forget(worker)

    def _leave(self, worker: SimWorker, phase: Phase) -> None:
        """Stop the worker's service and its costs."""
        self.free.pop(worker.id, None)
        worker.phase, worker.since, worker.ended_at = phase, self.now, self.now
        self.books.worker_seconds += self.now - worker.created_at
        self.books.stopped += 1
        partner = self.workers.get(worker.replaces)
        if partner is not None and not partner.retiring:
            partner.replaced_by = ""

    def _bury(self, worker: SimWorker) -> None:
        worker.phase, worker.since = Phase.TERMINATED, self.now
        self._forget(worker)

    def _forget(self, worker: SimWorker) -> None:
        """Move a worker from the present ones to those that are gone."""
        del self.workers[worker.id]
        self.gone[worker.id] = worker
        while len(self.gone) > _KEEP_GONE or self._oldest_gone() < self.now - _KEEP_GONE_S:
            self.gone.popitem(last=False)

    def _oldest_gone(self) -> float:
        return next(iter(self.gone.values())).since

    def bury_failed(self, worker: SimWorker) -> None:
        """Clear a worker that ended in ERROR: it counts as terminated from now on."""
        worker.phase, worker.removed_by_caller = Phase.TERMINATED, True

    def _plan_trouble(
        self, per_hour: float, action: Callable[[SimWorker], None], worker: SimWorker
    ) -> None:
        if per_hour:
            self._at(self.now + self._troubles.expovariate(per_hour / 3600), action, worker)

    # -- the app as a whole -------------------------------------------------------------------

    def update(self) -> None:
        """Roll out a new revision: each worker gets a replacement, and goes when that is ready."""
        self.revision, self.updated_at = self._new_id(), self.now
        for old in list(self.workers.values()):
            if old.phase is not Phase.REMOVING and not old.replaced_by:
                old.replaced_by = self.start(by_caller=False, replaces=old.id).id

    def pause(self) -> None:
        """Stop everything: workers go, their requests and the waiting ones are lost."""
        if self.paused_at is not None:
            return
        self.paused_at = self.updated_at = self.now
        self.books.lost_to_pause += len(self.queue)
        self.queue.clear()
        for worker in list(self.workers.values()):
            if worker.phase is not Phase.REMOVING:
                self.books.lost_to_pause += self.remove(worker, by_caller=False)

    def resume(self) -> None:
        """End a pause: the platform orders the app's default number of workers."""
        if self.paused_at is None:
            return
        self.paused_at, self.updated_at = None, self.now
        for _ in range(self.knobs.default_workers):
            self.start(by_caller=False)

    # -- questions ----------------------------------------------------------------------------

    def is_paired(self, worker: SimWorker) -> bool:
        """Whether it counts as one with the worker it replaces, for both are there."""
        return worker.replaces in self.workers

    def present(self) -> int:
        """Return how many places under the maximum are taken; a roll-out's pair takes one."""
        return sum(not self.is_paired(worker) for worker in self.workers.values())

    def healthy(self) -> int:
        """Return how many serve or will (FREE, BUSY, starting); a roll-out's pair counts once."""
        return sum(
            worker.phase in HEALTHY and not self._has_healthy_elder(worker)
            for worker in self.workers.values()
        )

    def _has_healthy_elder(self, worker: SimWorker) -> bool:
        """Whether one before it in a chain of replacements still counts in its stead."""
        elder = self.workers.get(worker.replaces)
        while elder is not None and elder.phase not in HEALTHY:
            elder = self.workers.get(elder.replaces)
        return elder is not None

    def find(self, worker_id: str) -> SimWorker | None:
        """Return the worker of that id, present or gone."""
        return self.workers.get(worker_id) or self.gone.get(worker_id)

    def open_worker_seconds(self) -> float:
        """Return the worker-seconds so far of the workers that still cost."""
        return sum(
            self.now - worker.created_at
            for worker in self.workers.values()
            if worker.ended_at is None
        )

    def choose(self, count: int) -> list[SimWorker]:
        """Return ``count`` workers by chance, as a platform may when a call names none."""
        there = [each for each in self.workers.values() if each.phase is not Phase.REMOVING]
        return self._choices.sample(there, min(count, len(there)))

    def _new_id(self) -> str:
        return "".join(self._ids.choices(_ID_LETTERS, k=22))
