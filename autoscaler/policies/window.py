"""Averages over a time window, kept in a bounded number of buckets, so that they can be stored."""

from __future__ import annotations

from dataclasses import dataclass

BUCKETS = 60
"""Buckets per window: a window's edge is sharp to a sixtieth of its length."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Samples of one stretch of time. ``at``: its start, epoch seconds."""

    at: float
    total: float
    count: int


Samples = tuple[Bucket, ...]
"""Oldest first; plain values, so that a policy may keep them in its state."""


def add_sample(samples: Samples, value: float, now: float, window_s: float) -> Samples:
    """Add a sample and drop what is older than the window. A clock set back starts anew."""
    width_s = window_s / BUCKETS
    if samples and now < samples[-1].at:
        samples = ()
    kept = tuple(bucket for bucket in samples if bucket.at > now - window_s)
    if kept and now - kept[-1].at < width_s:
        last = kept[-1]
        return (*kept[:-1], Bucket(last.at, last.total + value, last.count + 1))
    return (*kept, Bucket(now, value, 1))


def average(samples: Samples, now: float, window_s: float) -> float | None:
    """Return the mean of the samples younger than the window; ``None`` where there is none."""
    recent = [bucket for bucket in samples if bucket.at > now - window_s]
    count = sum(bucket.count for bucket in recent)
    return sum(bucket.total for bucket in recent) / count if count else None
