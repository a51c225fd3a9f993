"""A certified lower bound of what any schedule can cost, on a window of a trace.

A time-indexed linear program whose optimum no real schedule can beat, because every rounding to
slots of ``slot_s`` seconds is made in its favour:

* ``x[i, t]``: request ``i`` starts in slot ``t`` of those in which it would be on time. It occupies
  each following slot by the least that any start within ``t`` would.
* ``y[i]``: it starts late, at any time, anywhere; at most ``late_share`` of them do.
* ``u[t]`` orders until slot ``t``, ``e[t] <= e[t-1] + u[t] - u[t-1]`` workers at its end, ``w[t]``
  paid in it: at least the workers that were there before it and still are, and those in use or
  starting.
* Workers in use in ``t`` were there at the end of ``t-1``, and not ordered within a cold start.
* What is paid covers all work, the late one too.

Workers are fractions, and orders may precede the first request. It needs scipy (extra ``lab``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from math import ceil, floor
from typing import Any

from autoscaler.model.errors import AutoscalerError
from autoscaler.simulator.lab.trace import Request

MAX_TERMS = 3_000_000
"""Largest program that is tried, in matrix entries."""


class BoundError(AutoscalerError):
    """The bound cannot be computed: scipy is missing, the window too long, or no solution."""


@dataclass(slots=True)
class _Program:
    """A sparse ``A x <= b`` under construction."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def at_most(self, terms: Iterable[tuple[int, float]], limit: float) -> None:
        """Add ``sum(value * column) <= limit``."""
        row = len(self.limits)
        for column, value in terms:
            self.rows.append(row)
            self.columns.append(column)
            self.values.append(value)
        self.limits.append(limit)
        if len(self.values) > MAX_TERMS:
            raise BoundError(f"more than {MAX_TERMS} terms: take a shorter window or longer slots")


def lower_bound(
    requests: Iterable[Request],
    cold_start_s: float,
    *,
    target_wait_s: float = 10.0,
    late_share: float = 0.05,
    slot_s: float = 2.0,
) -> float:
    """Return cost over work that no schedule of these requests can go below.

    Args:
        requests: in order of arrival.
        cold_start_s: seconds from order to readiness (≥ 0).
        target_wait_s: longest good wait, seconds.
        late_share: share that may wait longer (0..1).
        slot_s: length of a slot, seconds; shorter than a typical service time, or it says little.

    Raises:
        BoundError: scipy is not installed, the program is too large, or the solver gave up.
    """
    known = tuple(requests)
    work_s = sum(service for _, service in known)
    if not known or work_s <= 0:
        return 1.0
    cost_s = _solve(known, cold_start_s, target_wait_s, late_share, slot_s)
    return max(1.0, cost_s / work_s)


def _solve(
    requests: tuple[Request, ...],
    cold_start_s: float,
    target_wait_s: float,
    late_share: float,
    slot_s: float,
) -> float:
    cold = floor(cold_start_s / slot_s)
    origin_s = requests[0][0] - (cold + 2) * slot_s
    longest = max(service for _, service in requests)
    slots = ceil((requests[-1][0] - origin_s + target_wait_s + longest) / slot_s) + 2
    work_s = sum(service for _, service in requests)
    # Columns: u, e, w by slot; y by request; paid beyond; then the starts.
    u, e, w, y = 0, slots, 2 * slots, 3 * slots
    beyond = y + len(requests)
    columns = beyond + 1
    program = _Program()
    used: list[list[tuple[int, float]]] = [[] for _ in range(slots)]
    for i, (arrival, service) in enumerate(requests):
        first = floor((arrival - origin_s) / slot_s)
        last = floor((arrival + target_wait_s - origin_s) / slot_s)
        shares = _least_overlaps(service / slot_s)
        for start in range(first, last + 1):
            for offset, share in shares:
                used[start + offset].append((columns + start - first, share))
        starts = [(columns + k, -1.0) for k in range(last - first + 1)]
        program.at_most([*starts, (y + i, -1.0)], -1.0)
        columns += last - first + 1
    program.at_most([(y + i, 1.0) for i in range(len(requests))], late_share * len(requests))
    program.at_most([*((w + t, -slot_s) for t in range(slots)), (beyond, -1.0)], -work_s)
    for t in range(1, slots):
        fresh = [(u + t, -1.0), (u + t - 1, 1.0)]
        program.at_most([(u + t - 1, 1.0), (u + t, -1.0)], 0.0)
        program.at_most([(e + t, 1.0), (e + t - 1, -1.0), *fresh], 0.0)
        program.at_most([(e + t, 1.0), *fresh, (w + t, -1.0)], 0.0)
        starting = [(u + t - 1, 1.0), (u + max(0, t - cold), -1.0)] if cold > 1 else []
        program.at_most([*used[t], *starting, (e + t - 1, -1.0)], 0.0)
        program.at_most([*used[t], *starting, (w + t, -1.0)], 0.0)
    cost = [0.0] * columns
    cost[w : w + slots] = [slot_s] * slots
    cost[beyond] = 1.0
    limits: list[tuple[float, float | None]] = [(0.0, None)] * columns
    limits[e] = limits[u] = (0.0, 0.0)
    return _minimum(program, cost, limits)


def _least_overlaps(length: float) -> list[tuple[int, float]]:
    """Return by slot after the start's the least part of it that a service of ``length`` fills.

    ``length`` is in slots. Over the starts within a slot the overlap is least at one of its ends.
    """
    found = []
    for offset in range(ceil(length) + 1):
        least = min(
            max(0.0, min(offset + 1.0, start + length) - max(float(offset), start))
            for start in (0.0, 1.0)
        )
        if least > 0:
            found.append((offset, least))
    return found


def _minimum(
    program: _Program, cost: list[float], limits: list[tuple[float, float | None]]
) -> float:
    try:
        optimize: Any = import_module("scipy.optimize")
        sparse: Any = import_module("scipy.sparse")
    except ImportError:
        raise BoundError("the lower bound needs scipy; install the extra 'lab'") from None
    matrix = sparse.csr_matrix(
        (program.values, (program.rows, program.columns)), shape=(len(program.limits), len(cost))
    )
    found = optimize.linprog(cost, A_ub=matrix, b_ub=program.limits, bounds=limits, method="highs")
    if not found.success:
        raise BoundError(f"the solver gave up: {found.message}")
    return float(found.fun)
