"""What came of runs: of one, and of all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from autoscaler.simulator.soak.journal import Broken


@dataclass(frozen=True, slots=True)
class RunReport:
    """One seed's run.

    Attributes:
        hours: simulated. digest: of the event log. cpu_s: what it took.
        counts: of everything by name; ``fault …`` are faults that hit.
        broken: rules that did not hold.
    """

    seed: int
    hours: float
    digest: str
    cpu_s: float
    counts: Counter[str]
    broken: tuple[Broken, ...]

    @property
    def faults(self) -> frozenset[str]:
        """Kinds of fault that hit in this run."""
        return frozenset(
            name.removeprefix("fault ") for name in self.counts if name.startswith("fault ")
        )


@dataclass(slots=True)
class FaultRow:
    """What happened in the runs that had one kind of fault, and how often it hit."""

    runs: int = 0
    hits: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    broken: int = 0


@dataclass(slots=True)
class Summary:
    """All runs together."""

    runs: int = 0
    hours: float = 0.0
    cpu_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    by_fault: dict[str, FaultRow] = field(default_factory=dict)
    broken: list[tuple[int, Broken]] = field(default_factory=list)

    def add(self, report: RunReport) -> None:
        """Take one more run in."""
        self.runs += 1
        self.hours += report.hours
        self.cpu_s += report.cpu_s
        self.counts += report.counts
        self.broken += [(report.seed, broken) for broken in report.broken]
        for fault in report.faults:
            row = self.by_fault.setdefault(fault, FaultRow())
            row.runs += 1
            row.hits += report.counts[f"fault {fault}"]
            row.counts += report.counts
            row.broken += len(report.broken)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return {
            "runs": self.runs,
            "simulated_hours": self.hours,
            "cpu_seconds": round(self.cpu_s, 1),
            "counts": dict(sorted(self.counts.items())),
            "faults": {name: _row(row) for name, row in sorted(self.by_fault.items())},
            "broken": [{"seed": seed, "what": str(broken)} for seed, broken in self.broken],
        }


OUTCOMES = (
    "scale_up applied",
    "scale_up rejected",
    "scale_up unknown",
    "scale_down applied",
    "scale_down not_sent",
    "scale_down unknown",
    "raced removals",
    "requests lost, raced",
)
"""The counts that a fault's row shows."""


def _row(row: FaultRow) -> dict[str, Any]:
    holds = holds_by_reason(row.counts)
    return {
        "runs": row.runs,
        "hits": row.hits,
        **{name: row.counts[name] for name in OUTCOMES},
        "holds": dict(holds),
        "broken": row.broken,
    }


def holds_by_reason(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return how often each reason held, the most frequent first."""
    prefix = "reason "
    found = [(n.removeprefix(prefix), c) for n, c in counts.items() if n.startswith(prefix)]
    return sorted(found, key=lambda one: (-one[1], one[0]))


def summarise(reports: Iterable[RunReport]) -> Summary:
    """Return all runs together."""
    summary = Summary()
    for report in reports:
        summary.add(report)
    return summary
