"""The comparison: which runs the published tables are made of, and what is kept of each.

A run is named by plain values (section, policy, setting, trace, cold start), so that it can be sent
to another process, written to a file, and recognised there later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoscaler.simulator.lab.ablation import ABLATIONS, without
from autoscaler.simulator.lab.bound import lower_bound
from autoscaler.simulator.lab.clairvoyant import clairvoyant, reference
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.loads import DEVELOPMENT, HELD_OUT, SEASONAL, generated
from autoscaler.simulator.lab.peers import PEERS, AwsBacklogPolicy, Peer, Values
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import MemoryTrace, load, window

COLD_STARTS_S = (15.0, 60.0, 180.0)
ATTAINMENT = 0.95
SLO = Peer("slo (this project)", "slo")
CLV = Peer("CLV", "")
"""The clairvoyant schedule, where it is itself compared."""

PUBLISHED = (
    "azure23_llm_code",
    "azure23_llm_conv",
    "gentd26_lora_a",
    "gentd26_lora_fold_a",
    "gentd26_qps_a",
    "gentd26_qps_x5_a",
)
"""Recorded traces of the published tables."""

PARTS = (("train", 0.0, 0.6), ("test", 0.6, 1.0))
"""The split by time: name, begin and end as shares of the time from first to last request."""

WITHOUT_SEASON = "days and weeks"
"""Name of the ablation that forgets them."""


@dataclass(frozen=True, slots=True)
class Load:
    """Where requests come from: a file, or a generator's name; of which the part of its time.

    Attributes:
        name: for tables. file: a trace; ``None`` for a made-up load of that name.
        begin, end: which part of the time from first to last request (0..1).
    """

    name: str
    file: Path | None = None
    begin: float = 0.0
    end: float = 1.0

    def requests(self) -> MemoryTrace:
        """Read or make the requests; a part's times count from its own begin."""
        if self.file is None:
            whole = MemoryTrace(self.name, tuple(generated(self.name)))
        else:
            whole = load(self.file)
        if (self.begin, self.end) == (0.0, 1.0):
            return whole
        span_s = whole.requests[-1][0]
        end_s = self.end * span_s if self.end < 1 else float("inf")
        return MemoryTrace(self.name, window(whole, self.begin * span_s, end_s).requests)


@dataclass(frozen=True, slots=True)
class Job:
    """One run to be made.

    Attributes:
        section: which table it belongs to. peer: the policy. setting: what is special about it.
        values: parameters over the shipped ones. load: the requests.
        cold_start_s: seconds. ablation: name of the ingredient left out; empty for none.
    """

    section: str
    peer: Peer
    load: Load
    cold_start_s: float
    setting: str = ""
    values: tuple[tuple[str, Any], ...] = ()
    ablation: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, float]:
        """What names the run."""
        return self.section, self.peer.name, self.setting, self.load.name, self.cold_start_s


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a run.

    Attributes:
        cost: over the clairvoyant schedule's. late: share (0..1) that waited too long.
        wait_p99_s: seconds. actions: scale-ups and scale-downs. The rest as in :class:`Job`.
    """

    section: str
    policy: str
    setting: str
    trace: str
    cold_start_s: float
    cost: float
    late: float
    wait_p99_s: float
    actions: int

    @property
    def key(self) -> tuple[str, str, str, str, float]:
        """What names the run."""
        return self.section, self.policy, self.setting, self.trace, self.cold_start_s

    @property
    def good(self) -> bool:
        """Whether the attainment was met."""
        return self.late <= 1 - ATTAINMENT


def shipped_jobs(
    loads: Sequence[Load], cold_starts_s: Sequence[float] = COLD_STARTS_S
) -> Iterator[Job]:
    """Give every policy as shipped, in every scenario."""
    for peer in (SLO, *PEERS):
        for each in loads:
            for cold_start_s in cold_starts_s:
                yield Job("shipped", peer, each, cold_start_s)


def tuned_jobs(loads: Sequence[Load]) -> Iterator[Job]:
    """Give every point of every peer's grid, in every scenario."""
    for peer in PEERS:
        for values in peer.tunings():
            setting = json.dumps(dict(values), separators=(",", ":"))
            for each in loads:
                for cold_start_s in COLD_STARTS_S:
                    yield Job(
                        "tuned", peer, each, cold_start_s, setting, tuple(sorted(values.items()))
                    )


def generated_jobs() -> Iterator[Job]:
    """Give every policy as shipped on the made-up loads that nothing was chosen on."""
    for peer in (SLO, *PEERS):
        for name in HELD_OUT:
            for cold_start_s in COLD_STARTS_S:
                yield Job("generated", peer, Load(name), cold_start_s)


def development_jobs() -> Iterator[Job]:
    """Give ``slo`` on the made-up loads that its changes were judged on."""
    for name in DEVELOPMENT:
        for cold_start_s in COLD_STARTS_S:
            yield Job("development", SLO, Load(name), cold_start_s)


