"""Lists that say what the last one said need not be decoded again.

Most apps are at rest most of the time: reply after reply has the same bytes. Kept per app are a
digest of the body (a cryptographic one, so equal digests mean equal bytes) and the observation made
of it, which others keep anyway. What depends on the moment, the three times, is set anew.
"""

from __future__ import annotations

from hashlib import sha256

from autoscaler.model import AppKey, Observation
from autoscaler.model.frozen import changer

FORGET_AFTER_S = 900.0
"""An app that was not listed for this long, or for twice as long, is forgotten."""

_timed = changer(Observation)


class LastLists:
    """The last list of each app, as long as apps are listed."""

    def __init__(self) -> None:
        self._young: dict[AppKey, tuple[bytes, Observation]] = {}
        self._old: dict[AppKey, tuple[bytes, Observation]] = {}
        self._turned_at = float("-inf")

    @staticmethod
    def digest(body: bytes) -> bytes:
        """Return what stands for a body."""
        return sha256(body, usedforsecurity=False).digest()

    def same(
        self,
        app: AppKey,
        digest: bytes,
        *,
        requested_at: float,
        received_at: float,
        platform_now: float,
        show_all: bool,
    ) -> Observation | None:
        """Return the observation of the same bytes at these times; ``None`` if they changed."""
        known = self._young.get(app) or self._old.get(app)
        if known is None or known[0] != digest:
            return None
        observation = _timed(
            known[1],
            requested_at=requested_at,
            received_at=received_at,
            platform_now=platform_now,
            show_all=show_all,
        )
        self.keep(digest, observation)
        return observation

    def keep(self, digest: bytes, observation: Observation) -> None:
        """Remember a list."""
        now = observation.received_at
        if not 0 <= now - self._turned_at < FORGET_AFTER_S:
            self._old, self._young, self._turned_at = self._young, {}, now
        self._young[observation.app] = (digest, observation)
        self._old.pop(observation.app, None)
