"""Several policies on the same load, side by side: what each would have done and when.

The figures are those of ``judgement``; here they get a course over time, kept in a fixed number of
bins, so that a trace of weeks makes a report of the same size as one of an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autoscaler.decision import AppSpec
from autoscaler.model import Action, NoData, Observation, ScaleDown, ScaleUp, WorkerState
from autoscaler.simulator.lab.clairvoyant import reference
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.judgement import CLAIRVOYANT_LIMIT, Judgement
from autoscaler.simulator.lab.platform import EPOCH_S, Setup
from autoscaler.simulator.lab.trace import Trace

BINS = 600
"""Most points of a course."""


@dataclass(slots=True)
class Course:
    """Workers and queue over time. When it is full, two bins become one.

    Attributes:
        width_s: seconds a bin covers; 0 until the second look.
        workers, busy: mean of each bin. queue: largest of each bin.
    """

    width_s: float
    limit: int = BINS
    workers: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)
    _looks: list[int] = field(default_factory=list)

    def add(self, at_s: float, workers: int, busy: int, queue: int) -> None:
        """Take one look, made ``at_s`` seconds after the start; looks come in order."""
        while at_s >= self.width_s * self.limit:
            self._halve()
        place = int(at_s / self.width_s)
        while len(self._looks) <= place:
            self.workers.append(0.0)
            self.busy.append(0.0)
            self.queue.append(0)
            self._looks.append(0)
        self._looks[place] += 1
        weight = 1 / self._looks[place]
        self.workers[place] += (workers - self.workers[place]) * weight
        self.busy[place] += (busy - self.busy[place]) * weight
        self.queue[place] = max(self.queue[place], queue)

    def _halve(self) -> None:
        self.width_s *= 2
        looks = self._looks
        pairs = [(i, min(i + 1, len(looks) - 1)) for i in range(0, len(looks), 2)]

        def mean(values: list[float], a: int, b: int) -> float:
            total = looks[a] + looks[b]
            return (values[a] * looks[a] + values[b] * looks[b]) / total if total else 0.0

        self.workers = [mean(self.workers, a, b) for a, b in pairs]
        self.busy = [mean(self.busy, a, b) for a, b in pairs]
        self.queue = [max(self.queue[a], self.queue[b]) for a, b in pairs]
        self._looks = [looks[a] + (looks[b] if b != a else 0) for a, b in pairs]


class Watched:
    """A driver that lets another decide and keeps the course."""

    def __init__(self, driver: PipelineDriver, interval_s: float) -> None:
        self.course = Course(interval_s)
        self.wants_queue = driver.wants_queue
        self._driver = driver

    def decide(self, observation: Observation) -> Action:
        """Note the look and let the driver decide."""
        busy = sum(worker.state is WorkerState.BUSY for worker in observation.workers)
        queue = 0 if isinstance(observation.queue_size, NoData) else observation.queue_size
        at_s = observation.received_at - EPOCH_S
        self.course.add(at_s, len(observation.workers), busy, queue)
        return self._driver.decide(observation)

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Pass it on."""
        self._driver.carried_out(action, worker_ids)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a policy made of the load: its figures, and its course.

    ``price_per_hour``: of one worker; 0 where none is known.
    """

    name: str
    judgement: Judgement
    course: Course
    price_per_hour: float = 0.0

    @property
    def money(self) -> float | None:
        """What its workers took; ``None`` where no price is known."""
        if not self.price_per_hour:
            return None
        return self.judgement.run.cost_worker_s * self.price_per_hour / 3600

    @property
    def figures(self) -> dict[str, Any]:
        """The judgement by name, with the money."""
        return self.judgement.as_json() | {"policy": self.name, "money": self.money}

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the course, for a report."""
        course = self.course
        return {
            "name": self.name,
            "figures": self.figures,
            "interrupted": self.judgement.run.interrupted,
            "width_s": course.width_s,
            "workers": [round(value, 2) for value in course.workers],
            "busy": [round(value, 2) for value in course.busy],
            "queue": course.queue,
        }


def replay(
    name: str,
    trace: Trace,
    spec: AppSpec,
    setup: Setup,
    *,
    cold_start_s: float,
    late_share: float,
    stopwatch: Callable[[], float],
    price_per_hour: float = 0.0,
) -> Replay:
    """Run a trace through the daemon's pipeline and keep the course.

    Args:
        name: of the policy, in the report.
        trace: the requests.
        spec: the owner's wishes.
        setup: the platform.
        cold_start_s: mean cold start, for the clairvoyant schedule.
        late_share: share of the requests that schedule may send late.
        stopwatch: real seconds from any start.
        price_per_hour: of one worker.
    """
    driver = Watched(PipelineDriver(spec), setup.interval_s)
    began = stopwatch()
    run = simulate(trace, driver, setup)
    elapsed_s = stopwatch() - began
    possible = None
    if not run.interrupted and 0 < run.requests <= CLAIRVOYANT_LIMIT:
        possible = reference(
            tuple(trace), cold_start_s, target_wait_s=setup.target_wait_s, late_share=late_share
        ).cost_over_work
    judged = Judgement(trace.name, name, cold_start_s, run, possible, elapsed_s)
    return Replay(name, judged, driver.course, price_per_hour)
