"""What the list of apps costs at a given number of apps, and how long it keeps the loop.

    python -m tests.bench.api_list [APPS]

Prints one JSON object; milliseconds of processor time, so that other work on the machine does not
count. The block is the longest time between two turns of a task that always wants its turn.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import thread_time

from autoscaler.model import AppKey, Observation, Worker, WorkerState
from autoscaler.web import WebServer
from tests.fakes.api_site import NOW, Parts, decision

QUERIES = {
    "page of 100": "/api/v1/apps",
    "page of 1000": "/api/v1/apps?limit=1000",
    "search": "/api/v1/apps?q=app-09999",
    "filter": "/api/v1/apps?status=steady&reason=AtTarget",
    "sorted by workers": "/api/v1/apps?sort=workers&order=desc",
    "sorted by queue, last page": "/api/v1/apps?sort=queue&offset=9900",
    "health": "/api/v1/health",
}
ROUNDS = 9
IDLE_S = 50e-6
"""A turn that is shorter is the loop going round with nothing to do."""


class Turns:
    """Notes the processor time between two turns: the longest, and all of what was no idling."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.longest_s = self.busy_s = 0.0
        self._last = thread_time()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0)
            now = thread_time()
            between_s, self._last = now - self._last, now
            self.longest_s = max(self.longest_s, between_s)
            if between_s > IDLE_S:
                self.busy_s += between_s


def filled(apps: int, folder: Path) -> Parts:
    parts = Parts(folder)
    states = (WorkerState.FREE, WorkerState.BUSY)
    for number in range(apps):
        app = AppKey("default", f"app-{number:05}")
        workers = tuple(Worker(f"w{i}", states[i % 2]) for i in range(number % 20))
        parts.snapshot.observed(Observation(app, workers, number % 7, NOW, NOW, NOW))
        parts.snapshot.decided(decision(app, NOW))
    return parts


async def measure(server: str, address: str) -> dict[str, float]:
    """Ask from a process of its own, so that only the server is on this loop."""
    spent, turns = [], Turns()
    watching = asyncio.create_task(turns.run())
    longest = []
    for _ in range(ROUNDS):
        curl = await asyncio.create_subprocess_exec(
            "curl", "-s", "-o", "/dev/null", f"{server}{address}"
        )
        turns.reset()
        await curl.wait()
        spent.append(turns.busy_s)
        longest.append(turns.longest_s)
    watching.cancel()
    return {
        "cpu_ms": round(median(spent) * 1000, 1),
        "longest_block_ms": round(median(longest) * 1000, 2),
    }


async def main(apps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = filled(apps, Path(folder))
        async with WebServer(parts.site(), "127.0.0.1", 0) as server:
            told = {name: await measure(server.url, url) for name, url in QUERIES.items()}
    sys.stdout.write(json.dumps({"apps": apps, **told}, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 10_000))
