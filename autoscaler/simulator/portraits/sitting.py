"""One run for a portrait: the pipeline and a small platform in virtual time, pass by pass."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

from autoscaler.decision import AppSpec
from autoscaler.model import Action, Observation, ScaleDown, ScaleUp, WorkerState
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.platform import APP, EPOCH_S, Setup
from autoscaler.simulator.portraits.loads import SPAN_S, WARMUP_S, Load
from autoscaler.simulator.portraits.sitters import Sitter

MAX_WORKERS = 20
_COLD_START_S = 60.0
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """What one pass saw and asked for.

    Attributes:
        at_s: seconds since the picture began.
        busy, waiting: requests being served, and requests in the queue.
        wanted: workers the pipeline asks for. ready: workers that serve.
        signal: value of the outside source; ``None`` where there is none.
    """

    at_s: float
    busy: int
    waiting: int
    wanted: int
    ready: int
    signal: float | None


def sit(sitter: Sitter, load: Load) -> tuple[Point, ...]:
    """Run a policy under a load; return the passes of the picture, in order.

    The app has the defaults of a configuration, ``max_workers: 20`` and starts of 60 seconds.

    Raises:
        ValueError: the policy cannot be made here.
    """
    spec = AppSpec(APP, MAX_WORKERS, sitter.build(load))
    watcher = _Watcher(spec, sitter, load)
    simulate(load.requests(), watcher, Setup(cold_start_s=_COLD_START_S, max_workers=MAX_WORKERS))
    return tuple(point for point in watcher.points if 0 <= point.at_s <= SPAN_S)


class _Watcher:
    """The daemon's pipeline, with made-up signals, noting each pass."""

    def __init__(self, spec: AppSpec, sitter: Sitter, load: Load) -> None:
        self.points: list[Point] = []
        self._driver = PipelineDriver(spec)
        self._sitter = sitter
        self._arrivals_s = [at_s for at_s, _ in load.requests()]
        self.wants_queue = self._driver.wants_queue

    def decide(self, observation: Observation) -> Action:
        """Decide on the list and note what came of it."""
        now_s = observation.received_at - EPOCH_S
        signal = self._signal(observation, now_s)
        if signal is not None:
            signals = dict.fromkeys((p.name for p in self._driver.spec.policies), signal)
            observation = replace(observation, signals=signals)
        action = self._driver.decide(observation)
        decision = self._driver.last_decision
        if decision is not None and decision.desired is not None:
            states = [worker.state for worker in observation.workers]
            busy = states.count(WorkerState.BUSY)
            queue = observation.queue_size
            self.points.append(
                Point(
                    now_s - WARMUP_S,
                    busy,
                    queue if isinstance(queue, int) else 0,
                    decision.desired,
                    busy + states.count(WorkerState.FREE),
                    signal,
                )
            )
        return action

    def carried_out(self, action: ScaleUp | ScaleDown, worker_ids: tuple[str, ...]) -> None:
        """Pass it on."""
        self._driver.carried_out(action, worker_ids)

    def _signal(self, observation: Observation, now_s: float) -> float | None:
        if self._sitter.signal is None:
            return None
        lately = bisect_left(self._arrivals_s, now_s) - bisect_left(
            self._arrivals_s, now_s - _MINUTE_S
        )
        return self._sitter.signal(observation, lately / _MINUTE_S)
