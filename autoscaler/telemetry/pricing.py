"""What the workers of a list cost, for the gauge of it."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.model import AppKey, Observation, Worker
from autoscaler.model.worker import PRESENT

PriceOf = Callable[[AppKey, Worker], float]
"""Price of one worker per hour; 0 where it is not known. Equal GPUs of an app have one price."""


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
    total = each = 0.0
    kind: tuple[str, int] | None = None
    for worker in observation.workers:
        if worker.state not in PRESENT:
            continue
        if kind != (worker.gpu_model, worker.gpu_num):
            kind, each = (worker.gpu_model, worker.gpu_num), price_of(app, worker)
            if each <= 0:
                return None
        total += each
    return total if kind is not None or before is not None else None
