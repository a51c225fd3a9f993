"""What the API is made over: everything comes in here, and a handler asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from autoscaler.model import PRESENT, AppKey, Intervention, Worker
from autoscaler.ports import AlwaysLeader, Clock, History, Interventions, Leadership
from autoscaler.web.changes import Changes
from autoscaler.web.configuration import ConfigurationView
from autoscaler.web.gate import Doorkeeper
from autoscaler.web.problems import Problem
from autoscaler.web.snapshot import AppSnapshot, Snapshot


class HealthView(Protocol):
    """What the probes need."""

    def live(self) -> tuple[bool, str]:
        """Return whether the loop goes round, and a sentence that says so."""

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        """Return whether the program is ready, and what is missing."""


class Details(Protocol):
    """What else ``/health`` tells, asked for each time: platform circuit, state store, leader."""

    def __call__(self) -> Mapping[str, Any]:
        """Return it, ready for JSON."""


PriceOf = Callable[[AppKey], Callable[[Worker | None], float]]
"""Per app: the price per hour of a worker, or of its workers as such (``None``); 0: not known."""


def _no_price(_: AppKey) -> Callable[[Worker | None], float]:
    return lambda _: 0.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that the API shows or acts on.

    Attributes:
        history: ``None`` where it is off. interventions: ``None`` where nothing takes orders.
        price_of: what workers cost.
        started_at: our clock, epoch seconds.
    """

    snapshot: Snapshot
    health: HealthView
    clock: Clock
    version: str
    started_at: float
    configuration: ConfigurationView
    changes: Changes
    doorkeeper: Doorkeeper
    history: History | None = None
    interventions: Interventions | None = None
    details: Details = field(default=dict)
    price_of: PriceOf = _no_price
    leadership: Leadership = field(default_factory=AlwaysLeader)

    def known(self, app: AppKey) -> AppSnapshot:
        """Return what is kept of an app; nothing yet, of one that is only configured.

        Raises:
            Problem: 404; no such app.
        """
        seen = self.snapshot.get(app)
        if seen is not None:
            return seen
        if self.configuration.app(app) is not None:
            return AppSnapshot()
        raise Problem(404, f"No app {app} is known here. GET /api/v1/apps lists them.")

    def past(self) -> History:
        """Return the history.

        Raises:
            Problem: 503; it is off.
        """
        if self.history is None:
            raise Problem(
                503,
                "The history is off, so nothing is known of the past. Configure the section"
                " `history` to turn it on; the present is at GET /api/v1/apps.",
            )
        return self.history

    def cost_per_hour(self, app: AppKey, seen: AppSnapshot) -> float | None:
        """Return what the workers of the last list cost; ``None`` where no price is known."""
        if seen.observation is None:
            return None
        price = self.price_of(app)
        cost = sum(price(w) for w in seen.observation.workers if w.state in PRESENT)
        return cost if cost > 0 or price(None) > 0 else None

    def in_force(self, app: AppKey) -> tuple[Intervention, ...]:
        """Return what people ordered for an app and what holds now."""
        return () if self.interventions is None else self.interventions.in_force(app)


async def _sources(request: Request) -> Sources:
    found = request.app.state.sources
    if not isinstance(found, Sources):
        raise TypeError("the API was built without its sources")
    return found


From = Annotated[Sources, Depends(_sources)]
"""A handler's parameter that gets the sources."""
