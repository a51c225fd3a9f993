"""The policy: reads the list, updates what it knows, and says how many workers and why."""

from __future__ import annotations

from math import ceil
from typing import cast

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.model.frozen import maker
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.slo import control, demand, forecast, lateness, levels
from autoscaler.policies.slo.params import SloParams
from autoscaler.policies.slo.staffing import Staffing, staff
from autoscaler.policies.slo.state import PRIOR_COLD_START_S, SloState

GRACE_S = 600.0
"""Nobody could have been served in time while the first workers started: not held against it."""
_state, _recommendation = maker(SloState), maker(Recommendation)


class SloPolicy(Policy):
    """As few workers as keep ``attainment`` of the requests within ``target_wait``."""

    kind = "slo"
    Params = SloParams
    state_type = SloState
    rests = True

    def recommend(self, given: PolicyInput, state: SloState | None) -> tuple[Answer, SloState]:
        """Return the number, and what was learned; NoData where the queue is not known."""
        params = cast("SloParams", self.params)
        allowed = 1 - params.attainment
        before = state or SloState(given.observation.received_at, control.first(allowed))
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, before
        after = _learn(before, given, queue, params.target_wait, allowed)
        cold_start_s = _cold_start_s(after)
        parts = staff(
            after.demand,
            after.forecast,
            levels.kept(after.levels, before.control.tail),
            tail=before.control.tail,
            staffed=before.staffed,
            census=given.census,
            cold_start_s=cold_start_s,
            target_wait_s=params.target_wait,
            allowed=allowed,
            age_s=(after.demand.at or 0.0) - after.started_at,
        )
        return _answer(parts, params, after, given, cold_start_s), _with_staffed(after, parts)


def _cold_start_s(state: SloState) -> float:
    learned = state.demand.cold_start_s
    return PRIOR_COLD_START_S if learned is None else learned


def _learn(
    before: SloState, given: PolicyInput, queue: int, target_wait_s: float, allowed: float
) -> SloState:
    seen = demand.observe(given, queue, before.demand)
    horizon_s = (
        PRIOR_COLD_START_S if seen.cold_start_s is None else seen.cold_start_s
    ) + seen.step_s
    future = forecast.update(before.forecast, seen, horizon_s, target_wait_s)
    memory_s = levels.memory_s(horizon_s)
    need = levels.needed(seen, future, target_wait_s)
    count_from = before.started_at + GRACE_S
    account, late = lateness.update(before.lateness, seen, target_wait_s, count_from)
    risk = before.control
    if (seen.at or 0.0) >= count_from:
        risk = control.update(
            risk, account, allowed, arrived=seen.arrived, late=late, rate=future.rate
        )
    return _state(
        before.started_at,
        risk,
        seen,
        future,
        account,
        levels.update(before.levels, need, seen.step_s, memory_s),
        before.staffed,
    )


def _with_staffed(state: SloState, parts: Staffing) -> SloState:
    return _state(
        state.started_at,
        state.control,
        state.demand,
        state.forecast,
        state.lateness,
        state.levels,
        parts.forecast,
    )


def _answer(
    parts: Staffing, params: SloParams, state: SloState, given: PolicyInput, cold_start_s: float
) -> Recommendation:
    total = parts.total
    if params.max_spare is not None:
        total = min(total, ceil(parts.expected_busy) + parts.backlog + params.max_spare)
        total = max(total, 1 if state.demand.busy + state.demand.queue else 0)
    account, service_s = state.lateness, state.demand.service_s
    coming = given.census.in_flight + given.census.on_order
    pool = max(given.census.ready, 1)
    clear_s = state.demand.queue * service_s / pool
    spare = max(0.0, total - parts.expected_busy - parts.backlog)
    why = (
        f"expected {parts.expected_busy:.1f} busy, {spare:.1f} spare for "
        f"{params.attainment:.0%} within {params.target_wait:g} s, {coming} on order, "
        f"{state.demand.queue} queued"
    )
    if state.demand.queue:
        why += f" clear in {clear_s:.0f} s" if given.census.ready else " wait for the first worker"
    return _recommendation(
        total,
        why,
        {
            "rate_per_s": state.forecast.rate,
            "service_s": service_s,
            "cold_start_s": cold_start_s,
            "expected_busy": parts.expected_busy,
            "for_forecast": parts.forecast,
            "for_levels": parts.levels,
            "for_backlog": parts.backlog,
            "tail": state.control.tail,
            "late_share": account.late / account.requests if account.requests else 0.0,
        },
    )