def season_jobs() -> Iterator[Job]:
    """Give ``slo`` with and without its memory of days and weeks, on weeks of office hours."""
    for name in SEASONAL:
        for cold_start_s in COLD_STARTS_S:
            yield Job("season", SLO, Load(name), cold_start_s)
            yield Job("season", SLO, Load(name), cold_start_s, WITHOUT_SEASON,
                      ablation=WITHOUT_SEASON)  # fmt: skip


def split_jobs(loads: Sequence[Load]) -> Iterator[Job]:
    """Give every policy as shipped on both parts of each trace's time, each from nothing."""
    for setting, begin, end in PARTS:
        for peer in (SLO, *PEERS):
            for each in loads:
                for cold_start_s in COLD_STARTS_S:
                    part = Load(each.name, each.file, begin, end)
                    yield Job("split", peer, part, cold_start_s, setting)


def ablation_jobs(loads: Sequence[Load]) -> Iterator[Job]:
    """Give ``slo`` without each of its ingredients, on the traces and the development loads."""
    for name in ABLATIONS:
        for each in (*loads, *map(Load, DEVELOPMENT)):
            for cold_start_s in COLD_STARTS_S:
                yield Job("ablation", SLO, each, cold_start_s, name, ablation=name)


WINDOWS = (
    ("gentd26_lora_a", 400_000.0, 7_200.0, 2.0),
    ("gentd26_lora_fold_a", 86_400.0, 1_800.0, 1.0),
    ("dev: sparse", 10_000.0, 3_600.0, 2.0),
)
"""Where the certified bound is affordable: trace, begin and length in seconds, slot in seconds."""


def bound_jobs(loads: Sequence[Load]) -> Iterator[Job]:
    """Give each window of which the trace is there, for the bound below the clairvoyant cost."""
    known = {each.name: each for each in (*loads, *map(Load, DEVELOPMENT))}
    for name, begin_s, length_s, slot_s in WINDOWS:
        values = (("begin_s", begin_s), ("length_s", length_s), ("slot_s", slot_s))
        setting = f"{length_s:g} s from {begin_s:g} s"
        for cold_start_s in COLD_STARTS_S if name in known else ():
            yield Job("bound", CLV, known[name], cold_start_s, setting, values)


def _over_bound(job: Job) -> Row:
    """Return what the clairvoyant schedule costs over the bound; nobody is late in either."""
    values = dict(job.values)
    begin_s, end_s = values["begin_s"], values["begin_s"] + values["length_s"]
    requests = window(job.load.requests(), begin_s, end_s).requests
    cost = clairvoyant(requests, job.cold_start_s, late_share=0.0).cost_over_work
    least = lower_bound(requests, job.cold_start_s, late_share=0.0, slot_s=values["slot_s"])
    return Row(*job.key, cost=round(cost / least, 5), late=0.0, wait_p99_s=0.0, actions=0)


def work(job: Job) -> Row:
    """Make one run; it is dropped if it is interrupted.

    Raises:
        KeyboardInterrupt: the run was interrupted. BoundError: a bound that cannot be computed.
    """
    if job.section == "bound":
        return _over_bound(job)
    trace = job.load.requests()
    values: Values = dict(job.values)
    if job.peer.kind == AwsBacklogPolicy.kind:
        # Its user is to tell the service time; here it is the true mean.
        mean_s = sum(service for _, service in trace) / len(trace.requests)
        values = {"service_time": mean_s, **values}
    with without(job.ablation):
        driver = PipelineDriver(job.peer.spec(values))
        run = simulate(trace, driver, Setup(cold_start_s=job.cold_start_s))
    if run.interrupted:
        raise KeyboardInterrupt
    best = reference(trace.requests, job.cold_start_s)
    return Row(
        *job.key,
        cost=round(run.cost_over_work / best.cost_over_work, 5),
        late=round(run.share_over_target, 6),
        wait_p99_s=round(run.wait_p99_s, 2),
        actions=run.scale_ups + run.scale_downs,
    )


def save(rows: Iterable[Row], file: Path) -> None:
    """Write rows as JSON, one a line, in a fixed order."""
    lines = [json.dumps(list(asdict(row).values())) for row in sorted(rows, key=lambda r: r.key)]
    columns = json.dumps(list(Row.__dataclass_fields__))
    text = ",\n".join(lines)
    file.write_text(f'{{"columns": {columns},\n"rows": [\n{text}\n]}}\n', encoding="utf-8")


def saved(file: Path) -> tuple[Row, ...]:
    """Read rows that :func:`save` wrote; none where there is no file."""
    if not file.exists():
        return ()
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return tuple(Row(**dict(zip(found["columns"], row, strict=True))) for row in found["rows"])
