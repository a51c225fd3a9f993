"""What one decision with its explanation costs, by number of workers.

Run: ``python tests/bench/decide_cost.py [rounds]``. Prints µs of CPU per ``decide`` and three
ratios that hold on any machine: the time against that for 10 workers, against the growth of the
number of workers (below 1: cheaper per worker than at the step before), and against a *bare pass*,
a Python loop that counts the workers of the same lists by state. The policies and the bare pass
take turns within each round, and the median round counts.

*At rest* nothing needs doing. *Acting*, nearly a third of the workers goes at every pass, put in
order and each of them explained (but ``slo`` orders some more where there are 10).
"""

from __future__ import annotations

import random  # noqa: TID251 - seeded
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time

from autoscaler.decision import AppMemory, AppSpec, decide
from autoscaler.decision.spec import Direction
from autoscaler.model import AppKey, Observation, Worker, WorkerState
from autoscaler.policies import Policy
from autoscaler.policies.queue import QueueParams, QueuePolicy
from autoscaler.policies.slo import SloParams, SloPolicy

APP = AppKey("default", "bench")
SIZES = (10, 50, 200, 1000)
POLICIES: dict[str, Callable[[], Policy]] = {
    "queue": lambda: QueuePolicy(QueueParams()),
    "slo": lambda: SloPolicy(SloParams()),
}
INTERVAL_S = 15.0
PASSES, WARM_UP = 80, 20
BUSY_SHARE, CHURN = 0.7, 0.3
START_S = 1_735_689_600.0


@dataclass(slots=True)
class Life:
    """What changes about a worker."""

    busy: bool
    requests: int
    last_serve_at: float


def looks(size: int) -> list[Observation]:
    """Return lists of ``size`` workers of which nearly a third does something between two."""
    rng = random.Random(size)
    lives = [Life(n < size * BUSY_SHARE, 5, START_S - 100.0) for n in range(size)]
    seen = []
    for number in range(PASSES + WARM_UP):
        now = START_S + number * INTERVAL_S
        for life in rng.sample(lives, int(size * CHURN)):
            life.requests += 1
            life.last_serve_at = now - rng.random() * INTERVAL_S
            other = rng.choice(lives)
            life.busy, other.busy = other.busy, life.busy
        seen.append(look(lives, rng.randrange(3), now))
    return seen


def look(lives: list[Life], queue_size: int, now: float) -> Observation:
    """Return the list of this moment, as the platform's reply would give it."""
    workers = tuple(
        Worker(
            f"JYdCWQfbKLAhEf8wnZ{number:04d}",
            WorkerState.BUSY if life.busy else WorkerState.FREE,
            created_at=START_S - 50_000.0 - number,
            last_serve_at=life.last_serve_at,
            success_count=life.requests,
            app_revision="7",
        )
        for number, life in enumerate(lives)
    )
    date = float(int(now))
    return Observation(APP, workers, queue_size, now - 0.05, now, date, max_workers=2000)


def decide_us(policy: Policy, seen: list[Observation], min_workers: int) -> float:
    """Return µs of CPU per decision over the lists, the first ones left out."""
    spec = AppSpec(
        APP,
        2000,
        (policy,),
        min_workers=min_workers,
        down=Direction(stabilization_window_s=0.0),
    )
    memory = AppMemory()
    for observation in seen[:WARM_UP]:
        _, memory = decide(spec, observation, memory, observation.received_at)
    before = process_time()
    for observation in seen[WARM_UP:]:
        _, memory = decide(spec, observation, memory, observation.received_at)
    return (process_time() - before) * 1e6 / PASSES


def bare_us(seen: list[Observation]) -> float:
    """Return µs of CPU per list for counting its workers by state."""
    before = process_time()
    for observation in seen[WARM_UP:]:
        counts: dict[WorkerState, int] = {}
        for worker in observation.workers:
            counts[worker.state] = counts.get(worker.state, 0) + 1
    return (process_time() - before) * 1e6 / PASSES


def measure(rounds: int, *, rest: bool) -> dict[str, list[float]]:
    """Return µs by what was timed, one figure for each size."""
    table: dict[str, list[float]] = {name: [] for name in ("bare pass", *POLICIES)}
    for size in SIZES:
        seen = looks(size)
        timed: dict[str, list[float]] = {name: [] for name in table}
        for _ in range(rounds):
            timed["bare pass"].append(bare_us(seen))
            for name, make in POLICIES.items():
                timed[name].append(decide_us(make(), seen, size if rest else 0))
        for name, figures in timed.items():
            table[name].append(median(figures))
    return table


def rows(title: str, table: dict[str, list[float]]) -> str:
    """Return the figures as text."""
    lines = [f"{title:<16}{'workers':>8}{'µs':>9}{'x 10':>7}{'growth':>8}{'x bare':>8}"]
    bare = table["bare pass"]
    for name, figures in table.items():
        for place, (size, us) in enumerate(zip(SIZES, figures, strict=True)):
            growth = "-"
            if place:
                growth = f"{us / figures[place - 1] / (size / SIZES[place - 1]):.2f}"
            times, over = us / figures[0], us / bare[place]
            lines.append(f"{name:<16}{size:>8}{us:>9.1f}{times:>7.1f}{growth:>8}{over:>8.1f}")
    return "\n".join(lines) + "\n\n"


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    sys.stdout.write(rows("at rest", measure(rounds, rest=True)))
    sys.stdout.write(rows("acting", measure(rounds, rest=False)))


if __name__ == "__main__":
    main()
