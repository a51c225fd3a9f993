"""Makes history stores, for whoever tests them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autoscaler.history import HistoryStore, Retention
from tests.fakes.clock import ManualClock
from tests.fakes.past import recorder

Make = Callable[..., HistoryStore]


def make_store(
    url: str, clock: ManualClock, *, endpoint: str = "https://platform", **how: Any
) -> HistoryStore:
    """Return a store; ``age_s``, ``size_max``, ``said`` (a list that is told of trouble)."""
    said = how.pop("said", [])
    return HistoryStore(
        url,
        endpoint,
        recorder=recorder(clock),
        clock=clock,
        retention=Retention(**how),
        on_trouble=said.append,
        on_recovery=said.append,
    )
