"""One pass over one app: look, decide, act, remember. No arithmetic of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autoscaler.control.actuator import Actuator
from autoscaler.control.fleet import Fleet
from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.app_facts import learn_app
from autoscaler.decision.expectations import after_restart
from autoscaler.decision.interventions import end_expired
from autoscaler.decision.pace import pace_s
from autoscaler.model import (
    AppKey,
    Decision,
    Hold,
    NoData,
    Observation,
    Reason,
    Unobserved,
)
from autoscaler.model.errors import PlatformError, RetryLater, StateError
from autoscaler.ports import (
    AlwaysLeader,
    Clock,
    Leadership,
    NoSignals,
    Platform,
    Recorder,
    Signals,
    State,
    Trust,
)
from autoscaler.state import revive

APP_FACTS_EVERY_S = 180.0
"""How often the platform is asked whether an app is paused, or scaled by itself."""
_APP_FACTS_TRIES = 3
_RECENT_DAYS = 1


@dataclass(slots=True)
class AppRun:
    """One app while the daemon runs; only its own pass changes it.

    Attributes:
        spec: the wishes in force. memory: what the core remembers; ``None`` before it was loaded.
        pace_s: until the next look as decided by the last; 0 before the first.
        failures: looks that failed in a row. retry_after_s: how long the platform asked to wait.
        app_facts_due_at: when to ask about the app as a whole again. app_facts_failures: how often
            that failed in a row.
    """

    spec: AppSpec
    memory: AppMemory | None = None
    pace_s: float = 0.0
    failures: int = 0
    retry_after_s: float = 0.0
    app_facts_due_at: float = 0.0
    app_facts_failures: int = 0

    @property
    def key(self) -> AppKey:
        """Which app."""
        return self.spec.key

    @property
    def interval_s(self) -> float:
        """Seconds from this look to the next: the interval, or longer where an app at rest may."""
        return self.spec.interval_s if self.failures else max(self.pace_s, self.spec.interval_s)

    def remember(self, memory: AppMemory) -> None:
        """Take what the next pass must know."""
        self.memory = memory


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Runs passes. Apps are independent: it keeps nothing but what is shared by all."""

    platform: Platform
    state: State
    clock: Clock
    recorder: Recorder
    fleet: Fleet
    dry_run: bool = False
    signals: Signals = field(default_factory=NoSignals)
    leadership: Leadership = field(default_factory=AlwaysLeader)
    _actuator: Actuator = field(init=False)

    def __post_init__(self) -> None:
        actuator = Actuator(
            self.platform,
            self.state,
            self.clock,
            self.recorder,
            self.fleet,
            dry_run=self.dry_run,
            leadership=self.leadership,
        )
        object.__setattr__(self, "_actuator", actuator)

    async def reconcile(self, run: AppRun) -> Decision:
        """Run one pass. Platform and store trouble become a hold; only a fault of ours raises."""
        spec = run.spec
        memory = self._end_expired(run, await self.remember(run))
        memory = await self._learn_app(run, memory)
        share = self.fleet.share(spec.key, self.clock.now())
        if share != memory.fleet_share:
            memory = replace(memory, fleet_share=share)
        show_all = memory.wants_all_workers or spec.drain.clear_failed
        look = await self._look(run, memory, show_all=show_all)
        decision, memory = decide(spec, look, memory, self.clock.now())
        if memory.unconfirmed and isinstance(look, Observation):
            # Workers vanished: ask once more, with failed and deleted ones, before believing it;
            # and whether the app was paused.
            run.app_facts_due_at = 0.0
            memory = await self._learn_app(run, memory)
            look = await self._look(run, memory, show_all=True)
            decision, memory = decide(spec, look, memory, self.clock.now())
        if decision.census is not None:
            frozen = memory.hold_orders_why == Reason.FROZEN_AFTER_RESTART
            unseen_until = memory.hold_orders_until if frozen else 0.0
            self.fleet.observed(spec.key, decision.census, unseen_until=unseen_until)
        self.recorder.decided(decision)
        for worker_id in decision.raced:
            self.recorder.raced(spec.key, worker_id)
        run.memory = memory
        if isinstance(look, Observation):
            run.memory = await self._actuator.carry_out(
                spec, look, decision, memory, keep=run.remember
            )
            if self._was_refused(decision, before=memory, after=run.memory):
                # Perhaps the app was paused, or the platform scales it now.
                run.app_facts_due_at = 0.0
        # Where the configuration changed meanwhile, the next look is as soon as can be.
        rested = run.spec is spec
        run.pace_s = pace_s(spec, decision, run.memory, self.clock.now()) if rested else 0.0
        self.state.checkpoint(spec.key, run.memory)
        return decision

    async def remember(self, run: AppRun) -> AppMemory:
        """Return what is remembered of the app; the first time it comes from the store."""
        if run.memory is None:
            run.memory = await self._remember(run.spec)
        return run.memory

    def _end_expired(self, run: AppRun, memory: AppMemory) -> AppMemory:
        """Drop orders by hand whose time is over, and say so."""
        now = self.clock.now()
        memory, ended = end_expired(memory, now)
        for one in ended:
            self.recorder.intervened(run.key, one, now, "its time was over")
        if ended:
            run.memory = memory
        return memory

    def _was_refused(self, decision: Decision, *, before: AppMemory, after: AppMemory) -> bool:
        tried = not isinstance(decision.action, Hold) and not self.dry_run
        return tried and after.changes is before.changes

    async def _remember(self, spec: AppSpec) -> AppMemory:
        """Load the memory, as a new process may use it; without one, start carefully."""
        now = self.clock.now()
        trust = self.state.trust_of(spec.key)
        try:
            stored = await self.state.load(spec.key)
        except StateError:
            self.recorder.state_write_failed(spec.key, "memory")
            stored, trust = None, Trust.LOST
        memory = AppMemory() if stored is None else revive(stored, spec.asked)
        memory = after_restart(memory, now)
        if stored is not None:
            self.fleet.remembered(spec.key, len(memory.known) + memory.on_order)
        if trust is Trust.LOST:
            return replace(
                memory,
                clock_ahead=None,
                watching_since=None,
                hold_orders_until=now + spec.order_deadline_s,
                hold_orders_why=Reason.FROZEN_AFTER_RESTART,
            )
        return memory

    async def _learn_app(self, run: AppRun, memory: AppMemory) -> AppMemory:
        """Ask about the app as a whole when it is time to."""
        now = self.clock.now()
        if now < run.app_facts_due_at:
            return memory
        try:
            app = await self.platform.get_app(run.key)
        except PlatformError as error:
            run.app_facts_failures += 1
            if memory.app is None and isinstance(error, RetryLater):
                # It passes, and until then who scales the app is not known: go on asking.
                run.app_facts_failures = min(run.app_facts_failures, _APP_FACTS_TRIES - 1)
            if run.app_facts_failures >= _APP_FACTS_TRIES:
                run.app_facts_due_at = now + APP_FACTS_EVERY_S
            return memory
        run.app_facts_failures = 0
        run.app_facts_due_at = now + APP_FACTS_EVERY_S
        return learn_app(memory, app, now, run.spec.order_deadline_s)

    async def _look(
        self, run: AppRun, memory: AppMemory, *, show_all: bool
    ) -> Observation | Unobserved:
        try:
            look = await self.platform.list_workers(
                run.key, show_all=show_all, recent_days=_RECENT_DAYS if show_all else None
            )
        except PlatformError as error:
            run.failures += 1
            retry_after_s = error.retry_after_s if isinstance(error, RetryLater) else None
            run.retry_after_s = retry_after_s or 0.0
            return Unobserved(run.key, error.reason, self.clock.now(), str(error))
        run.failures = 0
        run.retry_after_s = 0.0
        self.recorder.observed(look)
        if memory.app is None and 0 < run.app_facts_failures < _APP_FACTS_TRIES:
            why = "whether the platform scales this app itself is not known yet"
            return Unobserved(run.key, Reason.NO_DATA, self.clock.now(), why)
        return await self._look_further(run.spec, look)

    async def _look_further(self, spec: AppSpec, look: Observation) -> Observation:
        """Add what policies want to know beside the list; what fails is NoData."""
        if any("request_queue" in policy.needs for policy in spec.asked):
            try:
                look = replace(look, queue=await self.platform.request_queue(spec.key))
            except PlatformError as error:
                look = replace(look, queue=NoData(f"request queue: {error}"))
        wanted = tuple(one for policy in spec.asked for one in policy.signals_wanted)
        return replace(look, signals=await self.signals.fetch(wanted, look)) if wanted else look
