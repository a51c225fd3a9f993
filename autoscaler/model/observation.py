"""What one look at an app told: the observation, or why there was none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from autoscaler.model.frozen import nothing
from autoscaler.model.reasons import Reason
from autoscaler.model.worker import Worker


class AppKey(NamedTuple):
    """Which app: platform namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """``namespace/name``, as messages and logs write it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class NoData:
    """A signal that should be there and is not. It is never zero, and never lowers a number."""

    why: str


@dataclass(frozen=True, slots=True)
class QueuedRequest:
    """One waiting request. ``created_at``: platform epoch seconds."""

    created_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One complete worker list of an app, with what came with it.

    Attributes:
        app: whose list it is.
        workers: each worker once, in the order of the reply.
        queue_size: waiting requests; NoData where the reply's value made no sense.
        max_workers: the platform's own maximum; ``None`` where the reply left it out.
        last_scale_up_at, last_scale_down_at: platform epoch seconds of the last scale calls
            that the platform carried out, whoever sent them; ``None`` if never or not told.
        requested_at, received_at: our clock, epoch seconds, before sending and after the reply.
        platform_now: the platform's clock at the reply (its ``Date`` header), epoch seconds;
            equals ``received_at`` where the reply had none.
        show_all: whether deleted and failed workers were asked for too.
        problems: contradictions found while decoding (a worker listed twice, …), for people. An
            observation with problems is never acted upon.
        oddities: values this version does not know (an unknown enum); harmless, logged once.
        queue: the waiting requests one by one, where a policy asked for them.
        signals: answers of outside sources by name, where a policy asked for them.
    """

    app: AppKey
    workers: tuple[Worker, ...]
    queue_size: int | NoData
    requested_at: float
    received_at: float
    platform_now: float
    max_workers: int | None = None
    last_scale_up_at: float | None = None
    last_scale_down_at: float | None = None
    show_all: bool = False
    problems: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    queue: tuple[QueuedRequest, ...] | NoData | None = None
    signals: Mapping[str, float | NoData] = field(default_factory=nothing)

    def platform_time(self, our_time: float) -> float:
        """Translate a moment of our clock (epoch seconds) to the platform's clock."""
        return our_time + (self.platform_now - self.received_at)

    def age(self, platform_time: float | None) -> float:
        """Seconds from a platform time to this reply; a time in the future, or none, is 0."""
        return 0.0 if platform_time is None else max(0.0, self.platform_now - platform_time)


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A look that failed: why, when (our clock, epoch seconds), and the words for people."""

    app: AppKey
    reason: Reason
    at: float
    message: str
