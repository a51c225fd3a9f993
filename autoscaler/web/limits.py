"""How often somebody may do something: buckets that fill up again with time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from autoscaler.ports.clock import Clock

CALLERS_MAX = 4096
"""Callers remembered; the one not seen for the longest time is forgotten first."""

_V6_SITE_BITS = 64
_V6_BITS = 128


@dataclass(frozen=True, slots=True)
class Allowance:
    """``burst`` at once (≥ 1), and ``per_minute`` (> 0) in the long run."""

    burst: int
    per_minute: float


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class RateLimit:
    """One bucket per caller; memory is bounded."""

    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        self._allowance = allowance
        self._per_s = allowance.per_minute / 60.0
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Return the seconds until the caller may act; 0 for now. Takes nothing."""
        level = self._filled(caller).level
        return 0.0 if level >= 1.0 else (1.0 - level) / self._per_s

    def take(self, caller: str) -> float:
        """Like :meth:`wait_s`, and where it is 0, count one."""
        wait_s = self.wait_s(caller)
        if wait_s <= 0.0:
            self._buckets[caller].level -= 1.0
        return wait_s

    def _filled(self, caller: str) -> _Bucket:
        now = self._clock.now()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(self._allowance.burst), now)
            while len(self._buckets) > CALLERS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        gained = max(0.0, now - bucket.at) * self._per_s
        bucket.level = min(float(self._allowance.burst), bucket.level + gained)
        bucket.at = now
        return bucket


def caller_of(address: str | None) -> str:
    """Return whom an address is counted as: itself, or its /64 where it is IPv6."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return f"{int(found) >> (_V6_BITS - _V6_SITE_BITS):x}/{_V6_SITE_BITS}"
    return str(found)
