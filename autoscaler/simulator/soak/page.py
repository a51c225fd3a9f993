"""Runs as a table of docs/safety.md."""

from __future__ import annotations

from autoscaler.simulator.soak.report import OUTCOMES, Summary

MARKS = ("<!-- soak: begin -->\n", "<!-- soak: end -->\n")
"""Lines of a page between which the table stands."""


def with_table(page: str, summary: Summary, first: int, hours: float) -> str:
    """Return a page with what came of the runs between its marks.

    Raises:
        ValueError: the page lacks the marks.
    """
    before, begin, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise ValueError(f"there are no lines {MARKS[0].strip()} and {MARKS[1].strip()} in it")
    return before + begin + _table(summary, first, hours) + end + after


def _table(summary: Summary, first: int, hours: float) -> str:
    columns = ("fault", "runs with it", "times it hit", *OUTCOMES, "rules broken")
    requests = summary.counts["requests to the platform"]
    headline = (
        f"`autoscaler soak --first {first} --seeds {summary.runs} --hours {hours:g}`:"
        f" {summary.hours:.0f} simulated hours, {requests:,} requests to the platform,"
        f" {len(summary.broken)} rules broken."
    )
    heads = f"| {' | '.join(columns)} |"
    lines = [headline, "", heads, f"|---|{'---:|' * (len(columns) - 1)}"]
    for fault, row in sorted(summary.by_fault.items()):
        cells = (row.runs, row.hits, *(row.counts[name] for name in OUTCOMES), row.broken)
        lines.append(f"| {fault} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    totals = " | ".join(f"{summary.counts[name]:,}" for name in OUTCOMES)
    lines.append(f"| **all runs** | {summary.runs:,} | | {totals} | {len(summary.broken)} |")
    return "\n".join(lines) + "\n"
