"""How long a call may take, how often a read is tried, how many connections are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Time limits, in seconds, all > 0.

    Attributes:
        connect_s: until connected; waiting for a free connection, DNS and TLS included.
        read_s: longest silence while waiting for the reply or its next part.
        total_s: one HTTP request from start to end, a repeat after a 401 included.
        budget_s: a read with all its retries. A scale call is never retried: ``total_s`` holds.
        attempts: how often a read is tried at most, ≥ 1.
        backoff_s, backoff_ceiling_s: upper bound of the first pause between two tries, which
            doubles from try to try, and its ceiling.
    """

    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 20.0
    budget_s: float = 30.0
    attempts: int = 3
    backoff_s: float = 0.5
    backoff_ceiling_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Connections to the platform.

    Attributes:
        max_connections: open at the same time, ≥ 1; further calls wait (``connect_s`` at most).
        keepalive_s: seconds an idle one is kept. Shorter than the idle limits of usual servers
            and balancers (60 s), so that a scale call rarely meets a connection just closed.
    """

    max_connections: int = 64
    keepalive_s: float = 45.0
