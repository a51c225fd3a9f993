"""What a list costs on its way to a decision, and how long it keeps the loop at a time.

    python -m tests.bench.long_list [WORKERS ...]

Microseconds of CPU, the median of sixty lists of which each differs from the last. A *block* is
what happens between two turns of the loop: the reply parsed and its first rows read, then further
rows a part at a time, then the decision with all that listens.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from statistics import median
from time import process_time

from autoscaler.app.prices import Prices
from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.everai.client import ROWS_AT_ONCE
from autoscaler.everai.unchanged import LastLists
from autoscaler.everai.wire import OpenedList
from autoscaler.history.recorder import HistoryRecorder
from autoscaler.model import AppKey
from autoscaler.policies.free_workers import FreeWorkersParams, FreeWorkersPolicy
from autoscaler.settings import Settings
from autoscaler.telemetry import Metrics, Recorders
from autoscaler.telemetry.serialize import decision_fields
from autoscaler.web import Changes, Snapshot
from tests.bench.fleet.server import list_reply

LISTS, START_S, INTERVAL_S = 60, 1_735_689_600.0, 15.0


class Clock:
    """A clock moved by hand."""

    time = START_S

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Pass:
    """Passes over one app, block by block."""

    def __init__(self) -> None:
        prices = Prices()
        prices.show(Settings())
        self.clock = Clock()
        metrics = Metrics(version="0", dry_run=False, price_of=prices.per_hour)
        history = HistoryRecorder(self.clock, decision_fields, prices.of)
        self.recorder = Recorders((metrics, Snapshot(), Changes(), history))
        policy = FreeWorkersPolicy(FreeWorkersParams())
        self.spec = AppSpec(AppKey("default", "app"), 2000, (policy,))
        self.memory = AppMemory()

    def blocks(self, body: bytes) -> Iterator[None]:
        """Go through one pass; yield at the end of each block."""
        now = self.clock.time = self.clock.time + INTERVAL_S
        LastLists.digest(body)
        opened = OpenedList(body)
        yield from opened.rows.in_parts(ROWS_AT_ONCE)
        look = opened.observation(
            self.spec.key, requested_at=now, received_at=now, platform_now=now
        )
        if len(look.workers) > ROWS_AT_ONCE:
            yield
        self.recorder.observed(look)
        decision, self.memory = decide(self.spec, look, self.memory, now)
        self.recorder.decided(decision)
        yield


def cost(workers: int) -> tuple[float, float]:
    """Return CPU of a pass and of its longest block, microseconds."""
    whole, longest, one = [], [], Pass()
    for number in range(LISTS):
        body = list_reply(workers, 100 + number).partition(b"\r\n\r\n")[2]
        spent = []
        at = process_time()
        for _ in one.blocks(body):
            now = process_time()
            spent.append((now - at) * 1e6)
            at = process_time()
        whole.append(sum(spent))
        longest.append(max(spent))
    return median(whole), median(longest)


def main() -> None:
    sys.stdout.write("| workers | a pass | its longest block |\n|---:|---:|---:|\n")
    for workers in [int(word) for word in sys.argv[1:]] or [10, 100, 1000]:
        whole, longest = cost(workers)
        sys.stdout.write(f"| {workers:,} | {whole:,.0f} µs | {longest:,.0f} µs |\n")


if __name__ == "__main__":
    main()
