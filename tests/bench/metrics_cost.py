"""What the metrics cost: per pass, and per scrape, at a given number of apps.

    python tests/bench/metrics_cost.py [APPS]

Prints one JSON object. Figures depend on the machine; compare them only with a run beside them.
"""

from __future__ import annotations

import json
import resource
import sys
import zlib
from statistics import median
from time import perf_counter

from autoscaler.model import (
    AppKey,
    Census,
    Decision,
    Hold,
    Observation,
    Proposal,
    Reason,
    Recommendation,
    Worker,
    WorkerState,
)
from autoscaler.telemetry import Metrics

WORKERS = 10
ROUNDS = 3


def reports(apps: int) -> list[tuple[Observation, Decision]]:
    """One observation with ten workers and one decision of two policies per app."""
    states = (WorkerState.FREE, WorkerState.BUSY)
    workers = tuple(Worker(f"w{index}", states[index % 2]) for index in range(WORKERS))
    proposals = (Proposal("queue", Recommendation(7, "")), Proposal("slo", Recommendation(8, "")))
    made = []
    for index in range(apps):
        app = AppKey("default", f"app-{index:05}")
        made.append(
            (
                Observation(app, workers, index % 7, 1.0, 1.1, 1.1),
                Decision(
                    app,
                    1.2,
                    Hold(),
                    Reason.AT_TARGET,
                    "",
                    desired=8,
                    combined=8,
                    proposals=proposals,
                    census=Census(free=5, busy=5, present=10),
                    queue_size=index % 7,
                    max_workers=20,
                ),
            )
        )
    return made


def memory_mib() -> float:
    """Return the highest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def feed(metrics: Metrics, made: list[tuple[Observation, Decision]]) -> float:
    """Return microseconds per pass."""
    began = perf_counter()
    for observation, decision in made:
        metrics.observed(observation)
        metrics.decided(decision)
        metrics.pass_ended(decision.app, duration_s=0.01, lateness_s=0.002)
    return (perf_counter() - began) / len(made) * 1e6


def scrape(metrics: Metrics, accept: str) -> dict[str, float]:
    """Return what one scrape costs, and the longest time it keeps the loop from others."""
    chunks_ms: list[float] = []
    sizes: list[int] = []
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    gzip_ms = 0.0
    lines = 0
    _, chunks = metrics.exposition(accept)
    while True:
        began = perf_counter()
        chunk = next(chunks, None)
        done = perf_counter()
        if chunk is None:
            break
        packer.compress(chunk)
        gzip_ms += (perf_counter() - done) * 1e3
        chunks_ms.append((done - began) * 1e3)
        sizes.append(len(chunk))
        lines += chunk.count(b"\n")
    return {
        "render_ms": round(sum(chunks_ms), 1),
        "longest_chunk_ms": round(max(chunks_ms), 2),
        "gzip_ms": round(gzip_ms, 1),
        "mib": round(sum(sizes) / 2**20, 1),
        "lines": lines,
    }


def main() -> None:
    """Measure and print."""
    apps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    made = reports(apps)
    before_mib = memory_mib()
    metrics = Metrics(version="bench", dry_run=False)
    first_us = feed(metrics, made)
    again_us = median(feed(metrics, made) for _ in range(ROUNDS))
    result = {
        "apps": apps,
        "first_pass_us": round(first_us, 2),
        "pass_us": round(again_us, 2),
        "metrics_mib": round(memory_mib() - before_mib, 1),
        "text": scrape(metrics, ""),
        "openmetrics": scrape(metrics, "application/openmetrics-text;version=1.0.0"),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
