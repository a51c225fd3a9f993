"""The comparison as Markdown tables, one function a table."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from math import exp, log
from typing import TypeVar

from autoscaler.simulator.lab.ablation import ABLATIONS
from autoscaler.simulator.lab.comparison import COLD_STARTS_S, PARTS, PUBLISHED, SLO, Row

NO_MORE = "no more"
Key = TypeVar("Key", bound=Hashable)


def mean_cost(rows: Iterable[Row]) -> float:
    """Return the geometric mean of the costs; 0 where there are no rows."""
    costs = [row.cost for row in rows]
    return exp(sum(map(log, costs)) / len(costs)) if costs else 0.0


def mean_late(rows: Sequence[Row]) -> float:
    """Return the mean share (0..1) of late requests."""
    return sum(row.late for row in rows) / len(rows) if rows else 0.0


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """Return rows by a key, in order of first appearance."""
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def tuned_per_scenario(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return by policy and scenario the cheapest row within the SLO, else the least late one."""
    scenarios = grouped(rows, lambda row: (row.policy, row.trace, row.cold_start_s))
    return tuple(min(own, key=_rank) for own in scenarios.values())


def tuned_for_all(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return by policy the rows of the one setting that meets the SLO most often, then cheapest."""
    found: list[Row] = []
    for own in grouped(rows, lambda row: row.policy).values():
        settings = grouped(own, lambda row: row.setting).values()
        most = max(len(setting) for setting in settings)
        whole = [setting for setting in settings if len(setting) == most]
        found += min(
            whole, key=lambda setting: (-sum(row.good for row in setting), mean_cost(setting))
        )
    return tuple(found)


def _rank(row: Row) -> tuple[bool, float]:
    return not row.good, row.cost if row.good else row.late


def summary(rows: Iterable[Row], *, with_setting: bool = False) -> str:
    """Return one line per policy: mean cost, scenarios within the SLO, late, actions."""
    head = ["policy", "cost / CLV", "SLO met", "late, mean", "late, worst", "scale actions"]
    lines = []
    for policy, own in grouped(rows, lambda row: row.policy).items():
        line = [
            f"**{policy}**" if policy == SLO.name else policy,
            f"{mean_cost(own):.2f}",
            _met(own),
            f"{mean_late(own):.1%}",
            f"{max(row.late for row in own):.1%}",
            f"{sum(row.actions for row in own):,}",
        ]
        lines.append(
            [*line, f"`{own[0].setting}`" if own[0].setting else "as shipped"]
            if with_setting
            else line
        )
    return _table([*head, "setting"] if with_setting else head, lines)


def scenarios(rows: Iterable[Row]) -> str:
    """Return cost and late share by scenario (lines) and policy (columns).

    A cell above the SLO is in italics.
    """
    known = list(rows)
    policies = list(dict.fromkeys(row.policy for row in known))
    cells = {(row.policy, row.trace, row.cold_start_s): row for row in known}
    lines = []
    for trace, cold_start_s in sorted({(row.trace, row.cold_start_s) for row in known}):
        found = [cells.get((policy, trace, cold_start_s)) for policy in policies]
        lines.append([trace, f"{cold_start_s:g} s", *map(_cell, found)])
    return _table(["trace", "cold start", *policies], lines)


def actions(slo: Iterable[Row], tuned: Iterable[Row]) -> str:
    """Return the scale actions of ``slo`` beside those of the HPA tuned to each scenario."""
    hpa = {(row.trace, row.cold_start_s): row for row in tuned if row.policy.startswith("HPA")}
    lines = []
    for row in slo:
        peer = hpa.get((row.trace, row.cold_start_s))
        if peer is not None:
            more = NO_MORE if row.actions <= peer.actions else "more"
            lines.append(
                [row.trace, f"{row.cold_start_s:g} s", str(row.actions), str(peer.actions), more]
            )
    table = _table(["trace", "cold start", "slo", "HPA v2, tuned", ""], lines)
    reached = sum(line[-1] == NO_MORE for line in lines)
    return f"{table}\nNo more than the tuned HPA in {reached} of {len(lines)} scenarios.\n"


def split(rows: Iterable[Row]) -> str:
    """Return cost and late share of ``slo`` on both parts of each trace's time."""
    known = [row for row in rows if row.policy == SLO.name]
    names = [name for name, _, _ in PARTS]
    lines = []
    for (trace, cold_start_s), own in grouped(known, lambda r: (r.trace, r.cold_start_s)).items():
        parts = {row.setting: row for row in own}
        lines.append([trace, f"{cold_start_s:g} s", *(_cell(parts.get(name)) for name in names)])
    return _table(["trace", "cold start", *names], lines)


def held_out(split: Iterable[Row], generated: Iterable[Row]) -> str:
    """Return by policy: mean cost, SLO met and late share on train, test and made-up loads."""
    names = [*(name for name, _, _ in PARTS), "generated"]
    rows = [*split, *(replace(row, setting="generated") for row in generated)]
    lines = []
    for policy, own in grouped(rows, lambda row: row.policy).items():
        parts = grouped(own, lambda row: row.setting)
        line = [f"**{policy}**" if policy == SLO.name else policy]
        for name in names:
            part = parts.get(name, [])
            line += [f"{mean_cost(part):.2f}", _met(part), f"{mean_late(part):.1%}"]
        lines.append(line)
    head = [f"{name}: {what}" for name in names for what in ("cost / CLV", "SLO met", "late")]
    return _table(["policy", *head], lines)


def season(rows: Iterable[Row]) -> str:
    """Return ``slo`` with and without its memory of days and weeks."""
    lines = [
        [
            row.trace,
            f"{row.cold_start_s:g} s",
            "without" if row.setting else "with",
            f"{row.cost:.3f}",
            f"{row.late:.2%}",
            f"{row.wait_p99_s:.1f} s",
            f"{row.actions:,}",
        ]
        for row in sorted(rows, key=lambda row: (row.trace, row.cold_start_s, row.setting))
    ]
    head = ["load", "cold start", "days and weeks", "cost / CLV", "late", "wait p99", "actions"]
    return _table(head, lines)


def ablation(whole: Sequence[Row], development: Sequence[Row], rows: Iterable[Row]) -> str:
    """Return by ingredient what leaving it out costs and whom it keeps waiting.

    Args:
        whole: ``slo`` with all of them on the recorded traces.
        development: the same on the loads that changes were judged on.
        rows: without one of them, on both.
    """
    lines = [["**slo, whole**", "", *_beside(whole, whole), *_beside(development, development)]]
    settings = grouped(rows, lambda row: row.setting)
    for name in (name for name in ABLATIONS if name in settings):
        cells = [*_beside(settings[name], whole), *_beside(settings[name], development)]
        lines.append([name, ABLATIONS[name].instead, *cells])
    columns = ["cost / CLV", "times whole", "SLO met", "scale actions"]
    places = ("traces", "made-up")
    head = [f"{place}: {column}" for place in places for column in columns]
    return _table(["without", "instead", *head], lines)


def _beside(rows: Iterable[Row], whole: Sequence[Row]) -> tuple[str, ...]:
    """Return what the rows of the scenarios of ``whole`` came to, and how that compares."""
    scenes = {(row.trace, row.cold_start_s) for row in whole}
    same = [row for row in rows if (row.trace, row.cold_start_s) in scenes]
    if not same:
        return ("",) * 4
    cost, acted = mean_cost(same), sum(row.actions for row in same)
    return f"{cost:.3f}", f"{cost / mean_cost(whole):.3f}", _met(same), f"{acted:,}"


def bound(rows: Iterable[Row]) -> str:
    """Return by window and cold start what CLV costs over the certified lower bound."""
    head = ["trace", "window", *(f"cold start {d:g} s" for d in COLD_STARTS_S)]
    lines = []
    for (trace, setting), own in grouped(rows, lambda row: (row.trace, row.setting)).items():
        cells = {row.cold_start_s: f"{row.cost:.3f}" for row in own}
        lines.append([trace, setting, *(cells.get(d, "") for d in COLD_STARTS_S)])
    return _table(head, lines)


def bands(rows: Iterable[Row], loads: dict[str, float]) -> str:
    """Return the mean cost of ``slo`` by mean load in workers (``loads`` by trace)."""
    limits = (("above 20 workers", 20.0, 1e9), ("1 to 20", 1.0, 20.0), ("below 1", 0.0, 1.0))
    known = [row for row in rows if row.policy == SLO.name and row.trace in loads]
    lines = []
    for name, low, high in limits:
        own = [row for row in known if low <= loads[row.trace] < high]
        if own:
            traces = ", ".join(dict.fromkeys(row.trace for row in own))
            lines.append([name, traces, f"{mean_cost(own):.2f}", _met(own)])
    return _table(["mean load", "traces", "cost / CLV", "SLO met"], lines)


def missing(rows: Iterable[Row]) -> str:
    """Say which recorded traces are not in the tables; empty if all are."""
    there = {row.trace for row in rows}
    names = [name for name in PUBLISHED if name not in there]
    if not names:
        return ""
    return (
        f"Not on this machine, so without rows here: {', '.join(names)} (expected in "
        "`../shared/traces`; they may not be distributed).\n"
    )


def _met(rows: Sequence[Row]) -> str:
    return f"{sum(row.good for row in rows)} of {len(rows)}"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    text = f"{row.cost:.2f} · {row.late:.1%}"
    return text if row.good else f"*{text}*"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = "|" + "---|" * len(head)
    return "\n".join(["| " + " | ".join(head) + " |", rule, *map(_line, lines)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
