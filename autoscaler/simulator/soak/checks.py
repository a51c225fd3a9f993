"""The rules, checked from the platform's side at each request and reply.

The emulator's referee judges every scale call by what the caller had been shown; what it cannot
see is checked here: two passes at a time, dry runs, orders made twice, removals on a bad list or
before a full window, intents not on disk, a configuration's pause.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import msgspec

from autoscaler.control.fleet import FIRST_LOOK_S
from autoscaler.decision import AppMemory, AppSpec
from autoscaler.decision.drain import CONFIRMATION_VALID_S
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import GAP_FLOOR_S, GAP_INTERVALS
from autoscaler.emulator import App, Fleet, Reply, Rule
from autoscaler.emulator.worker import HEALTHY, Phase, SimWorker
from autoscaler.model import AppKey, Census, Reason
from autoscaler.simulator.soak.by_hand import Pauses
from autoscaler.simulator.soak.journal import Journal
from autoscaler.simulator.soak.limits import RELOAD_GRACE_S
from autoscaler.simulator.soak.network import Exchange
from autoscaler.simulator.soak.process import Process

_USABLE = frozenset(
    {"", "delay", "slow", "stale-list", "duplicate-rows", "unknown-enums", "absurd-numbers"}
)
"""What may have hit a list that can still be believed."""
_REFUSALS = frozenset({"401", "403", "404"})
_OF_THE_APP = frozenset({Rule.PLATFORM_SCALED_APP, Rule.PAUSED_APP})
"""What only the app's own page tells. Where a token may not read that, the app is scaled all the
same; these calls are counted apart."""
_INTENT_TO_CALL_S = 40.0
"""A removal leaves this long after its intent at most: the confirming list may be retried."""
_SLACK_S = 2.0


@dataclass(slots=True)
class _Seen:
    """What one process was shown of one app.

    Attributes:
        open: requests under way. list_sent_s: sending of the latest list.
        list_fault: what hit the latest list; ``bad`` where nothing usable came back.
        usable_fault, decided_fault: what hit the latest usable list, and the one before it.
        went_back: whether the latest showed a scale time older than one shown before.
        scale_times: the latest scale times shown. shown_ids: workers listed as present.
        app_refused: whether the platform refused to tell of the app as a whole, when last asked.
        shown_s: sending of the latest usable list.
    """

    open: int = 0
    list_sent_s: float = float("-inf")
    list_fault: str = "bad"
    decided_fault: str = ""
    usable_fault: str = ""
    went_back: bool = False
    scale_times: tuple[str, str] = ("", "")
    shown_ids: frozenset[str] = frozenset()
    app_refused: bool = False
    shown_s: float = float("-inf")


@dataclass(slots=True)
class _Watched:
    """How long an app has been watched without a gap, by any process with a whole memory."""

    since_s: float | None = None
    latest_s: float = float("-inf")


@dataclass(frozen=True, slots=True)
class _Change:
    """A scale call that the platform carried out. ``clearing``: of failed workers."""

    sent_s: float
    delta: int
    clearing: bool


@dataclass(slots=True)
class Configured:
    """What the configuration says of an app, and since when (loop seconds)."""

    spec: AppSpec
    since_s: float
    listed: bool = True


@dataclass(slots=True)
class Checks:
    """Witnesses every exchange.

    Attributes:
        processes: those alive, by name. configured: the configuration in force, by app.
        pauses: those that people ordered and were confirmed.
        store: the database file. write_failed_s: loop time of the last write to it that failed.
        fleet_max: ceiling over all apps.
    """

    fleet: Fleet
    journal: Journal
    now: Callable[[], float]
    store: Path
    write_failed_s: Callable[[], float]
    fleet_max: int | None
    processes: dict[str, Process] = field(default_factory=dict)
    configured: dict[AppKey, Configured] = field(default_factory=dict)
    pauses: Pauses = field(init=False)
    _seen: dict[tuple[str, AppKey], _Seen] = field(default_factory=dict)
    _watched: dict[AppKey, _Watched] = field(default_factory=dict)
    _changes: dict[AppKey, list[_Change]] = field(default_factory=dict)
    _carried_out: dict[AppKey, int] = field(default_factory=dict)
    _untold: set[AppKey] = field(default_factory=set)
    _memoryless: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pauses = Pauses(self.now)

    # -- what the world tells -----------------------------------------------------------------

    def put_in_force(self, specs: Iterable[AppSpec]) -> None:
        """Take a new configuration."""
        now = self.now()
        wanted = {spec.key: spec for spec in specs}
        for key, spec in wanted.items():
            self.configured[key] = Configured(spec, now)
        for key, known in self.configured.items():
            if key not in wanted and known.listed:
                known.listed, known.since_s = False, now

    def memory_lost(self, process: str) -> None:
        """A process starts without the last one's memory."""
        self._memoryless.add(process)
        self.pauses.forgotten()
        self._watched.clear()
        self._changes.clear()

    def clock_changed(self) -> None:
        """A process starts with another clock than the last one: periods cannot be compared."""
        self._changes.clear()

    # -- what the network tells ---------------------------------------------------------------

    def sent(self, exchange: Exchange) -> None:
        """Check a request as it leaves its process."""
        seen = self._of(exchange)
        seen.open += 1
        if seen.open > 1:
            self._fail("two-at-a-time", exchange, f"{seen.open} requests of one app are open")
        if not exchange.scales:
            return
        process = self.processes[exchange.process]
        exchange.decision = process.recorder.latest.get(exchange.app)
        self.journal.note(f"{exchange.process} sends {exchange.operation} {exchange.app}")
        if process.dry_run:
            self._fail("dry-run-sent", exchange, f"a dry run sent {exchange.operation}")
        if seen.list_fault == "bad" or seen.went_back or seen.list_fault not in _USABLE:
            why = "an older list than before" if seen.went_back else seen.list_fault
            self._fail("acted-on-bad-list", exchange, f"{exchange.operation} after: {why}")
        self._check_configuration(exchange)
        self._check_intent(exchange)
        self._check_pace(exchange)
        if exchange.operation == "scale-down":
            self._check_removal(exchange, seen)

    def may_be_emptied(self, exchange: Exchange) -> bool:
        """Not twice in a row, nor where no worker was seen before: nobody could tell then."""
        seen = self._of(exchange)
        if seen.list_fault or seen.went_back:
            return False
        return any(worker.id in seen.shown_ids for worker in self._listed(exchange.app))

    def delivered(self, exchange: Exchange) -> None:
        """Check an order as it arrives."""
        if exchange.operation == "scale-up":
            self._check_order(exchange)

    def answered(self, exchange: Exchange, reply: Reply) -> None:
        """Take what the platform's books say."""
        app = self._app(exchange.app)
        books = app.books
        for breach in books.broken.kept:
            if breach.rule == Rule.ABOVE_MAX and self._cannot_be_told(exchange):
                self.journal.count("orders that no list could have prevented")
            elif breach.rule in _OF_THE_APP and self._of(exchange).app_refused:
                self.journal.count("calls for an app of which the platform refuses to tell")
            else:
                self.journal.fail(breach.rule, breach.app, breach.detail)
        books.broken.kept.clear()
        if books.lost_to_scale_down:
            lost = f"{books.lost_to_scale_down} requests were lost to a scale-down"
            self._fail("lost-to-scale-down", exchange, lost)
        if exchange.scales:
            self._remember(exchange, app)
            fault = exchange.fault or "no fault"
            self.journal.count(f"{exchange.operation} {_short(reply)}")
            self.journal.note(
                f"platform {exchange.operation} {exchange.app} {reply.status} {fault}"
            )

    def ended(self, exchange: Exchange, reply: Reply | None) -> None:
        """Remember what a process was shown."""
        seen = self._of(exchange)
        seen.open -= 1
        whole = reply is not None and reply.then == "send" and reply.status == HTTPStatus.OK
        if exchange.operation == "scale-up" and whole and exchange.fault != "garbage":
            self._untold.discard(exchange.app)
        if exchange.operation == "app":
            seen.app_refused = exchange.fault in _REFUSALS
        if exchange.operation != "list":
            return
        seen.list_sent_s = exchange.sent_s
        if not whole or exchange.fault not in _USABLE:
            seen.list_fault = exchange.fault if whole and exchange.fault else "bad"
            return
        seen.decided_fault, seen.list_fault = seen.usable_fault, exchange.fault
        seen.usable_fault, seen.shown_s = exchange.fault, exchange.sent_s
        seen.shown_ids = frozenset(worker.id for worker in self._listed(exchange.app))
        seen.went_back = reply is not None and self._went_back(seen, reply.body)
        if not self.processes[exchange.process].dry_run:
            self._watch(exchange.app)

    # -- one by one ---------------------------------------------------------------------------

    def _check_configuration(self, exchange: Exchange) -> None:
        known = self.configured[exchange.app]
        if self.now() - known.since_s < RELOAD_GRACE_S:
            return
        direction = exchange.operation.removeprefix("scale-")
        if not known.listed:
            self._fail("left-app", exchange, "the app is not in the configuration any more")
        elif known.spec.paused in ("both", direction):
            self._fail("owner-paused", exchange, f"the configuration pauses {known.spec.paused}")
        elif self.pauses.holds(exchange.app, direction):
            self._fail("paused-by-hand", exchange, f"a person paused {direction}")

    def _check_intent(self, exchange: Exchange) -> None:
        """Look into the store: before a scale call leaves, its intent is on disk."""
        failed = self.now() - self.write_failed_s() < _INTENT_TO_CALL_S
        if failed or self.processes[exchange.process].dry_run:
            return
        memory = read_memory(self.store, exchange.app)
        up = exchange.operation == "scale-up"
        orders = () if memory is None else memory.up_orders if up else memory.down_orders
        if not any(order.outcome is OrderOutcome.INTENDED for order in orders):
            self._fail("no-intent", exchange, f"{exchange.operation} left before its intent")

    def _check_removal(self, exchange: Exchange, seen: _Seen) -> None:
        age_s = exchange.sent_s - seen.list_sent_s
        if age_s > CONFIRMATION_VALID_S + 1e-3:
            self._fail("late-removal", exchange, f"the last list was asked for {age_s:.1f} s ago")
        watched = self._watched.get(exchange.app, _Watched())
        window_s = self.configured[exchange.app].spec.down.stabilization_window_s
        since_s = self.now() if watched.since_s is None else watched.since_s
        seen_s = self.now() - since_s
        if _is_clearing(exchange):
            return
        if seen_s < window_s - _SLACK_S:
            self._fail("early-removal", exchange, f"watched {seen_s:.0f} s of {window_s:.0f} s")
        by_load = exchange.decision and exchange.decision.reason is Reason.LOAD_BELOW_CAPACITY
        if by_load and seen.decided_fault == "absurd-numbers":
            self._fail("removed-without-signal", exchange, "the queue's size was not known")
        self._check_ages(exchange)

    def _check_ages(self, exchange: Exchange) -> None:
        app = self._app(exchange.app)
        youngest_s = self.configured[exchange.app].spec.drain.min_lifetime_s - _SLACK_S
        for worker_id in msgspec.json.decode(exchange.request.content)["workerIds"]:
            worker = app.find(worker_id)
            if worker is not None and app.now - worker.created_at < youngest_s:
                age_s = app.now - worker.created_at
                self._fail("removed-too-young", exchange, f"{worker_id} is {age_s:.0f} s old")

    def _check_pace(self, exchange: Exchange) -> None:
        """Check cooldown and disruption budget against what the platform carried out."""
        spec, now = self.configured[exchange.app].spec, self.now()
        changes = self._changes.get(exchange.app, [])
        up = exchange.operation == "scale-up"
        census = exchange.decision and exchange.decision.census
        cooldown_s = (spec.up if up else spec.down).cooldown_s - _SLACK_S
        latest_s = max((c.sent_s for c in changes if (c.delta > 0) == up), default=float("-inf"))
        from_zero = up and census and census.capacity == 0
        exempt = _is_clearing(exchange) or from_zero or _is_by_hand(exchange)
        if now - latest_s < cooldown_s and not exempt:
            self._fail("cooldown-broken", exchange, f"the last one was {now - latest_s:.1f} s ago")
        budget = spec.drain.disruption
        if up or budget is None or budget.type == "percent" or _is_clearing(exchange):
            return
        recent = [c for c in changes if c.sent_s > now - budget.window_s + _SLACK_S]
        gone = -sum(c.delta for c in recent if c.delta < 0 and not c.clearing)
        going = _asked(exchange)
        if gone + going > budget.value:
            self._fail("budget-broken", exchange, f"{gone} + {going} removed of {budget.value}")

    def _remember(self, exchange: Exchange, app: App) -> None:
        done = app.books.scale_ups + app.books.scale_downs
        if done == self._carried_out.get(exchange.app, 0):
            return
        self._carried_out[exchange.app] = done
        delta = _asked(exchange) * (1 if exchange.operation == "scale-up" else -1)
        change = _Change(exchange.sent_s, delta, _is_clearing(exchange))
        self._changes.setdefault(exchange.app, []).append(change)
        if change.delta > 0:
            self._untold.add(exchange.app)

    def _check_order(self, exchange: Exchange) -> None:
        """Check that an order, when it arrives, does not make more than was wanted."""
        decision, app = exchange.decision, self._app(exchange.app)
        if decision is None or decision.census is None or decision.desired is None:
            return
        if self._cannot_be_told(exchange):
            return
        count = _asked(exchange)
        shown_at = self.fleet.epoch_s + self._of(exchange).list_sent_s
        there = _known_healthy(app, shown_at) - _excused(decision.census)
        if exchange.process in self._memoryless:
            # Starting workers of a new revision may be an update's: nobody remembers the order.
            there -= decision.census.paired
        if there + count > decision.desired:
            what = f"{there} there + {count} ordered > {decision.desired} wanted"
            self._fail("ordered-too-many", exchange, what)
        if self.fleet_max is not None:
            self._check_fleet(exchange, count)

    def _cannot_be_told(self, exchange: Exchange) -> bool:
        """Whether nothing that this process knows could tell that its list is too old.

        The last order's reply was lost and all lists since are from before that order: they are
        alike whether it was carried out or not, for longer than the order deadline allows lists to
        lag. Or there is no memory at all. Such orders are counted apart.
        """
        seen = self._of(exchange)
        blind = seen.list_fault == "stale-list" and not seen.went_back
        return blind and (exchange.app in self._untold or exchange.process in self._memoryless)

    def _check_fleet(self, exchange: Exchange, count: int) -> None:
        present = sum(self._known_present(exchange.process, key) for key in self.configured)
        if self.fleet_max is not None and present + count > self.fleet_max:
            what = f"{present} present + {count} ordered > fleet ceiling {self.fleet_max}"
            self._fail("above-fleet-max", exchange, what)

    def _known_present(self, process: str, key: AppKey) -> int:
        """Places that an app takes, without what the platform started since it was last shown."""
        app, seen = self._app(key), self._seen.get((process, key))
        listed = self.configured[key].listed
        if not listed or ((seen is None or seen.shown_s < 0) and not self._is_new(process)):
            return 0
        shown_at = self.fleet.epoch_s + (0.0 if seen is None else max(0.0, seen.shown_s))
        return sum(
            (worker.by_caller or worker.visible_at <= shown_at) and not app.is_paired(worker)
            for worker in app.workers.values()
        )

    def _is_new(self, process: str) -> bool:
        """Whether it must still wait for its first looks at all apps."""
        living = self.processes.get(process)
        return living is not None and self.now() - living.started_s < FIRST_LOOK_S - _SLACK_S

    # -- helpers ------------------------------------------------------------------------------

    def _went_back(self, seen: _Seen, body: bytes) -> bool:
        shown = msgspec.json.decode(body, type=_ScaleTimes)
        times = (shown.up, shown.down)
        before = seen.scale_times
        back = any(_later(old, new) for old, new in zip(before, times, strict=True))
        if not back:
            seen.scale_times = times
        return back

    def _watch(self, app: AppKey) -> None:
        now = self.now()
        watched = self._watched.setdefault(app, _Watched())
        spec = self.configured[app].spec
        gap_s = max(GAP_FLOOR_S, GAP_INTERVALS * spec.interval_s) + _SLACK_S
        if watched.since_s is None or now - watched.latest_s > gap_s:
            watched.since_s = now
        watched.latest_s = now

    def _listed(self, key: AppKey) -> list[SimWorker]:
        app = self._app(key)
        return [
            worker
            for worker in app.workers.values()
            if worker.phase is not Phase.REMOVING and worker.visible_at <= app.now
        ]

    def _app(self, key: AppKey) -> App:
        app = self.fleet.visit(key.namespace, key.name, self.fleet.epoch_s + self.now())
        if app is None:
            raise LookupError(f"the platform has no app {key}")
        return app

    def _of(self, exchange: Exchange) -> _Seen:
        return self._seen.setdefault((exchange.process, exchange.app), _Seen())

    def _fail(self, rule: str, exchange: Exchange, detail: str) -> None:
        self.journal.fail(rule, str(exchange.app), f"{exchange.process}: {detail}")


