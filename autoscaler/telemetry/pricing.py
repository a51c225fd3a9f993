"""What the workers of a list cost, for the gauge of it."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.model import AppKey, Observation, Worker
from autoscaler.model.worker import PRESENT

PriceOf = Callable[[AppKey, Worker], float]
"""Price of one worker per hour; 0 where it is not known."""


def no_price(app: AppKey, worker: Worker) -> float:  # noqa: ARG001 - a price of nothing known
    """Return 0: no price is known."""
    return 0.0


def cost_per_hour(
    observation: Observation, price_of: PriceOf, before: float | None
) -> float | None:
    """Return the money that the present workers take in an hour; ``None`` where it is not known.

    Without any worker that is 0, if it was known ``before``: the app then has prices.
    """
    app = observation.app
    prices = [price_of(app, worker) for worker in observation.workers if worker.state in PRESENT]
    if not prices:
        return None if before is None else 0.0
    return sum(prices) if all(price > 0 for price in prices) else None
