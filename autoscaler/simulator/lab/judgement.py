"""One policy on one trace, judged: the run, and the clairvoyant schedule beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autoscaler.decision import AppSpec
from autoscaler.simulator.lab.clairvoyant import reference
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.metrics import RunResult
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import Trace

CLAIRVOYANT_LIMIT = 2_000_000
"""Longest trace for which the clairvoyant schedule is computed: it needs all requests at once."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy cost, whom it kept waiting, and what was possible.

    Attributes:
        trace, policy: names. cold_start_s: the mean, seconds. run: what came of the simulation.
        clairvoyant: cost over work of the reference; ``None`` where the trace is too long for it.
        elapsed_s: real seconds the simulation took.
    """

    trace: str
    policy: str
    cold_start_s: float
    run: RunResult
    clairvoyant: float | None
    elapsed_s: float

    @property
    def cost_over_clairvoyant(self) -> float | None:
        """Cost as a multiple of the clairvoyant schedule's."""
        return self.run.cost_over_work / self.clairvoyant if self.clairvoyant else None

    def as_json(self) -> dict[str, Any]:
        """Return the figures under the names of the command line's ``--json``."""
        run = self.run
        return {
            "trace": self.trace,
            "policy": self.policy,
            "cold_start_s": self.cold_start_s,
            "requests": run.requests,
            "work_s": round(run.work_s, 3),
            "cost_worker_s": round(run.cost_worker_s, 3),
            "cost_over_work": round(run.cost_over_work, 5),
            "clairvoyant_over_work": _rounded(self.clairvoyant),
            "cost_over_clairvoyant": _rounded(self.cost_over_clairvoyant),
            "share_over_target": round(run.share_over_target, 6),
            "wait_p50_s": round(run.wait_p50_s, 3),
            "wait_p95_s": round(run.wait_p95_s, 3),
            "wait_p99_s": round(run.wait_p99_s, 3),
            "wait_max_s": round(run.wait_max_s, 3),
            "scale_ups": run.scale_ups,
            "scale_downs": run.scale_downs,
            "under_provisioned_share": round(run.under_provisioned_share, 5),
            "over_provisioned_share": round(run.over_provisioned_share, 5),
            "events_per_s": round(run.events / self.elapsed_s) if self.elapsed_s > 0 else 0,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def judge(
    trace: Trace,
    spec: AppSpec,
    setup: Setup,
    *,
    cold_start_s: float,
    late_share: float = 0.05,
    with_clairvoyant: bool = True,
    stopwatch: Callable[[], float],
    on_poll: Callable[[float], None] | None = None,
) -> Judgement:
    """Run a trace through the daemon's pipeline and put the clairvoyant schedule beside it.

    Args:
        trace: the requests.
        spec: the owner's wishes.
        setup: the platform.
        cold_start_s: mean cold start, for the reference.
        late_share: share of the requests that the reference may send late.
        with_clairvoyant: whether the reference is wanted.
        stopwatch: real seconds from any start.
        on_poll: told the virtual time at each poll.
    """
    began = stopwatch()
    run = simulate(trace, PipelineDriver(spec), setup, on_poll)
    elapsed_s = stopwatch() - began
    possible = None
    if with_clairvoyant and not run.interrupted and 0 < run.requests <= CLAIRVOYANT_LIMIT:
        possible = reference(
            tuple(trace), cold_start_s, target_wait_s=setup.target_wait_s, late_share=late_share
        ).cost_over_work
    names = ",".join(policy.name for policy in spec.policies)
    return Judgement(trace.name, names, cold_start_s, run, possible, elapsed_s)
