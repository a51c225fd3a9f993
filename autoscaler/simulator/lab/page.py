"""The tables of docs/benchmarks.md, each between its own marks, so that the page cannot lag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autoscaler.simulator.lab import tables as made
from autoscaler.simulator.lab.comparison import SLO, Load, Row
from autoscaler.simulator.lab.tables import tuned_for_all, tuned_per_scenario


def mean_load(load: Load) -> float:
    """Return the mean number of workers that a load keeps busy."""
    requests = load.requests().requests
    span_s = requests[-1][0] - requests[0][0]
    return sum(service for _, service in requests) / span_s if span_s > 0 else 0.0


def tables(rows: Sequence[Row], loads: Mapping[str, float]) -> dict[str, str]:
    """Return every table that the rows suffice for, by the name of its marks.

    ``loads``: mean load in workers by recorded trace.
    """
    by_section = made.grouped(rows, lambda row: row.section)
    shipped, made_up = (_slo_first(by_section.get(name, [])) for name in ("shipped", "generated"))
    tuned = by_section.get("tuned", [])
    split, judged = _slo_first(by_section.get("split", [])), by_section.get("development", [])
    slo = [row for row in shipped if row.policy == SLO.name]
    makers: dict[str, tuple[Sequence[Row], Callable[[], str]]] = {
        "shipped": (shipped, lambda: made.summary(shipped)),
        "tuned per scenario": (tuned, lambda: made.summary([*slo, *tuned_per_scenario(tuned)])),
        "tuned for all": (
            tuned,
            lambda: made.summary([*slo, *tuned_for_all(tuned)], with_setting=True),
        ),
        "bands": (slo, lambda: made.bands(slo, dict(loads))),
        "scenarios": (shipped, lambda: made.scenarios(shipped)),
        "scenarios, tuned": (tuned, lambda: made.scenarios(tuned_per_scenario(tuned))),
        "actions": (tuned, lambda: made.actions(slo, tuned_per_scenario(tuned))),
        "split": (split, lambda: made.split(split)),
        "held out": (split, lambda: made.held_out(split, made_up)),
        "season": (by_section.get("season", []), lambda: made.season(by_section["season"])),
        "development": (judged, lambda: made.scenarios(judged)),
        "generated": (made_up, lambda: made.summary(made_up)),
        "generated, scenarios": (made_up, lambda: made.scenarios(made_up)),
        "bound": (by_section.get("bound", []), lambda: made.bound(by_section["bound"])),
        "ablation": (
            by_section.get("ablation", []),
            lambda: made.ablation(slo, by_section.get("development", []), by_section["ablation"]),
        ),
    }
    found = {name: make() for name, (needed, make) in makers.items() if needed}
    return found | {"missing": made.missing(shipped)}


def _slo_first(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.policy != SLO.name)


def whole(found: Mapping[str, str]) -> str:
    """Return all tables as one page."""
    parts = [f"## {name}\n\n{text}" for name, text in found.items() if text]
    return "# Policies compared\n\n" + "\n".join(parts)


def filled(page: str, found: Mapping[str, str]) -> str:
    """Return a page with each table between its marks; other marks keep what they have.

    Raises:
        ValueError: the page lacks the marks of a table.
    """
    for name, text in found.items():
        begin, end = (f"<!-- lab: {name}: {word} -->\n" for word in ("begin", "end"))
        before, opened, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ValueError(f"there are no lines {begin.strip()} and {end.strip()} in it")
        page = before + begin + text + end + after
    return page
