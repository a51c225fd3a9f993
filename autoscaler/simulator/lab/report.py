"""The published comparison: policies by traces by cold starts, as a table and as a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from math import exp, log
from pathlib import Path
from typing import Any

from autoscaler.simulator.lab.clairvoyant import clairvoyant
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.peers import PEERS, AwsBacklogPolicy, Peer, Values
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import load

COLD_STARTS_S = (15.0, 60.0, 180.0)
ATTAINMENT = 0.95
SLO = Peer("slo (this project)", "slo")


@dataclass(frozen=True, slots=True)
class Job:
    """One run: which peer with which values, on which file, at which cold start (seconds)."""

    peer: Peer
    values: tuple[tuple[str, Any], ...]
    file: Path
    cold_start_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a job. ``cost``: over the clairvoyant schedule's; ``late``: share (0..1)."""

    policy: str
    trace: str
    cold_start_s: float
    cost: float
    late: float
    actions: int

    @property
    def good(self) -> bool:
        """Whether the attainment was met."""
        return self.late <= 1 - ATTAINMENT


def jobs(files: Sequence[Path], peers: Iterable[Peer] = (SLO, *PEERS)) -> Iterator[Job]:
    """Give every combination, with the parameters as shipped."""
    for peer in peers:
        for file in files:
            for cold_start_s in COLD_STARTS_S:
                yield Job(peer, (), file, cold_start_s)


def tuning_jobs(files: Sequence[Path], peers: Iterable[Peer] = PEERS) -> Iterator[Job]:
    """Give every point of every peer's grid in every scenario."""
    for peer in peers:
        for values in peer.tunings():
            for file in files:
                for cold_start_s in COLD_STARTS_S:
                    yield Job(peer, tuple(values.items()), file, cold_start_s)


def work(job: Job) -> Row:
    """Do one job; runs in a process of its own."""
    trace = load(job.file)
    values: Values = dict(job.values)
    if job.peer.kind == AwsBacklogPolicy.kind:
        # Its user is to tell the service time; here it is the true mean.
        mean_s = sum(service for _, service in trace) / len(trace.requests)
        values = {"service_time": mean_s, **values}
    driver = PipelineDriver(job.peer.spec(values))
    run = simulate(trace, driver, Setup(cold_start_s=job.cold_start_s))
    reference = clairvoyant(trace.requests, job.cold_start_s)
    return Row(
        job.peer.name,
        trace.name,
        job.cold_start_s,
        run.cost_over_work / reference.cost_over_work,
        run.share_over_target,
        run.scale_ups + run.scale_downs,
    )


def run_all(
    todo: Sequence[Job], processes: int, on_done: Callable[[Row], None] | None = None
) -> tuple[Row, ...]:
    """Do all jobs in parallel processes; Ctrl-C keeps the finished ones."""
    found: list[Row] = []
    with ProcessPoolExecutor(processes) as pool:
        futures: list[Future[Row]] = [pool.submit(work, job) for job in todo]
        try:
            for future in as_completed(futures):
                found.append(future.result())
                if on_done is not None:
                    on_done(found[-1])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
    return tuple(found)


def best_per_scenario(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return by policy and scenario the cheapest row within the SLO, else the least late one."""
    best: dict[tuple[str, str, float], Row] = {}
    for row in rows:
        key = (row.policy, row.trace, row.cold_start_s)
        if key not in best or _rank(row) < _rank(best[key]):
            best[key] = row
    return tuple(best.values())


def _rank(row: Row) -> tuple[bool, float]:
    return not row.good, row.cost if row.good else row.late


def summary(rows: Iterable[Row]) -> str:
    """Return a Markdown table, one line per policy: mean cost, scenarios good, late, actions."""
    by_policy: dict[str, list[Row]] = {}
    for row in rows:
        by_policy.setdefault(row.policy, []).append(row)
    lines = [
        "| policy | cost / clairvoyant (geometric mean) | SLO met | late (mean) | actions |",
        "|---|---|---|---|---|",
    ]
    for policy, own in by_policy.items():
        good = sum(row.good for row in own)
        lines.append(
            f"| {policy} | {mean_cost(own):.2f} | {good} of {len(own)} | "
            f"{sum(row.late for row in own) / len(own):.1%} | {sum(row.actions for row in own)} |"
        )
    return "\n".join(lines) + "\n"


def details(rows: Iterable[Row]) -> str:
    """Return a Markdown table of every scenario: cost, share late and actions by policy."""
    ordered = sorted(rows, key=lambda row: (row.trace, row.cold_start_s))
    lines = [
        "| trace | cold start | policy | cost / clairvoyant | late | actions |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.trace} | {row.cold_start_s:g} s | {row.policy} | {row.cost:.3f} | "
        f"{row.late:.2%} | {row.actions} |"
        for row in ordered
    ]
    return "\n".join(lines) + "\n"


def mean_cost(rows: Sequence[Row]) -> float:
    """Return the geometric mean of the costs."""
    return exp(sum(log(row.cost) for row in rows) / len(rows))


def plot(rows: Sequence[Row], file: Path) -> bool:
    """Draw cost against share late, a point per policy; False where matplotlib is not installed."""
    try:
        matplotlib: Any = import_module("matplotlib")
        matplotlib.use("Agg")
        pyplot: Any = import_module("matplotlib.pyplot")
    except ImportError:
        return False
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for policy in dict.fromkeys(row.policy for row in rows):
        own = [row for row in rows if row.policy == policy]
        late = 100 * sum(row.late for row in own) / len(own)
        axes.scatter(late, mean_cost(own), s=60)
        axes.annotate(policy, (late, mean_cost(own)), (5, 5), textcoords="offset points")
    axes.axvline(100 * (1 - ATTAINMENT), linestyle="--", color="grey")
    axes.set_xlabel("requests that waited longer than 10 s, percent (mean over scenarios)")
    axes.set_ylabel("cost / clairvoyant schedule (geometric mean)")
    figure.savefig(file, dpi=150)
    pyplot.close(figure)
    return True
