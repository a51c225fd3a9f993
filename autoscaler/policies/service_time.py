"""How long a request takes and how many come, measured from worker lists alone.

A list tells each worker's finished requests (``successCount + failedCount``) and whether it is
busy. Between two lists ``dt`` seconds apart:

- completions = sum of the counters' growth; busy time = mean of both busy counts * dt;
- service time = busy time / completions (Little's law on the workers: busy = rate * service time);
- arrivals = completions + growth of (queue + busy), since what came has left or is still there.

Sums decay exponentially, service time over a long memory and arrivals over a short one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp

from autoscaler.model import Observation, PolicyInput, Worker

GAP_S = 300.0
"""Lists further apart than this tell nothing of what happened between them."""
MEMORY_S = 1800.0
"""Time constant of the service time, seconds."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What has been measured; a policy keeps it in its state.

    Attributes:
        at: our clock at the last list, epoch seconds; ``None`` before the first.
        served: finished requests of each worker in the last list.
        busy, load: busy workers, and busy workers + queue, in the last list.
        busy_s, completions: decaying sums of the long memory.
        arrived, over_s: decaying sums of the short memory: requests, and the seconds they span.
    """

    at: float | None = None
    served: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0
    load: int = 0
    busy_s: float = 0.0
    completions: float = 0.0
    arrived: float = 0.0
    over_s: float = 0.0

    def service_s(self, completions_min: float) -> float | None:
        """Seconds of work per request; ``None`` until so many completions were seen."""
        if self.completions < completions_min or self.busy_s <= 0:
            return None
        return self.busy_s / self.completions

    @property
    def arrivals_per_s(self) -> float:
        """Requests that came per second, lately; 0 before two lists were seen."""
        return max(0.0, self.arrived / self.over_s) if self.over_s > 0 else 0.0


def measure(meter: Meter, given: PolicyInput, queue: int, window_s: float) -> Meter:
    """Take in one list. ``window_s``: time constant of the arrival rate, seconds."""
    observation = given.observation
    served = {w.id: w.success_count + w.failed_count for w in observation.workers}
    busy, load = given.census.busy, given.census.busy + queue
    dt = 0.0 if meter.at is None else given.now - meter.at
    if meter.at is None or not 0 < dt <= GAP_S:
        return Meter(given.now, served, busy, load, meter.busy_s, meter.completions)
    done = sum(_growth(meter, worker, observation, dt) for worker in observation.workers)
    long, short = exp(-dt / MEMORY_S), exp(-dt / window_s)
    return Meter(
        at=given.now,
        served=served,
        busy=busy,
        load=load,
        busy_s=meter.busy_s * long + (meter.busy + busy) / 2 * dt,
        completions=meter.completions * long + done,
        arrived=meter.arrived * short + done + load - meter.load,
        over_s=meter.over_s * short + dt,
    )


def _growth(meter: Meter, worker: Worker, observation: Observation, dt: float) -> int:
    """Return the requests a worker finished since the last list; a reset counter tells none."""
    now = worker.success_count + worker.failed_count
    before = meter.served.get(worker.id)
    if before is not None:
        return max(0, now - before)
    is_new = worker.created_at is not None and observation.age(worker.created_at) <= dt
    return now if is_new else 0
