"""Which policies sit for a portrait, and with which parameters: those of docs/policies.md.

Policies that ask a server get a plausible answer instead; the picture says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from autoscaler.model import Observation, PolicyInput, Role, WorkerState
from autoscaler.policies import Answer, Policy, policies
from autoscaler.policies.predictive import Day, PredictiveParams, PredictivePolicy, PredictiveState
from autoscaler.simulator.lab.platform import EPOCH_S
from autoscaler.simulator.portraits.loads import SPAN_S, WARMUP_S, Load

Entry = Mapping[str, Any]
Signal = Callable[[Observation, float], float]
"""What a server answers, given the list and the arrivals of the last minute per second."""

_DAY_S = 86_400.0
_PAST_DAYS = 14


@dataclass(frozen=True, slots=True)
class Sitter:
    """A policy and what it is shown with.

    Attributes:
        kind: the policy. entries: the app's ``policies``, as a configuration has them.
        note: what a reader of the picture should know; may be empty.
        signal: what an outside server answers; ``None`` where none is asked.
        per_worker: value of the signal that one worker stands for, to draw it in workers.
        learns: whether past days are given to it.
    """

    kind: str
    entries: tuple[Entry, ...]
    note: str = ""
    signal: Signal | None = None
    per_worker: float = 1.0
    learns: bool = field(default=False)

    def build(self, load: Load) -> tuple[Policy, ...]:
        """Make the policies.

        Raises:
            ValueError: a policy cannot be made here (a package that it needs is missing).
        """
        return tuple(self._build(entry, load) for entry in self.entries)

    def _build(self, entry: Entry, load: Load) -> Policy:
        given = {key: value for key, value in entry.items() if key not in ("type", "role")}
        cls = policies()[entry["type"]]
        params = cls.Params.model_validate(given)
        policy = cls(params)
        if self.learns and isinstance(params, PredictiveParams):
            policy = Experienced(params, load)
        policy.role = Role(entry.get("role", Role.TARGET))
        return policy


class Experienced(PredictivePolicy):
    """``predictive`` that has seen the same load at the same hour of past days."""

    def __init__(self, params: PredictiveParams, load: Load) -> None:
        super().__init__(params)
        self._past = _past(params, load)

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Begin with the past days."""
        return super().recommend(given, self._past if state is None else state)


def _past(params: PredictiveParams, load: Load) -> PredictiveState:
    """Return past days; a slot outside the picture has the load of its beginning."""
    shown = (WARMUP_S, WARMUP_S + SPAN_S)
    starts = [slot * params.slot for slot in range(int(_DAY_S / params.slot))]
    loads = tuple(
        load.mean(start - WARMUP_S, start - WARMUP_S + params.slot)
        if shown[0] <= start < shown[1]
        else load.offered(-1.0)
        for start in starts
    )
    today = datetime.fromtimestamp(EPOCH_S, UTC).toordinal()
    return PredictiveState(tuple(Day(today - back, loads) for back in range(_PAST_DAYS, 0, -1)))


def _arrivals(_: Observation, per_s: float) -> float:
    return per_s


def _fifth_more(observation: Observation, _: float) -> float:
    queue = observation.queue_size
    busy = sum(worker.state is WorkerState.BUSY for worker in observation.workers)
    return 1.2 * (busy + (queue if isinstance(queue, int) else 0))


_TARGET_PER_S = 0.03

SITTERS = (
    Sitter("queue", ({"type": "queue"},)),
    Sitter("slo", ({"type": "slo", "target_wait": "10s", "attainment": 0.95},)),
    Sitter("queue-age", ({"type": "queue-age", "max_age": "4s"},)),
    Sitter("free-workers", ({"type": "free-workers", "buffer": 2},)),
    Sitter("utilization", ({"type": "utilization", "target": 0.8},)),
    Sitter("concurrency", ({"type": "concurrency"},)),
    Sitter("ongoing-requests", ({"type": "ongoing-requests"},)),
    Sitter(
        "step",
        (
            {
                "type": "step",
                "metric": "utilization",
                "steps": [
                    {"above": 0.8, "change": "+2"},
                    {"above": 0.95, "change": "+50%"},
                    {"below": 0.4, "change": "-20%"},
                ],
            },
        ),
    ),
    Sitter(
        "schedule",
        (
            {"type": "queue"},
            {
                "type": "schedule",
                "timezone": "Asia/Shanghai",
                "windows": [
                    {
                        "name": "opening hour",
                        "cron": "50 8 * * 1-5",
                        "duration": "20m",
                        "min_workers": 6,
                    }
                ],
            },
        ),
        note="The picture begins at 08:30 in Shanghai; the window is open from minute 20 to 40.",
    ),
    Sitter(
        "predictive",
        ({"type": "queue"}, {"type": "predictive", "slot": "10m"}),
        note="Made up: the 14 days before had the same load at the same hour.",
        learns=True,
    ),
    Sitter(
        "prometheus",
        (
            {
                "type": "prometheus",
                "url": "https://prometheus.example.org",
                "query": 'sum(rate(http_requests_total{app="sd15"}[1m]))',
                "target": _TARGET_PER_S,
            },
        ),
        note="Made up: the query gives the arrivals of the last minute, in requests per second.",
        signal=_arrivals,
        per_worker=_TARGET_PER_S,
    ),
    Sitter(
        "webhook",
        ({"type": "webhook", "url": "https://sizing.example.org/workers"},),
        note="Made up: the service answers the requests served and waiting, and a fifth more.",
        signal=_fifth_more,
    ),
    Sitter("fixed", ({"type": "fixed", "workers": 8},)),
    Sitter("everai-simple", ({"type": "everai-simple", "scale_up_step": 2},)),
    Sitter("everai-free-worker", ({"type": "everai-free-worker", "min_free_workers": 2},)),
    Sitter(
        "everai-class",
        (
            {
                "type": "everai-class",
                "path": "everai_autoscaler.builtin:SimpleAutoScaler",
                "arguments": {"max_workers": 20, "scale_up_step": 2},
            },
        ),
        note="The package's own class: while one worker is starting, it asks for no other.",
    ),
)
