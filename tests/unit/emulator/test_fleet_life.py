"""Time stories of one app: workers come, serve and go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.emulator.app import App
from autoscaler.emulator.worker import Phase

MakeApp = Callable[..., App]


def phases(app: App) -> list[str]:
    return [worker.phase.value for worker in app.workers.values()]


def test_a_worker_starts_serves_and_goes(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(cold_start="20s", removal_s=5)
    worker = app.start(by_caller=True)

    app.advance(epoch_s + 19.9)
    assert phases(app) == ["starting"]
    app.advance(epoch_s + 20)
    assert phases(app) == ["free"]
    assert worker.last_serve_at == epoch_s + 20  # readiness counts as having served

    app.send(service_s=3)
    assert phases(app) == ["busy"]
    app.advance(epoch_s + 23)
    assert phases(app) == ["free"]
    assert (worker.success_count, worker.last_serve_at) == (1, epoch_s + 23)

    app.remove(worker, by_caller=True)
    assert phases(app) == ["removing"]
    app.advance(epoch_s + 28)
    assert phases(app) == []
    assert app.gone[worker.id].phase is Phase.TERMINATED
    assert app.books.worker_seconds == 23  # from the order to the removal


def test_requests_wait_in_line_one_per_worker(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1)
    for service_s in (4, 3, 2):
        app.send(service_s=service_s)
    assert (phases(app), len(app.queue)) == (["busy"], 2)
    app.advance(epoch_s + 4)
    assert len(app.queue) == 1
    app.advance(epoch_s + 7)
    assert len(app.queue) == 0
    app.advance(epoch_s + 9)
    assert phases(app) == ["free"]
    assert (app.books.arrived, app.books.served, app.books.work_s) == (3, 3, 9)
    assert app.books.waits.max_s == 7


def test_busy_since_the_first_of_several_requests(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1)
    app.send(service_s=4)
    app.send(service_s=4)
    app.advance(epoch_s + 6)
    (worker,) = app.workers.values()
    assert (worker.since, worker.last_serve_at) == (epoch_s, epoch_s + 4)


@pytest.mark.parametrize(("order", "serves_again"), [("last-used", 0), ("least-recently-used", 1)])
def test_dispatch_order(make_app: MakeApp, epoch_s: float, order: str, serves_again: int) -> None:
    app = make_app(initial_workers=2, dispatch=order)
    first, second = app.workers.values()
    app.send(service_s=1)
    app.advance(epoch_s + 2)
    used = first if first.success_count else second
    other = second if used is first else first
    app.send(service_s=1)
    assert [used, other][serves_again].phase is Phase.BUSY


def test_random_dispatch_uses_every_worker(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=4, dispatch="random")
    for second in range(60):
        app.advance(epoch_s + second)
        app.send(service_s=0.5)
    assert all(worker.success_count > 0 for worker in app.workers.values())


def test_a_cancelled_start_never_becomes_ready(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(cold_start=20)
    worker = app.start(by_caller=True)
    app.advance(epoch_s + 10)
    assert app.remove(worker, by_caller=True) is False
    app.advance(epoch_s + 100)
    assert worker.phase is Phase.TERMINATED
    assert app.books.worker_seconds == 10


def test_removing_a_busy_worker_loses_its_request(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1)
    app.send(service_s=10)
    (worker,) = app.workers.values()
    app.advance(epoch_s + 1)
    assert app.remove(worker, by_caller=True) is True
    app.advance(epoch_s + 60)
    assert (app.books.served, worker.success_count) == (0, 0)


def test_an_update_replaces_each_worker_when_the_new_one_is_ready(
    make_app: MakeApp, epoch_s: float
) -> None:
    app = make_app(initial_workers=2, cold_start=20, removal_s=5)
    old_revision = app.revision
    app.send(service_s=30)
    app.update()
    assert app.revision != old_revision
    assert (len(app.workers), app.present(), app.healthy()) == (4, 2, 2)

    app.advance(epoch_s + 20)  # the idle one goes, the busy one finishes first
    assert sorted(phases(app)) == ["busy", "free", "free", "removing"]
    assert app.present() == 2
    app.advance(epoch_s + 30)
    assert sorted(phases(app)) == ["free", "free", "removing"]
    app.advance(epoch_s + 40)
    assert phases(app) == ["free", "free"]
    assert {worker.revision for worker in app.workers.values()} == {app.revision}
    assert (app.books.served, app.books.lost_to_scale_down) == (1, 0)


def test_a_cancelled_replacement_leaves_the_old_worker_alone(
    make_app: MakeApp, epoch_s: float
) -> None:
    app = make_app(initial_workers=1, cold_start=20)
    (old,) = app.workers.values()
    app.update()
    app.remove(app.workers[old.replaced_by], by_caller=True)
    app.advance(epoch_s + 60)
    assert (old.phase, old.replaced_by) == (Phase.FREE, "")


def test_pause_stops_everything_and_resume_starts_the_default(
    make_app: MakeApp, epoch_s: float
) -> None:
    app = make_app(initial_workers=1, default_workers=2, cold_start=20, removal_s=5)
    app.send(service_s=50)
    app.send(service_s=1)
    app.pause()
    app.send(service_s=1)
    assert phases(app) == ["removing"]
    assert (app.books.lost_to_pause, len(app.queue)) == (3, 0)
    app.advance(epoch_s + 10)
    app.resume()
    app.advance(epoch_s + 30)
    assert phases(app) == ["free", "free"]


def test_sessions_end_by_themselves(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1, sessions={"probability": 1, "hold": 60})
    app.send(service_s=1)
    app.advance(epoch_s + 1)
    (worker,) = app.workers.values()
    assert worker.live_sessions(epoch_s + 60.9) == 1
    assert worker.live_sessions(epoch_s + 61.1) == 0


def test_planned_events_happen_at_their_moment(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(
        initial_workers=3,
        max_workers=9,
        removal_s=0,
        events=[
            {"at_s": 40, "do": "set-max-workers", "value": 4},
            {"at_s": 10, "do": "crash", "value": 1},
            {"at_s": 20, "do": "outage", "value": 1, "for_s": 15},
            {"at_s": 30, "do": "session", "value": 1},
            {"at_s": 50, "do": "pause"},
            {"at_s": 60, "do": "resume"},
            {"at_s": 70, "do": "update"},
        ],
    )
    assert app.next_due() == epoch_s + 10
    app.advance(epoch_s + 10)
    assert phases(app) == ["free", "free"]
    app.advance(epoch_s + 20)
    assert sorted(phases(app)) == ["free", "unavailable"]
    app.advance(epoch_s + 35)
    assert phases(app) == ["free", "free"]
    assert sum(worker.live_sessions(app.now) for worker in app.workers.values()) == 1
    app.advance(epoch_s + 40)
    assert app.max_workers == 4
    app.advance(epoch_s + 51)
    assert (app.paused_at, phases(app)) == (epoch_s + 50, [])
    app.advance(epoch_s + 71)
    assert (app.paused_at, phases(app)) == (None, ["starting", "starting"])


def test_how_time_is_cut_into_steps_changes_nothing(make_app: MakeApp, epoch_s: float) -> None:
    knobs = {
        "initial_workers": 3,
        "load": {"phases": [{"phase": "plateau", "per_s": 0.5}], "service": 4},
        "troubles": {"crashes_per_hour": 2, "outages_per_hour": 5},
        "replace_crashed": True,
        "seed": 7,
    }
    at_once, in_steps = make_app(**knobs), make_app(**knobs)
    at_once.advance(epoch_s + 3600)
    for second in range(0, 3601, 9):
        in_steps.advance(epoch_s + second)
    in_steps.advance(epoch_s + 3600)
    assert _totals(at_once) == _totals(in_steps)
    assert list(at_once.workers) == list(in_steps.workers)
    assert at_once.books.crashes > 0


def _totals(app: App) -> dict[str, object]:
    return app.books.report(
        waiting=len(app.queue), busy=0, open_worker_seconds=app.open_worker_seconds()
    )


def test_another_seed_is_another_story(make_app: MakeApp, epoch_s: float) -> None:
    load = {"phases": [{"phase": "plateau", "per_s": 1}]}
    one, two = make_app(load=load, seed=1), make_app(load=load, seed=2)
    for app in (one, two):
        app.advance(epoch_s + 600)
    assert one.books.arrived != two.books.arrived
    assert one.uid != two.uid
