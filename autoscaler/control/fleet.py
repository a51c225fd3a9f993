"""The ceilings over all apps: how many workers, and how much money an hour, by our action.

Fair in this way: no app can take the places that another needs for its own minimum; beyond the
minimums, first come, first served.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, inf

from autoscaler.decision import AppSpec
from autoscaler.model import AppKey, Census

FIRST_LOOK_S = 60.0
"""An app that nobody has looked at yet may have as many workers as its own maximum; after so many
seconds without a look it counts for nothing, or one broken app would stop all others."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Most workers, and most money per hour, over all apps; ``None`` for no ceiling."""

    max_workers: int | None = None
    max_price_per_hour: float | None = None

    def __str__(self) -> str:
        """As a message names them."""
        parts = []
        if self.max_workers is not None:
            parts.append(f"{self.max_workers} workers")
        if self.max_price_per_hour is not None:
            parts.append(f"{self.max_price_per_hour:g} an hour")
        return " and ".join(parts) or "none"


@dataclass(frozen=True, slots=True)
class _Share:
    """What one app has and may claim.

    Attributes:
        used: workers present and on order. min_workers: reserved for it. price: of one worker an
            hour. awaited, until: its own maximum counts until it is looked at, or until then.
    """

    used: int = 0
    min_workers: int = 0
    price: float = 0.0
    awaited: int = 0
    until: float = 0.0

    def claim(self, now: float) -> int:
        """Return the places that others must leave to it."""
        return max(self.used, self.min_workers, self.awaited if now < self.until else 0)


class Fleet:
    """Counts what every app has and grants what is left."""

    def __init__(self, ceilings: Ceilings | None = None) -> None:
        """Take the ceilings; they may be replaced while apps run."""
        self.ceilings = ceilings or Ceilings()
        self._shares: dict[AppKey, _Share] = {}

    def expect(self, spec: AppSpec, now: float) -> None:
        """Take in an app that joins; its own maximum is reserved until it is looked at."""
        share = self._shares.get(spec.key, _Share())
        self._shares[spec.key] = replace(share, awaited=spec.max_workers, until=now + FIRST_LOOK_S)
        self.configured(spec)

    def configured(self, spec: AppSpec) -> None:
        """Take in an app's minimum and price, as they are now."""
        low = min(spec.min_workers, spec.max_workers)
        share = self._shares.get(spec.key, _Share())
        self._shares[spec.key] = replace(share, min_workers=low, price=spec.price_per_hour)

    def remembered(self, app: AppKey, workers: int) -> None:
        """Take in what an app had, by the memory of the last run."""
        share = self._shares.get(app, _Share())
        self._shares[app] = replace(share, used=max(share.used, workers))

    def observed(self, app: AppKey, census: Census, *, unseen_until: float = 0.0) -> None:
        """Take in what an app has and has on order.

        Until ``unseen_until`` it may have more, ordered by a process of which no memory is left:
        its own maximum stays reserved so long.
        """
        share = self._shares.get(app, _Share())
        used = census.present + census.on_order
        if used == share.used and unseen_until == share.until:
            return
        self._shares[app] = replace(share, used=used, until=unseen_until)

    def forget(self, app: AppKey) -> None:
        """Drop an app."""
        self._shares.pop(app, None)

    def room(self, app: AppKey, now: float) -> int | None:
        """Return how many more workers the app may order; ``None`` without a ceiling."""
        ceilings, own = self.ceilings, self._shares.get(app, _Share())
        if ceilings == Ceilings():
            return None
        others = [share for key, share in self._shares.items() if key != app]
        room = inf
        if ceilings.max_workers is not None:
            taken = sum(share.claim(now) for share in others)
            room = ceilings.max_workers - taken - own.used
        if ceilings.max_price_per_hour is not None and own.price > 0:
            spent = sum(share.claim(now) * share.price for share in others)
            left = ceilings.max_price_per_hour - spent - own.used * own.price
            room = min(room, floor(left / own.price + 1e-9))
        return None if room == inf else max(0, int(room))

    def share(self, app: AppKey, now: float) -> int | None:
        """Return how many workers the app may have in all; ``None`` without a ceiling."""
        room = self.room(app, now)
        return None if room is None else room + self._shares.get(app, _Share()).used

    def grant(self, app: AppKey, count: int, now: float) -> int:
        """Return how many of ``count`` more workers the app may order, and book them."""
        room = self.room(app, now)
        granted = count if room is None else min(count, room)
        share = self._shares.get(app, _Share())
        self._shares[app] = replace(share, used=share.used + granted)
        return granted