class _ScaleTimes(msgspec.Struct):
    up: str = msgspec.field(default="", name="lastScaleUpTime")
    down: str = msgspec.field(default="", name="lastScaleDownDeleteTime")


def _is_clearing(exchange: Exchange) -> bool:
    decision = exchange.decision
    return decision is not None and decision.reason is Reason.CLEARING_FAILED


def _is_by_hand(exchange: Exchange) -> bool:
    decision = exchange.decision
    return decision is not None and decision.reason in (Reason.OVERRIDDEN, Reason.BOOSTED)


def _asked(exchange: Exchange) -> int:
    """Return how many workers a scale call asks for."""
    order = msgspec.json.decode(exchange.request.content)
    return int(order.get("scaleUpWorkersNum") or order["scaleDownWorkersNum"])


def _later(old: str, new: str) -> bool:
    """Whether ``old`` is after ``new``; both are of one platform, which writes them alike."""
    return old.rstrip("Z") > new.rstrip("Z")


def _short(reply: Reply) -> str:
    """Return what became of a reply: its status, or how it was lost."""
    return str(reply.status) if reply.then == "send" else f"applied, reply lost ({reply.then})"


def _known_healthy(app: App, shown_at: float) -> int:
    """Workers that serve or will, without what the platform started after ``shown_at``."""
    return sum(
        worker.phase in HEALTHY
        and (worker.by_caller or worker.visible_at <= shown_at)
        and not (app.is_paired(worker) and app.workers[worker.replaces].phase in HEALTHY)
        for worker in app.workers.values()
    )


def _excused(census: Census) -> int:
    """Workers that the autoscaler saw and did not count as capacity, though they may be."""
    return census.overdue + census.unavailable + census.unknown + census.leaving + census.removing


def read_memory(store: Path, app: AppKey) -> AppMemory | None:
    """Return what is on disk of an app, read beside the process that owns the store."""
    db = sqlite3.connect(store)
    try:
        query = "SELECT row FROM memory WHERE namespace = ? AND app = ?"
        row = db.execute(query, (app.namespace, app.name)).fetchone()
    finally:
        db.close()
    return None if row is None else msgspec.json.decode(row[0], type=AppMemory)
