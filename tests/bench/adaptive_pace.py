"""What ``interval_max`` saves, and what it costs the requests: the pipeline in virtual time.

    python tests/bench/adaptive_pace.py [TRACE …]

Each load is simulated with a fixed pace of 15 s and with ``interval_max`` of 1, 5 and 10 minutes:
looks at the app, waits (and how many were longer than 10 s), and worker hours paid for. Without
arguments the loads are made up from a seed: an app that sleeps most of the time, one with days and
nights, one that is never at rest. A trace is a CSV file of ``arrival_s,service_s``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from math import inf

from autoscaler.decision import AppSpec
from autoscaler.decision.pace import pace_s
from autoscaler.decision.spec import Direction
from autoscaler.model import Action, Hold, Observation, ScaleDown, ScaleUp
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.simulator.lab.drivers import PipelineDriver, lab_spec
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.generators import Service, diurnal, mmpp, poisson
from autoscaler.simulator.lab.metrics import RunResult
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import Request, load

INTERVAL_S = 15.0
PACES_S = (None, 60.0, 300.0, 600.0)
DAY_S = 86_400.0


class PacedDriver:
    """The daemon's pipeline, asked no sooner than its own pace says.

    Attributes:
        looks: how often it looked.
    """

    def __init__(self, spec: AppSpec) -> None:
        self._pipeline = PipelineDriver(spec)
        self._due_at = -inf
        self.looks = 0
        self.wants_queue = self._pipeline.wants_queue

    def decide(self, observation: Observation) -> Action:
        """Look, if it is time to."""
        now = observation.received_at
        if now < self._due_at:
            return Hold()
        self.looks += 1
        action = self._pipeline.decide(observation)
        decision = self._pipeline.last_decision
        assert decision is not None
        wait_s = pace_s(self._pipeline.spec, decision, self._pipeline._memory, now)
        # The engine offers a look every interval; one that is due between two waits for the second.
        self._due_at = now + wait_s - 1e-6
        return action

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Remember the order."""
        self._pipeline.carried_out(action, worker_ids)


def run(trace: Iterable[Request], interval_max_s: float | None) -> tuple[int, RunResult]:
    """Return how often was looked, and what came of it."""
    spec = replace(
        lab_spec(QueuePolicy(QueueParams()), interval_s=INTERVAL_S),
        interval_max_s=interval_max_s,
        max_workers=50,
        down=Direction(stabilization_window_s=300.0),
        idle_timeout_s=300.0,
    )
    driver = PacedDriver(spec)
    result = simulate(trace, driver, Setup(interval_s=INTERVAL_S, warmup_s=0.0))
    return driver.looks, result


def loads(paths: list[str]) -> Iterable[tuple[str, Iterable[Request]]]:
    """Return the loads by name."""
    if paths:
        return [(path.rpartition("/")[2], load(path)) for path in paths]
    service = Service(5.0)
    return [
        ("sleeps most of the time", poisson(rate=1 / 7200, duration_s=7 * DAY_S, service=service)),
        ("bursts", mmpp((0.0, 0.3), (14_400.0, 1800.0), 7 * DAY_S, service=service)),
        ("days and nights", diurnal(0.0002, 0.05, 7 * DAY_S, service=service)),
        ("never at rest", poisson(rate=0.5, duration_s=DAY_S, service=service)),
    ]


def main() -> None:
    """Print the table."""
    head = ("load", "interval_max", "looks", "saved", "wait p50", "p99", "> 10 s", "worker hours")
    form = "{:<26} {:>12} {:>8} {:>6} {:>9} {:>8} {:>8} {:>12}\n"
    sys.stdout.write(form.format(*head))
    for name, trace in loads(sys.argv[1:]):
        fixed = 0
        for slowest_s in PACES_S:
            looks, found = run(trace, slowest_s)
            fixed = fixed or looks
            row = (
                name,
                "none" if slowest_s is None else f"{slowest_s:g} s",
                looks,
                f"{1 - looks / fixed:.0%}",
                f"{found.wait_p50_s:.1f} s",
                f"{found.wait_p99_s:.1f} s",
                f"{found.late / max(1, found.counted):.1%}",
                f"{found.cost_worker_s / 3600:.1f}",
            )
            sys.stdout.write(form.format(*row))


if __name__ == "__main__":
    main()
