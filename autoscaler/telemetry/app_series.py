"""What the metrics know of one app, as plain numbers.

Writing is an attribute, reading happens at a scrape: at ten thousand apps there are thousands of
writes a second and one scrape in fifteen. One object per app also means that forgetting an app
forgets all of its series, whatever labels they had.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from autoscaler.model import (
    AppKey,
    Decision,
    NoData,
    Observation,
    Proposal,
    Recommendation,
    ScaleDown,
    ScaleUp,
    WorkerState,
    action_name,
)
from autoscaler.ports.recorder import Outcome

SHOWN_STATES = tuple(state for state in WorkerState if state is not WorkerState.GONE)
"""The states that ``autoscaler_workers`` shows, zeros included."""

_INDEX: dict[WorkerState, int] = {state: index for index, state in enumerate(SHOWN_STATES)}
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_NOTHING: Mapping[str, int] = MappingProxyType({})

_Count = dict[tuple[str, str], int]
_NEVER: _Count = {}
"""What nothing was counted in yet, one for all apps; a first count makes the app's own."""


@lru_cache(maxsize=4096)
def _pair(first: str, second: str) -> tuple[str, str]:
    """Return label values as a pair; there are few, so that one object serves all apps."""
    return first, second


def _one_more(counts: _Count, pair: tuple[str, str]) -> _Count:
    """Count one more; return where it was counted."""
    known = counts.get(pair)
    if known is not None:
        counts[pair] = known + 1
        return counts
    return {**counts, _pair(*pair): 1}


def _answers(said: tuple[Proposal, ...]) -> Mapping[str, int]:
    return {
        proposal.policy: proposal.answer.workers
        for proposal in said
        if isinstance(proposal.answer, Recommendation)
    }


def escape_label(value: str) -> str:
    """Escape a label value as the Prometheus text format and OpenMetrics both want it."""
    return value.translate(_ESCAPES)


class AppSeries:
    """The numbers of one app. ``None`` means not known, and then there is no series.

    Attributes:
        labels: ``namespace`` and ``app`` as they stand between the braces, escaped.
        workers: present workers by state, in the order of ``SHOWN_STATES``.
        observed_at: our clock at the last complete list, epoch seconds.
        shadow: workers by policy that only watches; a policy without data is not in it.
        compared: their answers by (policy, more / fewer / same).
        decisions: decisions by (action, reason). requests: scale requests by (direction, outcome).
        by_hand: when each order by hand in force ends, by kind, epoch seconds; 0 for never.
        cost_per_hour: money that the present workers take in an hour.
        started, stopped: workers that the platform agreed to start and to stop.
    """

    __slots__ = (
        "_said",
        "by_hand",
        "compared",
        "cost_per_hour",
        "decisions",
        "desired",
        "labels",
        "max_workers",
        "min_workers",
        "observed_at",
        "orders_open",
        "queue_size",
        "raced",
        "requests",
        "shadow",
        "started",
        "stopped",
        "workers",
    )

    def __init__(self, app: AppKey) -> None:
        """Start with nothing known, and counters at zero so that their first rise is seen."""
        namespace, name = escape_label(app.namespace), escape_label(app.name)
        self.labels = f'namespace="{namespace}",app="{name}"'
        self.workers: list[int] | None = None
        self.queue_size: int | None = None
        self.cost_per_hour: float | None = None
        self.observed_at: float | None = None
        self._said: tuple[Proposal, ...] = ()
        self.shadow = _NOTHING
        self.compared = _NEVER
        self.desired: int | None = None
        self.min_workers: int | None = None
        self.max_workers: int | None = None
        self.orders_open: int | None = None
        self.decisions = _NEVER
        self.requests = _NEVER
        self.started = 0
        self.stopped = 0
        self.raced = 0
        self.by_hand: Mapping[str, float] = _NOTHING

    @property
    def recommended(self) -> Mapping[str, int]:
        """Workers by policy; made at a scrape, which is seldom."""
        return _answers(self._said)

    def observed(self, observation: Observation) -> None:
        """Take a list: workers by state, queue size, and when."""
        counts = [0] * len(SHOWN_STATES)
        for worker in observation.workers:
            index = _INDEX.get(worker.state)
            if index is not None:
                counts[index] += 1
        self.workers = counts
        size = observation.queue_size
        self.queue_size = None if isinstance(size, NoData) else size
        self.observed_at = observation.received_at

    def decided(self, decision: Decision) -> None:
        """Take a decision.

        Orders stay known through a pass that saw nothing, for they are ours; so do bounds through a
        pass that failed before it came to them and says 0 for both.
        """
        self.desired = decision.desired
        if decision.max_workers or decision.desired is not None:
            self.min_workers = decision.min_workers
            self.max_workers = decision.max_workers
        if decision.census is not None:
            self.orders_open = decision.census.on_order
        self._said = decision.proposals
        if decision.interventions or self.by_hand:
            self.by_hand = {one.kind.value: one.until or 0.0 for one in decision.interventions}
        if decision.shadow or self.shadow:
            self._compare(decision)
        key = (action_name(decision.action), decision.reason.value)
        self.decisions = _one_more(self.decisions, key)

    def _compare(self, decision: Decision) -> None:
        """Take what the watching policies want, and count it against what those that act want."""
        self.shadow = _answers(decision.shadow)
        acting = decision.combined
        if acting is None:
            return
        for policy, workers in self.shadow.items():
            than = "more" if workers > acting else "fewer" if workers < acting else "same"
            key = (policy, than)
            self.compared = _one_more(self.compared, key)

    def scaled(self, action: ScaleUp | ScaleDown, outcome: Outcome) -> None:
        """Count a scale request, and its workers where the platform agreed."""
        key = ("up" if isinstance(action, ScaleUp) else "down", outcome.value)
        self.requests = _one_more(self.requests, key)
        if outcome is not Outcome.APPLIED:
            return
        if isinstance(action, ScaleUp):
            self.started += action.count
        else:
            self.stopped += len(action.candidates)
