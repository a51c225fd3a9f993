"""Plots of the comparison, as SVG and PNG; they need matplotlib (extra ``lab``).

The same rows give the same files, byte for byte, on the same version of matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from autoscaler.simulator.lab.comparison import ATTAINMENT, SLO, Row
from autoscaler.simulator.lab.tables import (
    grouped,
    mean_cost,
    mean_late,
    tuned_for_all,
    tuned_per_scenario,
)

COLORS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22")
_SLO_SHARE = 100 * (1 - ATTAINMENT)


def library() -> Any:
    """Return pyplot, set up to draw without a screen and without dates; ``None`` if not there."""
    try:
        matplotlib: Any = import_module("matplotlib")
    except ImportError:
        return None
    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "lab", "font.size": 9})
    return import_module("matplotlib.pyplot")


def save(pyplot: Any, figure: Any, stem: Path) -> list[Path]:
    """Write a figure as SVG and PNG and close it."""
    files = [stem.with_suffix(".svg"), stem.with_suffix(".png")]
    figure.savefig(files[0], metadata={"Date": None})
    figure.savefig(files[1], dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return files


def comparison(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw every plot that the rows suffice for; return the files, none without matplotlib."""
    pyplot = library()
    by_section = grouped(rows, lambda row: row.section)
    shipped, tuned = by_section.get("shipped", []), by_section.get("tuned", [])
    if pyplot is None or not shipped:
        return []
    files = _standings(pyplot, shipped, tuned, folder / "cost-and-waiting")
    return files + _scenarios(pyplot, shipped, folder / "scenarios")


def _standings(pyplot: Any, shipped: Sequence[Row], tuned: Sequence[Row], stem: Path) -> list[Path]:
    """One point per policy and way of tuning: where each stands."""
    figure, axes = pyplot.subplots(figsize=(9, 6), layout="constrained")
    ways = (
        ("as shipped", shipped, "o"),
        ("one setting for all scenarios", tuned_for_all(tuned), "s"),
        ("tuned to each scenario in hindsight", tuned_per_scenario(tuned), "^"),
    )
    policies = list(dict.fromkeys(row.policy for row in sorted(shipped, key=_slo_first)))
    axes.axvspan(0, _SLO_SHARE, color="#2ca02c", alpha=0.08)
    axes.axvline(_SLO_SHARE, color="#2ca02c", linestyle="--", linewidth=1)
    for color, policy in zip(COLORS, policies, strict=False):
        points = []
        for _, rows, marker in ways:
            own = [row for row in rows if row.policy == policy]
            if not own:
                continue
            points.append((max(0.02, 100 * mean_late(own)), mean_cost(own)))
            star = policy == SLO.name
            axes.scatter(
                *points[-1], s=260 if star else 55, marker="*" if star else marker, color=color,
                label=policy if len(points) == 1 else None, zorder=3,
            )  # fmt: skip
        axes.plot(*zip(*points, strict=True), color=color, linewidth=0.8, alpha=0.5)
    for name, rows, marker in ways:
        if rows:
            axes.scatter([], [], marker=marker, color="black", s=40, label=name)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(0, 100)
    axes.set_xticks([0, 0.5, 1, 2, 5, 10, 20, 50, 100], ["0", "0.5", "1", "2", "5", "10", "20",
                    "50", "100"])  # fmt: skip
    axes.set_ylim(bottom=1.0)
    axes.axhline(1.0, color="grey", linewidth=0.8)
    axes.set_xlabel("requests that waited longer than 10 s, percent (mean over scenarios)")
    axes.set_ylabel("cost, as a multiple of the clairvoyant schedule (geometric mean)")
    axes.set_title("Left of the line: the SLO is met on average. Lower: cheaper.")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="upper left")
    return save(pyplot, figure, stem)


def _scenarios(pyplot: Any, shipped: Sequence[Row], stem: Path) -> list[Path]:
    """Small multiples: a panel per trace, a point per policy and cold start."""
    traces = sorted({row.trace for row in shipped})
    policies = list(dict.fromkeys(row.policy for row in sorted(shipped, key=_slo_first)))
    columns = min(3, len(traces))
    lines = -(-len(traces) // columns)
    figure, grid = pyplot.subplots(
        lines, columns, figsize=(4 * columns, 3.2 * lines), layout="constrained", squeeze=False
    )
    panels = list(grid.flat)
    for panel, trace in zip(panels, traces, strict=False):
        panel.axvspan(0, _SLO_SHARE, color="#2ca02c", alpha=0.08)
        for color, policy in zip(COLORS, policies, strict=False):
            own = [row for row in shipped if (row.policy, row.trace) == (policy, trace)]
            panel.scatter(
                [100 * row.late for row in own], [row.cost for row in own], color=color,
                s=[90 if policy == SLO.name else 25] * len(own),
                marker="*" if policy == SLO.name else "o", label=policy,
            )  # fmt: skip
        panel.set_title(trace)
        panel.set_xscale("symlog", linthresh=1.0)
        panel.set_xlim(0, 100)
        panel.set_yscale("log")
        panel.grid(alpha=0.25)
    for panel in panels[len(traces) :]:
        panel.set_axis_off()
    figure.supxlabel("waited longer than 10 s, percent")
    figure.supylabel("cost / clairvoyant")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return save(pyplot, figure, stem)


def _slo_first(row: Row) -> bool:
    return row.policy != SLO.name
