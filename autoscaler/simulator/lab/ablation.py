"""What each ingredient of ``slo`` is worth: the policy with one of them taken out at a time.

The policy knows nothing of this. An ablation names a constant or a function of one of its modules
and what stands there instead while a run lasts, so that the code that is measured is the code that
scales, line by line, and carries no switches. Only processes of the laboratory do this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from math import inf
from typing import Any

from autoscaler.model import Census
from autoscaler.policies.slo import control, staffing
from autoscaler.policies.slo.forecast import SCALES_S
from autoscaler.policies.slo.state import Control, Demand, Forecast, Lateness

_PACKAGE = "autoscaler.policies.slo"


@dataclass(frozen=True, slots=True)
class Ablation:
    """One ingredient, and how it is taken out.

    Attributes:
        without: the ingredient, for the table. instead: what the policy does then.
        module, attribute: what is replaced, in the package of ``slo``. value: by what.
    """

    without: str
    instead: str
    module: str
    attribute: str
    value: Any


def _fixed_risk(_before: Control, _account: Lateness, allowed: float, **_seen: float) -> Control:
    return control.first(allowed)


def _no_backlog(*_given: Any) -> int:
    return 0


def _whole_queue(demand: Demand, *_given: Any) -> int:
    return demand.queue


_BACKLOG: Callable[..., int] = staffing._for_backlog  # noqa: SLF001 - it is what is ablated


def _blind_to_orders(demand: Demand, forecast: Forecast, census: Census, *rest: Any) -> int:
    return _BACKLOG(demand, forecast, replace(census, in_flight=0, on_order=0), *rest)


def _slow_rate(rates: tuple[float, ...], _errors: tuple[float, ...]) -> float:
    return rates[SCALES_S.index(240.0)]


def _never(_age_s: float) -> bool:
    return False


def _constant_memory(_horizon_s: float) -> float:
    return 300.0


ABLATIONS: dict[str, Ablation] = {
    one.without: one
    for one in (
        Ablation(
            "risk tuned to the attainment",
            "the tail stays at 0.8 of the allowed share",
            "control",
            "update",
            _fixed_risk,
        ),
        Ablation(
            "integral part of the risk", "only the proportional part", "control", "_INTEGRAL", 0.0
        ),
        Ablation(
            "caution", "aims at the whole allowed share instead of 0.95", "control", "CAUTION", 1.0
        ),
        Ablation(
            "levels: hold by use",
            "nothing is held beyond the forecast",
            "levels",
            "kept",
            _no_backlog,
        ),
        Ablation(
            "hold grows with the cold start",
            "levels are remembered for 300 s always",
            "levels",
            "memory_s",
            _constant_memory,
        ),
        Ablation(
            "levels: load that lasts", "levels count simultaneous requests only", "levels",
            "_sustained", _no_backlog,
        ),
        Ablation(
            "no relaxing while the promise is broken", "good hours count, whatever the account",
            "control", "_RELAXING_WHILE_BROKEN", 1.0,
        ),
        Ablation(
            "mixture of time scales", "one rate, smoothed over 240 s", "forecast",
            "_mixed", _slow_rate,
        ),
        Ablation(
            "trend", "the fastest rate stands in its place", "forecast", "_has_trend", _never,
        ),
        Ablation(
            "days and weeks", "the clock tells nothing", "season", "_PROVEN_S", inf,
        ),
        Ablation(
            "band of lazy provisioning", "staffing follows every change", "staffing",
            "_DEAD_BAND", 0.0,
        ),
        Ablation("Erlang floor", "no least margin", "staffing", "_FLOOR_WEIGHT", 0.0),
        Ablation(
            "backlog term", "nothing is ordered for the queue", "staffing",
            "_for_backlog", _no_backlog,
        ),
        Ablation(
            "backlog net of what drains", "a worker for each queued request at once", "staffing",
            "_for_backlog", _whole_queue,
        ),
        Ablation(
            "workers on order, in the backlog", "it ignores them", "staffing",
            "_for_backlog", _blind_to_orders,
        ),
    )
}  # fmt: skip
"""Every ingredient that can be left out, in the order of the table."""


@contextmanager
def without(name: str) -> Iterator[None]:
    """Leave an ingredient out while the context lasts; none for an empty name.

    Raises:
        KeyError: no such ingredient. AttributeError: the policy has no such part any more.
    """
    if not name:
        yield
        return
    one = ABLATIONS[name]
    module = import_module(f"{_PACKAGE}.{one.module}")
    before = getattr(module, one.attribute)
    setattr(module, one.attribute, one.value)
    try:
        yield
    finally:
        setattr(module, one.attribute, before)
