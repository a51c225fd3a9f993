"""Drain order: who goes first, and the last look before anybody goes.

Only a worker that a list showed RUNNING, FREE and without sessions may go; old revisions first,
then the longest idle, ties by id. Right before the call the list is read again, and a worker that
served, or changed in any other way, stays. Between that list and the platform acting on the call a
request can still reach a chosen worker; no client can close that gap, only keep it short.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import floor

from autoscaler.decision.memory import Change
from autoscaler.decision.rollout import Rollout, newest_revision
from autoscaler.decision.spec import Disruption, Drain
from autoscaler.model import (
    PRESENT,
    Candidate,
    Observation,
    Reason,
    Worker,
    WorkerState,
)
from autoscaler.model.frozen import maker

_FREE = WorkerState.FREE
_candidate = maker(Candidate)
CONFIRMATION_VALID_S = 2.0
"""A scale-down call must leave within this many seconds of its confirming list's sending."""


@dataclass(frozen=True, slots=True)
class Drained:
    """Who may go, in order; and when fewer than asked for, the reason."""

    candidates: tuple[Candidate, ...]
    shortfall: Reason | None = None


def choose(
    count: int,
    observation: Observation,
    drain: Drain,
    rollout: Rollout,
    leaving: Collection[str],
) -> Drained:
    """Return up to ``count`` (≥ 1) FREE workers in drain order."""
    free = removable(observation.workers, rollout)
    if leaving:
        free = [w for w in free if w.id not in leaving]
    if not free or rollout.unpaired:
        blocked = rollout.running
        return Drained((), Reason.ROLLING_OUT if blocked else Reason.NO_FREE_WORKERS)
    old_enough = free
    if drain.min_lifetime_s > 0:
        old_enough = [w for w in free if observation.age(w.created_at) >= drain.min_lifetime_s]
    newest = _newest(observation)
    candidates = _explain(_ranked(old_enough, observation, newest)[:count], newest)
    if len(candidates) >= count:
        return Drained(candidates)
    young = len(old_enough) < len(free)
    return Drained(candidates, Reason.MIN_LIFETIME if young else Reason.NO_FREE_WORKERS)


def removable(workers: Iterable[Worker], rollout: Rollout) -> list[Worker]:
    """Return the workers that rule 1 lets go: FREE, no sessions, no part of a roll-out."""
    protected = rollout.protected
    return [
        w for w in workers if w.state is _FREE and not w.session_number and w.id not in protected
    ]


def choose_failed(
    observation: Observation, drain: Drain, leaving: Collection[str], removed: Collection[str]
) -> tuple[Candidate, ...]:
    """Return the ERROR and UNAVAILABLE workers to clear, where the app opted in to that."""
    if not drain.clear_failed:
        return ()
    failed = (WorkerState.ERROR, WorkerState.UNAVAILABLE)
    return tuple(
        Candidate(w.id, 0.0, f"{w.state.value}, and the app clears failed workers")
        for w in sorted(observation.workers, key=lambda w: w.id)
        if w.state in failed
        and w.deleted_at is None
        and w.id not in leaving
        and w.id not in removed
    )


def _newest(observation: Observation) -> str:
    revisions = {w.app_revision for w in observation.workers}
    if len(revisions) == 1:
        return revisions.pop()
    return newest_revision([w for w in observation.workers if w.state in PRESENT])


_Rank = tuple[float, str, Worker]
"""Minus the seconds that a worker has been idle, its id, and itself: they sort by themselves."""


def _ranked(workers: list[Worker], observation: Observation, newest: str) -> list[_Rank]:
    """Return the workers in drain order. A key function would be called for each of them."""
    now = observation.platform_now
    ranks = [
        (since - now if since is not None and since < now else -0.0, w.id, w)
        for w in workers
        for since in (w.created_at if w.last_serve_at is None else w.last_serve_at,)
    ]
    ranks.sort()
    old = [rank for rank in ranks if rank[2].app_revision != newest]
    return old + [rank for rank in ranks if rank[2].app_revision == newest] if old else ranks


def _explain(ranks: list[_Rank], newest: str) -> tuple[Candidate, ...]:
    """Return the candidates, each with the reason why it goes before the others."""
    return tuple(
        [
            _candidate(worker_id, -rank)
            if worker.app_revision == newest
            else _candidate(worker_id, -rank, _old(worker, -rank))
            for rank, worker_id, worker in ranks
        ]
    )


def _old(worker: Worker, idle_s: float) -> str:
    return f"old revision {worker.app_revision or 'unknown'}, free, idle {idle_s:.0f} s"


def budget_left(
    disruption: Disruption | None, capacity: int, changes: tuple[Change, ...], now: float
) -> int | None:
    """Return how many workers may still be removed in this window; ``None`` for no budget.

    A percentage is of the capacity now plus what the window removed already, rounded down, but at
    least one, or a small app could never shrink.
    """
    if disruption is None:
        return None
    removed = -sum(c.delta for c in changes if c.delta < 0 and c.at > now - disruption.window_s)
    if disruption.type == "workers":
        return max(0, floor(disruption.value) - removed)
    return max(0, max(1, floor((capacity + removed) * disruption.value / 100)) - removed)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who may still go after the second list, and why each of the others stays."""

    kept: tuple[Worker, ...]
    dropped: tuple[tuple[str, str], ...]


def confirm(
    candidates: tuple[Candidate, ...],
    first: Observation,
    second: Observation,
    rollout: Rollout,
    keep_ready: int,
    leaving: Collection[str] = (),
) -> Confirmed:
    """Compare two lists and return the candidates that did not change in between.

    ``rollout``: found in the second list. ``keep_ready``: workers that must go on serving after
    the call; where the second list shows fewer than expected, fewer go. ``leaving``: ids that open
    orders name; those of earlier ones no longer serve, whatever the list shows.
    """
    before = {w.id: w for w in first.workers}
    after = {w.id: w for w in second.workers}
    kept: list[Worker] = []
    dropped: list[tuple[str, str]] = []
    for candidate in candidates:
        worker = after.get(candidate.worker_id)
        why = _why_stays(before.get(candidate.worker_id), worker, rollout)
        if why is None and worker is not None:
            kept.append(worker)
        else:
            dropped.append((candidate.worker_id, why or "no longer listed"))
    healthy = (WorkerState.FREE, WorkerState.BUSY)
    out = rollout.newcomers | (frozenset(leaving) - {c.worker_id for c in candidates})
    serving = sum(w.state in healthy and w.id not in out for w in second.workers)
    going = [w for w in kept if w.state in healthy]
    spared = going[max(0, serving - keep_ready) :]
    dropped += [(w.id, "fewer workers serve than a moment ago") for w in spared]
    return Confirmed(tuple(w for w in kept if w not in spared), tuple(dropped))


def _why_stays(before: Worker | None, after: Worker | None, rollout: Rollout) -> str | None:
    if before is None or after is None:
        return "no longer listed"
    if after.state is not before.state:
        return f"was {before.state.value}, is {after.state.value}"
    if after.session_number > 0:
        return "holds sessions now"
    if after.id in rollout.protected or rollout.unpaired:
        return "is part of a roll-out now"
    served_before = (before.last_serve_at, before.success_count, before.failed_count)
    if (after.last_serve_at, after.success_count, after.failed_count) != served_before:
        return "served a request meanwhile"
    return None
