"""Made-up looks at an app, for tests of policies: a few counts in, a whole policy input out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - an instance is passed in

from autoscaler.model import (
    AppKey,
    Census,
    NoData,
    Observation,
    PolicyInput,
    QueuedRequest,
    Worker,
    WorkerState,
)

EPOCH = 1_767_225_600.0
"""2026-01-01T00:00:00Z: where made-up time begins, epoch seconds."""

APP = AppKey("default", "app")


@dataclass(frozen=True, slots=True)
class Scene:
    """An app at one moment, in counts.

    Attributes:
        free, busy, in_flight, unavailable: workers by state. on_order: ordered, not listed yet.
        queue: waiting requests; ``None`` for a reply that made no sense.
        waits_s: how long each waiting request has waited, seconds; by default all a second.
        reason: why they wait, as the platform says it.
        idle_s: how long FREE workers have been idle, seconds. served: requests each has finished.
        sessions: how many of the FREE workers hold a client session.
        now: our clock, epoch seconds; the platform's is the same.
        signals: answers from outside, by policy name.
        queue_listed: whether the waiting requests are known one by one.
    """

    free: int = 0
    busy: int = 0
    in_flight: int = 0
    unavailable: int = 0
    on_order: int = 0
    queue: int | None = 0
    waits_s: tuple[float, ...] | None = None
    reason: str = "QueueReasonWorkerBusy"
    idle_s: float = 0.0
    served: int = 0
    sessions: int = 0
    now: float = EPOCH
    min_workers: int = 0
    max_workers: int = 100_000
    cold_start_s: float | None = None
    signals: Mapping[str, float | NoData] = field(default_factory=dict)
    queue_listed: bool = True


def observe(scene: Scene) -> PolicyInput:
    """Return what a policy would be given of a scene."""
    observation = Observation(
        app=APP,
        workers=tuple(_workers(scene)),
        queue_size=NoData("queueSize made no sense") if scene.queue is None else scene.queue,
        requested_at=scene.now,
        received_at=scene.now,
        platform_now=scene.now,
        max_workers=scene.max_workers,
        queue=_queue(scene),
        signals=scene.signals,
    )
    ready = scene.free + scene.busy
    census = Census(
        free=scene.free,
        busy=scene.busy,
        in_flight=scene.in_flight,
        unavailable=scene.unavailable,
        on_order=scene.on_order,
        present=ready + scene.in_flight + scene.unavailable,
    )
    return PolicyInput(
        observation, census, scene.now, scene.min_workers, scene.max_workers, scene.cold_start_s
    )


def _workers(scene: Scene) -> Iterable[Worker]:
    counts = (
        (WorkerState.BUSY, scene.busy),
        (WorkerState.FREE, scene.free),
        (WorkerState.IN_FLIGHT, scene.in_flight),
        (WorkerState.UNAVAILABLE, scene.unavailable),
    )
    number = 0
    for state, count in counts:
        for place in range(count):
            idle_s = scene.idle_s if state is WorkerState.FREE else 0.0
            yield Worker(
                f"w{number}",
                state,
                created_at=scene.now - idle_s - 3600.0,
                last_serve_at=None if state is WorkerState.IN_FLIGHT else scene.now - idle_s,
                success_count=scene.served,
                session_number=int(state is WorkerState.FREE and place < scene.sessions),
            )
            number += 1


def _queue(scene: Scene) -> tuple[QueuedRequest, ...] | NoData:
    if not scene.queue_listed or scene.queue is None:
        return NoData("the request queue could not be listed")
    waits_s = (1.0,) * scene.queue if scene.waits_s is None else scene.waits_s
    return tuple(QueuedRequest(scene.now - wait_s, scene.reason) for wait_s in waits_s)


def random_scene(rng: Random, now: float, names: Iterable[str]) -> Scene:
    """Return any scene; ``names``: policies that get a signal."""
    queue = rng.choice((0, 0, 1, rng.randrange(5), rng.randrange(60)))
    return Scene(
        free=rng.choice((0, 0, 1, rng.randrange(8))),
        busy=rng.choice((0, 1, rng.randrange(20))),
        in_flight=rng.choice((0, 0, rng.randrange(6))),
        unavailable=rng.choice((0, 0, 0, rng.randrange(3))),
        on_order=rng.choice((0, 0, rng.randrange(4))),
        queue=queue,
        waits_s=tuple(rng.uniform(0, 120) for _ in range(queue)),
        idle_s=rng.uniform(0, 600),
        served=rng.randrange(100),
        sessions=rng.choice((0, 0, 1, 3)),
        now=now,
        min_workers=rng.randrange(3),
        max_workers=rng.randrange(3, 50),
        cold_start_s=rng.choice((None, rng.uniform(1, 300))),
        signals={name: rng.uniform(0, 100) for name in names},
    )
