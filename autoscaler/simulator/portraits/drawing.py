"""The picture: three panels, load as areas, workers as lines. The same bytes every time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from autoscaler.model.errors import AutoscalerError
from autoscaler.simulator.portraits.loads import LOADS, SPAN_S
from autoscaler.simulator.portraits.sitters import Sitter
from autoscaler.simulator.portraits.sitting import Point, sit

_SERVED, _WAITING, _WANTED, _READY, _SIGNAL = "#bcd3ea", "#f2a65a", "#1b4f91", "#55606e", "#8a3ffc"
_INK, _GRID = "#222b36", "#e4e8ed"
_STYLE = {
    "svg.hashsalt": "autoscaler",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_SIZE_IN = (10.0, 3.1)
_MINUTE_S = 60.0
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_Value = TypeVar("_Value")
_TALLEST = 28
"""Panels end here: beyond it only the queue of an app with too few workers goes on."""


class DrawingError(AutoscalerError):
    """No picture can be drawn here."""


def draw(sitter: Sitter, file: Path) -> None:
    """Draw a policy's portrait into a file; its ending says the format (svg, png).

    Raises:
        DrawingError: matplotlib is not installed.
        ValueError: the policy cannot be made here.
    """
    pyplot = _pyplot()
    runs = [(load.name, sit(sitter, load)) for load in LOADS]
    with pyplot.rc_context(_STYLE):
        figure, panels = pyplot.subplots(
            1, len(runs), figsize=_SIZE_IN, sharey=True, layout="constrained"
        )
        for panel, (title, points) in zip(panels, runs, strict=True):
            _panel(panel, title, points, sitter.per_worker)
        top = max(_highest(point) for _, points in runs for point in points)
        panels[0].set_ylim(0, min(top, _TALLEST) * 1.06)
        panels[0].set_ylabel("requests, workers")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        if sitter.note:
            figure.supxlabel(sitter.note, fontsize=8.5, color=_READY)
        _save(figure, file)
        pyplot.close(figure)


def _pyplot() -> Any:
    try:
        import_module("matplotlib").use("Agg")
        return import_module("matplotlib.pyplot")
    except ImportError:
        raise DrawingError(
            "pictures need matplotlib, which is not installed: "
            "pip install 'everai-worker-autoscaler[lab]'"
        ) from None


def _save(figure: Any, file: Path) -> None:
    """Save without date and library version; coordinates of an SVG with two places, not nine."""
    if file.suffix != ".svg":
        figure.savefig(file, dpi=110, metadata={"Software": None})
        return
    drawn = BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": "autoscaler"})
    text = _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", drawn.getvalue().decode())
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")


def _highest(point: Point) -> int:
    return max(point.busy + point.waiting, point.wanted, point.ready)


def _panel(panel: Any, title: str, points: Sequence[Point], per_worker: float) -> None:
    served = [(p.at_s, float(p.busy)) for p in points]
    load = [(p.at_s, float(p.busy + p.waiting)) for p in points]
    _area(panel, served, load, _WAITING, "requests waiting")
    _area(panel, [(p.at_s, 0.0) for p in points], served, _SERVED, "requests being served")
    _line(panel, [(p.at_s, p.ready) for p in points], color=_READY, lw=1.1, ls=(0, (3, 2)))
    _line(panel, [(p.at_s, p.wanted) for p in points], color=_WANTED, lw=2.0)
    signal = [(p.at_s, p.signal / per_worker) for p in points if p.signal is not None]
    if signal:
        _line(panel, signal, color=_SIGNAL, lw=0.9, ls=(0, (1, 1.5)))
    names = ("workers ready", "workers asked for", "signal, in workers")
    for line, name in zip(panel.lines, names, strict=False):
        line.set_label(name)
    panel.set_title(title, fontsize=10, loc="left", color=_INK)
    panel.set_xlabel("time, minutes")
    panel.set_xlim(0, SPAN_S / _MINUTE_S)
    panel.set_xticks(range(0, int(SPAN_S / _MINUTE_S) + 1, 10))
    panel.yaxis.get_major_locator().set_params(integer=True)
    panel.grid(axis="y", color=_GRID, lw=0.8)
    panel.set_axisbelow(True)


def _line(panel: Any, series: Sequence[tuple[float, float]], **style: Any) -> None:
    corners = _corners(series)
    panel.plot(
        [at_s / _MINUTE_S for at_s, _ in corners],
        [value for _, value in corners],
        drawstyle="steps-post",
        solid_joinstyle="miter",
        **style,
    )


def _area(
    panel: Any,
    lower: Sequence[tuple[float, float]],
    upper: Sequence[tuple[float, float]],
    color: str,
    label: str,
) -> None:
    both = [(at_s, (low, high)) for (at_s, low), (_, high) in zip(lower, upper, strict=True)]
    corners = _corners(both)
    panel.fill_between(
        [at_s / _MINUTE_S for at_s, _ in corners],
        [pair[0] for _, pair in corners],
        [pair[1] for _, pair in corners],
        step="post",
        color=color,
        lw=0,
        label=label,
    )


def _corners(series: Sequence[tuple[float, _Value]]) -> list[tuple[float, _Value]]:
    """Leave out points that only repeat the one before: the file stays small."""
    changed = [now for before, now in pairwise(series) if now[1] != before[1]]
    return [series[0], *changed, series[-1]]
