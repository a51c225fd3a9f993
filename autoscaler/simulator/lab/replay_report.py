"""The report of a backtest: one HTML file that works without a network, and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from autoscaler.simulator.lab import plots
from autoscaler.simulator.lab.replay import Replay

_MARK = "/*DATA*/"


def html(replays: Sequence[Replay], *, how: str, allowed: float) -> str:
    """Return the page.

    Args:
        replays: at least one, all of the same load.
        how: in words, what platform the load met.
        allowed: share (0..1) of the requests that may be late.
    """
    template = files("autoscaler.simulator.lab").joinpath("replay.html").read_text("utf-8")
    found = {
        "trace": replays[0].judgement.trace,
        "how": how,
        "allowed": round(allowed, 6),
        "replays": [replay.as_json() for replay in replays],
    }
    # A name with "</script>" in it must not end the data.
    data = json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")
    return template.replace(_MARK, data)


def picture(replays: Sequence[Replay], stem: Path) -> list[Path]:
    """Draw workers and queue over time; return the files, none without matplotlib."""
    pyplot = plots.library()
    if pyplot is None:
        return []
    figure, panels = pyplot.subplots(2, 1, figsize=(10, 6), sharex=True, layout="constrained")
    for color, replay in zip(plots.COLORS * 9, replays, strict=False):
        course = replay.course
        hours = [place * course.width_s / 3600 for place in range(len(course.workers))]
        late = f"{replay.judgement.run.share_over_target:.1%} late"
        label = f"{replay.name}: cost/work {replay.judgement.run.cost_over_work:.2f}, {late}"
        _line(panels[0], hours, course.workers, color, label)
        _line(panels[1], hours, course.queue, color, label)
    panels[0].set_ylabel("workers, starting ones included")
    panels[1].set_ylabel("requests that wait")
    panels[1].set_xlabel("hours")
    panels[0].legend(fontsize=8)
    return plots.save(pyplot, figure, stem)


def _line(panel: Any, xs: list[float], ys: Sequence[float], color: str, label: str) -> None:
    panel.plot(xs, ys, color=color, linewidth=1.1, label=label)
    panel.grid(alpha=0.25)
