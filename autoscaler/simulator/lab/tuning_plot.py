"""Cost against lateness of every trial, as an SVG that needs no library."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from autoscaler.simulator.lab.tuning import Trial, front

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _EDGE = 760, 460, 60, 46, 16


def svg(made: Sequence[Trial], best: Trial, allowed: float) -> str:
    """Return the picture: all trials, the front as a line, the best ringed, the goal shaded.

    ``allowed``: share (0..1) that may be late.
    """
    right = 1.1 * max(2 * allowed, *(trial.late for trial in made))
    costs = [trial.cost for trial in made]
    low, high = min(1.0, *costs), 1.05 * max(1.0001, *costs)

    def x(late: float) -> float:
        return round(_LEFT + late / right * (_WIDTH - _LEFT - _EDGE), 1)

    def y(cost: float) -> float:
        return round(_HEIGHT - _BOTTOM - (cost - low) / (high - low) * (_HEIGHT - _BOTTOM - 16), 1)

    floor = _HEIGHT - _BOTTOM
    wide = round(x(allowed) - _LEFT, 1)
    parts = [
        f'<rect x="{_LEFT}" y="{_EDGE}" width="{wide}" height="{floor - _EDGE}" fill="#2ca02c22"/>',
        f'<path d="M{_LEFT} {_EDGE}V{floor}H{_WIDTH - _EDGE}" fill="none" stroke="#888"/>',
    ]
    for place in range(5):
        late, cost = right * place / 4, low + (high - low) * place / 4
        parts.append(f'<text x="{x(late)}" y="{floor + 16}" text-anchor="middle">{late:.1%}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(cost) + 4}" text-anchor="end">{cost:.2f}</text>')
    line = " ".join(f"{x(trial.late)},{y(trial.cost)}" for trial in front(made))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f77b4"/>')
    for trial in made:
        told = ", ".join(f"{name} {value}" for name, value in trial.values.items()) or "defaults"
        title = escape(f"{told}: cost {trial.cost:.3f}, late {trial.late:.2%}")
        parts.append(
            f'<circle cx="{x(trial.late)}" cy="{y(trial.cost)}" r="4" fill="#1f77b4" '
            f'fill-opacity=".6"><title>{title}</title></circle>'
        )
    parts.append(
        f'<circle cx="{x(best.late)}" cy="{y(best.cost)}" r="9" fill="none" stroke="#d62728" '
        'stroke-width="2"/>'
    )
    parts.append(
        f'<text x="{_WIDTH // 2}" y="{_HEIGHT - 8}" text-anchor="middle">'
        "waited too long (share of requests); upright: cost / work</text>"
    )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n{body}\n</svg>\n'
    )
