"""Recognise an app update: for a while the list is longer than the target, and that is no surplus.

The platform marks a replacement with ROLLIN or ``replaceWorkerId``; its upgrade guide also shows
replacements that carry neither, only a new ``appRevision``. A pair counts as one worker, and no
worker that is being replaced, or replaces another, is scaled down.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from autoscaler.model import PRESENT, Observation, Worker, WorkerState

_ROLLIN = WorkerState.ROLLIN
STUCK_AFTER_S = 3600.0
"""A replacement that is not ready after so long holds up nobody else any more."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What an update is doing to the list.

    Attributes:
        newcomers: ids that stand in for a worker that is still there: they count with it as one.
        protected: ids that must not be removed (both sides of every known pair).
        unpaired: whether replacements run whose partners are not known, so nobody may go.
    """

    newcomers: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    unpaired: bool = False

    @property
    def running(self) -> bool:
        """Whether an update is under way."""
        return bool(self.newcomers) or self.unpaired


NO_ROLLOUT = Rollout()


def find_rollout(observation: Observation, ours: Collection[str]) -> Rollout:
    """Return what an update is doing; ``ours``: ids whose start we ordered ourselves."""
    if _is_uniform(observation.workers):
        return NO_ROLLOUT
    alive = [w for w in observation.workers if w.state in PRESENT]
    # Also one that failed shows that this platform marks replacements: unmarked ones are none.
    if not any(w.state is WorkerState.ROLLIN or w.replace_worker_id for w in observation.workers):
        return _by_revision(observation, alive, ours)
    ids = {w.id for w in alive if w.state is not WorkerState.REMOVING}
    pairs = {
        w.id: w.replace_worker_id
        for w in alive
        if w.replace_worker_id in ids and w.replace_worker_id != w.id
    }
    strays = {w.id for w in alive if w.state is WorkerState.ROLLIN and w.id not in pairs}
    return Rollout(
        newcomers=_stand_ins(pairs),
        protected=frozenset(pairs) | frozenset(pairs.values()) | strays,
        unpaired=any(
            not w.replace_worker_id and observation.age(w.created_at) <= STUCK_AFTER_S
            for w in alive
            if w.id in strays
        ),
    )


def _is_uniform(workers: Collection[Worker]) -> bool:
    """Whether all run one revision and none bears a mark: the common case, seen at a glance."""
    found = {None if w.replace_worker_id or w.state is _ROLLIN else w.app_revision for w in workers}
    return len(found) <= 1 and None not in found


def _stand_ins(pairs: Mapping[str, str]) -> frozenset[str]:
    """Return who counts together with its partner: one newcomer for each, and never in a ring.

    Else one place under the maximum could hide any number of workers.
    """
    first = {partner: newcomer for newcomer, partner in sorted(pairs.items(), reverse=True)}
    found = set()
    for newcomer in first.values():
        seen, at = {newcomer}, pairs[newcomer]
        while at in pairs and at not in seen:
            seen.add(at)
            at = pairs[at]
        if at not in seen:
            found.add(newcomer)
    return frozenset(found)


def _by_revision(observation: Observation, alive: list[Worker], ours: Collection[str]) -> Rollout:
    newest = newest_revision(alive)
    if not newest:
        return NO_ROLLOUT
    old = [w for w in alive if w.app_revision != newest and w.state is not WorkerState.REMOVING]
    incoming = sorted(
        w.id
        for w in alive
        if w.app_revision == newest
        and w.state is WorkerState.IN_FLIGHT
        and w.id not in ours
        and observation.age(w.created_at) <= STUCK_AFTER_S
    )
    if not old or not incoming:
        return NO_ROLLOUT
    return Rollout(newcomers=frozenset(incoming[: len(old)]), unpaired=True)


def newest_revision(workers: Collection[Worker]) -> str:
    """Return the revision of the worker created last; empty where no revision is known."""
    known = [w for w in workers if w.app_revision]
    return max(known, key=lambda w: (w.created_at or 0.0, w.id)).app_revision if known else ""
