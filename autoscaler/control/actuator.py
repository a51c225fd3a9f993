"""Carries a decision out: the only place that sends scale calls.

The order of things is what makes it safe: the intent is on disk before the call leaves; a removal
is confirmed by a second list right before it; a call is sent once, and what came of it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from autoscaler.control.fleet import Fleet
from autoscaler.decision import AppMemory, AppSpec
from autoscaler.decision.drain import CONFIRMATION_VALID_S, confirm
from autoscaler.decision.expectations import (
    down_order_ended,
    follow_scale_times,
    narrow_down_order,
    open_down_order,
    open_up_order,
    our_starts,
    up_order_ended,
)
from autoscaler.decision.memory import OrderOutcome
from autoscaler.decision.pipeline import acted
from autoscaler.decision.quality import judge
from autoscaler.decision.rollout import find_rollout
from autoscaler.decision.roster import roster_of
from autoscaler.model import Decision, Hold, Observation, Reason, ScaleDown, ScaleUp
from autoscaler.model.errors import NotLeader, PlatformError, StateError, Unreachable
from autoscaler.ports import AlwaysLeader, Clock, Leadership, Outcome, Platform, Recorder, State

_T = TypeVar("_T")

Keep = Callable[[AppMemory], None]


@dataclass(frozen=True, slots=True)
class Actuator:
    """Sends scale calls.

    Attributes:
        dry_run: everything but the sending.
        fleet: the ceiling over all apps.
        leadership: asked right before every call whether it may leave, and when it must be over.
    """

    platform: Platform
    state: State
    clock: Clock
    recorder: Recorder
    fleet: Fleet
    dry_run: bool = False
    leadership: Leadership = field(default_factory=AlwaysLeader)

    async def carry_out(
        self,
        spec: AppSpec,
        observation: Observation,
        decision: Decision,
        memory: AppMemory,
        *,
        keep: Keep,
    ) -> AppMemory:
        """Return memory after the decision was carried out as far as that was possible.

        Where an open call ends in an exception, what must be remembered of it goes to ``keep``.
        """
        match decision.action:
            case Hold():
                return memory
            case ScaleUp() | ScaleDown() as action if self.dry_run:
                self.recorder.scaled(decision, action, Outcome.DRY_RUN, "dry run: not sent")
                return memory
            case ScaleUp() as action:
                return await self._scale_up(spec, decision, action, memory, keep)
            case ScaleDown() as action:
                return await self._scale_down(spec, observation, decision, action, memory, keep)

    async def _scale_up(
        self, spec: AppSpec, decision: Decision, action: ScaleUp, memory: AppMemory, keep: Keep
    ) -> AppMemory:
        granted = self.fleet.grant(spec.key, action.count, self.clock.now())
        if granted == 0:
            why = f"the ceilings over all apps are reached ({self.fleet.ceilings})"
            self.recorder.scaled(decision, action, Outcome.NOT_SENT, f"{Reason.FLEET_LIMIT}: {why}")
            return memory
        sent = ScaleUp(granted)
        now = self.clock.now()
        memory = open_up_order(memory, granted, now, spec.order_deadline_s)
        await self._write_intent(spec, memory)
        try:
            worker_ids = await self._fenced(spec, lambda: self.platform.scale_up(spec.key, granted))
        except PlatformError as error:
            outcome = OrderOutcome.UNKNOWN if error.maybe_applied else None
            memory = up_order_ended(memory, outcome, (), self.clock.now())
            self._report(decision, sent, error)
            return memory if outcome is None else acted(memory, granted, now)
        except BaseException as error:
            lost = up_order_ended(memory, OrderOutcome.UNKNOWN, (), self.clock.now())
            self._cut_off(decision, sent, acted(lost, granted, now), keep, error)
            raise
        memory = up_order_ended(memory, OrderOutcome.ACCEPTED, worker_ids, self.clock.now())
        named = ", ".join(worker_ids[:5]) or "no ids named"
        self.recorder.scaled(decision, sent, Outcome.APPLIED, named)
        return acted(memory, granted, now)

    async def _scale_down(
        self,
        spec: AppSpec,
        first: Observation,
        decision: Decision,
        action: ScaleDown,
        memory: AppMemory,
        keep: Keep,
    ) -> AppMemory:
        by_id = {w.id: w for w in first.workers}
        chosen = tuple(by_id[worker_id] for worker_id in action.worker_ids)
        opened = open_down_order(memory, chosen, self.clock.now(), spec.order_deadline_s)
        await self._write_intent(spec, opened)
        try:
            second = await self.platform.list_workers(spec.key, show_all=first.show_all)
        except PlatformError as error:
            why = f"the confirming list failed: {error}"
            self.recorder.scaled(decision, action, Outcome.NOT_SENT, why)
            return memory
        now = self.clock.now()
        doubt, _ = judge(roster_of(second, opened.known), opened, now)
        if doubt is not None:
            why = f"{doubt.reason}: {doubt.message}"
            self.recorder.scaled(decision, action, Outcome.NOT_SENT, why)
            return memory
        # What this list tells of scale calls is kept, or an older one could be believed again.
        memory = follow_scale_times(memory, second, now)
        sent, opened = self._confirm(
            first, second, decision, action, follow_scale_times(opened, second, now)
        )
        if sent is None:
            return memory
        return await self._send_down(spec, decision, sent, opened, keep)

    def _confirm(
        self,
        first: Observation,
        second: Observation,
        decision: Decision,
        action: ScaleDown,
        opened: AppMemory,
    ) -> tuple[ScaleDown | None, AppMemory]:
        """Compare both lists; return what may still be sent, and the intent narrowed to it."""
        keep_ready = decision.desired or 0
        rollout = find_rollout(second, our_starts(opened, second))
        confirmed = confirm(
            action.candidates, first, second, rollout, keep_ready, leaving=opened.leaving
        )
        kept = {worker.id for worker in confirmed.kept}
        changed = ", ".join(f"{worker_id} {why}" for worker_id, why in confirmed.dropped[:5])
        if not kept:
            why = f"{Reason.CANDIDATES_CHANGED}: {changed}"
            self.recorder.scaled(decision, action, Outcome.NOT_SENT, why)
            return None, opened
        if self.clock.now() - second.requested_at > CONFIRMATION_VALID_S:
            why = f"the confirming list took longer than {CONFIRMATION_VALID_S:g} s"
            self.recorder.scaled(decision, action, Outcome.NOT_SENT, why)
            return None, opened
        sent = ScaleDown(tuple(c for c in action.candidates if c.worker_id in kept))
        return sent, narrow_down_order(opened, confirmed.kept)

    async def _send_down(
        self, spec: AppSpec, decision: Decision, sent: ScaleDown, memory: AppMemory, keep: Keep
    ) -> AppMemory:
        now = self.clock.now()
        delta = -len(sent.candidates)
        try:
            await self._fenced(spec, lambda: self.platform.scale_down(spec.key, sent.worker_ids))
        except PlatformError as error:
            outcome = OrderOutcome.UNKNOWN if error.maybe_applied else None
            memory = down_order_ended(memory, outcome)
            self._report(decision, sent, error)
            return memory if outcome is None else acted(memory, delta, now)
        except BaseException as error:
            lost = down_order_ended(memory, OrderOutcome.UNKNOWN)
            self._cut_off(decision, sent, acted(lost, delta, now), keep, error)
            raise
        memory = down_order_ended(memory, OrderOutcome.ACCEPTED)
        self.recorder.scaled(decision, sent, Outcome.APPLIED, ", ".join(sent.worker_ids[:5]))
        return acted(memory, delta, now)

    async def _fenced(self, spec: AppSpec, send: Callable[[], Awaitable[_T]]) -> _T:
        """Send a call if the app is surely ours, and be done with it before another may.

        Raises:
            NotLeader: we do not, or cannot be sure; nothing was sent.
        """
        left_s = self.leadership.of(spec.key).left_s()
        if left_s <= 0:
            raise NotLeader("not sent: this replica does not lead, or cannot be sure that it does")
        try:
            async with asyncio.timeout(None if left_s == inf else left_s):
                return await send()
        except TimeoutError:
            raise Unreachable(
                f"given up after {left_s:.1f} s, as long as the lease is surely ours",
                maybe_applied=True,
            ) from None

    def _cut_off(
        self,
        decision: Decision,
        sent: ScaleUp | ScaleDown,
        memory: AppMemory,
        keep: Keep,
        error: BaseException,
    ) -> None:
        """Stopped in the middle: whoever comes next finds an order of unknown outcome."""
        keep(memory)
        self.state.checkpoint(decision.app, memory)
        stopped = isinstance(error, asyncio.CancelledError)
        why = "stopped" if stopped else f"a fault of ours ({type(error).__name__})"
        self.recorder.scaled(decision, sent, Outcome.UNKNOWN, f"{why} while the call was open")

    async def _write_intent(self, spec: AppSpec, memory: AppMemory) -> None:
        try:
            await self.state.write_intent(spec.key, memory)
        except StateError:
            # A broken disk does not stop scaling; the store remembers that an intent is missing.
            self.recorder.state_write_failed(spec.key, "intent")

    def _report(
        self, decision: Decision, action: ScaleUp | ScaleDown, error: PlatformError
    ) -> None:
        never_sent = Outcome.NOT_SENT if isinstance(error, NotLeader) else Outcome.REJECTED
        outcome = Outcome.UNKNOWN if error.maybe_applied else never_sent
        self.recorder.scaled(decision, action, outcome, f"{error.reason}: {error}")
