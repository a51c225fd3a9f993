"""The two scale calls, as the platform carries them out once the referee has looked at them."""

from __future__ import annotations

from collections.abc import Sequence

from autoscaler.emulator.app import App
from autoscaler.emulator.referee import Referee
from autoscaler.emulator.scenario import MAX_FLEET
from autoscaler.emulator.worker import Phase


class Refusal(Exception):  # noqa: N818 - what the platform does
    """The platform says no. ``status``: of HTTP; ``code``: of gRPC; ``message``: in words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> Refusal:
    """Return the refusal of an argument that makes no sense."""
    return Refusal(400, 3, message)


def scale_up(app: App, referee: Referee, caller: str, count: int) -> list[str]:
    """Start ``count`` more workers; return the ids of those that were started.

    Raises:
        Refusal: the number is absurd, the app is paused or its maximum would be exceeded.
    """
    if not 0 < count <= MAX_FLEET - len(app.workers):
        app.books.refused += 1
        raise invalid(f"scaleUpWorkersNum {count} is out of range")
    referee.judge_up(caller, count)
    _refuse_paused(app)
    granted = _within_maximum(app, count)
    app.books.scale_ups += 1
    app.books.asked += count
    app.books.granted += granted
    app.last_scale_up_at = app.now
    return [app.start(by_caller=True).id for _ in range(granted)]


def scale_down(
    app: App, referee: Referee, caller: str, count: int, worker_ids: Sequence[str]
) -> None:
    """Remove the named workers; without names, ``count`` of them by chance.

    Raises:
        Refusal: the number is not positive, the app is paused, or (where the scenario says so) an
            id is unknown.
    """
    if count <= 0:
        app.books.refused += 1
        raise invalid(f"scaleDownWorkersNum {count} is out of range")
    excused = referee.judge_down(caller, count, worker_ids)
    _refuse_paused(app)
    _refuse_unknown(app, worker_ids)
    app.books.scale_downs += 1
    app.last_scale_down_at = app.now
    for worker_id in dict.fromkeys(worker_ids or [worker.id for worker in app.choose(count)]):
        _remove(app, worker_id, excused=excused.get(worker_id, False))


def _remove(app: App, worker_id: str, *, excused: bool) -> None:
    worker = app.find(worker_id)
    if worker is None:
        return
    if worker.phase is Phase.ERROR:
        app.bury_failed(worker)
    elif worker_id in app.workers and worker.phase is not Phase.REMOVING:
        lost = app.remove(worker, by_caller=True)
        app.books.lost_raced += lost and excused
        app.books.lost_to_scale_down += lost and not excused


def _refuse_paused(app: App) -> None:
    if app.paused_at is not None:
        app.books.refused += 1
        raise Refusal(400, 9, f"app {app.label} is paused")


def _refuse_unknown(app: App, worker_ids: Sequence[str]) -> None:
    unknown = [each for each in worker_ids if app.find(each) is None]
    if unknown and app.knobs.unknown_ids == "reject":
        app.books.refused += 1
        raise Refusal(404, 5, f"worker {unknown[0]} not found")


def _within_maximum(app: App, count: int) -> int:
    if app.max_workers is None:
        return count
    room = max(0, app.max_workers - app.present())
    if count <= room:
        return count
    if app.knobs.beyond_max == "clip":
        return room
    app.books.refused += 1
    raise Refusal(400, 9, f"maxWorkers is {app.max_workers}, {count} more would exceed it")
