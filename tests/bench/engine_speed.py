"""How near the simulation comes to a bare heap loop, measured in the same run.

Run: ``python tests/bench/engine_speed.py [--rounds N] [--trace FILE]``. Two bare loops know only
arrivals and completions, both through one heap: *heap* has a server for each request, *queue* a
fixed pool and a FIFO queue, so it is the same simulation without an autoscaler, waits and costs.
The engine looks at a list of all workers every 15 s besides, and makes a whole ``decide`` by policy
``slo`` of it. They take turns, and the median of the rounds counts; events per second are of CPU
time. Target: 30 % on the recorded trace of 34,000 requests in an hour, where 246 decisions about
200 workers each are most of the work.

The last row is a made-up day of 80,000 requests, made once before. Target: 2 s.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

from autoscaler.policies.slo import SloParams, SloPolicy
from autoscaler.simulator.lab.drivers import PipelineDriver, lab_spec
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.generators import diurnal
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import MemoryTrace, load

RECORDED = Path(__file__).parents[3] / "shared" / "traces" / "gentd26_qps_x5_a.csv.gz"
DAY_S = 86_400.0
DAY_REQUESTS = 80_000
ARRIVAL, COMPLETION = 0, 1


def bare_heap(trace: MemoryTrace) -> int:
    """Run arrivals and completions, nothing else, and return how many events there were."""
    requests = iter(trace.requests)
    arrival, service = next(requests)
    heap = [(arrival, ARRIVAL, service)]
    events = 0
    while heap:
        now, kind, service = heappop(heap)
        events += 1
        if kind == COMPLETION:
            continue
        heappush(heap, (now + service, COMPLETION, 0.0))
        following = next(requests, None)
        if following is not None:
            heappush(heap, (following[0], ARRIVAL, following[1]))
    return events


def bare_queue(trace: MemoryTrace) -> int:
    """The same with a pool for the mean load and a tenth more, and a FIFO queue."""
    requests = iter(trace.requests)
    arrival, service = next(requests)
    work_s = sum(service for _, service in trace.requests)
    free = ceil(1.1 * work_s / trace.requests[-1][0])
    heap = [(arrival, ARRIVAL, service)]
    waiting: deque[float] = deque()
    events = 0
    while heap:
        now, kind, service = heappop(heap)
        events += 1
        if kind == COMPLETION:
            if waiting:
                heappush(heap, (now + waiting.popleft(), COMPLETION, 0.0))
            else:
                free += 1
            continue
        if free:
            free -= 1
            heappush(heap, (now + service, COMPLETION, 0.0))
        else:
            waiting.append(service)
        following = next(requests, None)
        if following is not None:
            heappush(heap, (following[0], ARRIVAL, following[1]))
    return events


def engine(trace: MemoryTrace) -> int:
    """Run the laboratory with policy ``slo`` and return how many events there were."""
    driver = PipelineDriver(lab_spec(SloPolicy(SloParams())))
    return simulate(trace, driver, Setup()).events


class Run(NamedTuple):
    """One timed run: events, and seconds of CPU."""

    events: int
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Events per second of CPU."""
        return self.events / self.cpu_s


def timed(run: Callable[[MemoryTrace], int], trace: MemoryTrace) -> Run:
    """Return what one run did and took."""
    before = process_time()
    events = run(trace)
    return Run(events, process_time() - before)


def row(trace: MemoryTrace, rounds: int) -> str:
    """Return one line of the table: the loops in turns over one trace."""
    loops = (bare_heap, bare_queue, engine)
    runs = [[timed(loop, trace) for loop in loops] for _ in range(rounds)]
    speeds = "".join(
        f"{median(run.per_s for run in column):>12.0f}" for column in zip(*runs, strict=True)
    )
    ratios = [[ours.per_s / bare.per_s for bare in bares] for *bares, ours in runs]
    shares = "".join(f"{median(column):>10.1%}" for column in zip(*ratios, strict=True))
    seconds = median(ours.cpu_s for *_, ours in runs)
    return f"{trace.name:<18}{len(trace.requests):>9}{speeds}{seconds:>8.3f}{shares}\n"


def made_up_day() -> MemoryTrace:
    """Return 80,000 requests over a day with its ups and downs."""
    whole = diurnal(0.1, 2 * DAY_REQUESTS / DAY_S, DAY_S, seed=1)
    return MemoryTrace("diurnal, 24 h", tuple(islice(whole, DAY_REQUESTS)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The engine beside a bare heap loop.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trace", type=Path, default=RECORDED)
    given = parser.parse_args()
    names = f"{'heap 1/s':>12}{'queue 1/s':>12}{'engine 1/s':>12}{'CPU s':>8}"
    head = f"{'trace':<18}{'requests':>9}{names}{'of heap':>10}{'of queue':>10}\n"
    sys.stdout.write(head)
    if given.trace.exists():
        sys.stdout.write(row(load(given.trace), given.rounds))
    else:
        sys.stdout.write(f"{given.trace} is not there; name another with --trace\n")
    sys.stdout.write(row(made_up_day(), max(1, given.rounds // 3)))


if __name__ == "__main__":
    main()
