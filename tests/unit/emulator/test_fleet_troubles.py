"""Time stories of one app: what goes wrong by itself."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.emulator.app import App
from autoscaler.emulator.worker import Phase

MakeApp = Callable[..., App]


def test_a_failing_start_ends_in_error(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(cold_start=20, troubles={"start_failure": 1})
    worker = app.start(by_caller=True)
    app.advance(epoch_s + 20)
    assert worker.phase is Phase.ERROR
    assert worker.id in app.gone
    assert app.books.start_failures == 1
    assert 0 <= app.books.worker_seconds <= 20


def test_a_stuck_start_never_ends(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(cold_start=20, troubles={"start_stuck": 1})
    worker = app.start(by_caller=True)
    app.advance(epoch_s + 86400)
    assert worker.phase is Phase.STARTING
    assert app.open_worker_seconds() == 86400


def test_shares_of_failing_and_stuck_starts(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(cold_start=20, troubles={"start_failure": 0.3, "start_stuck": 0.2})
    started = [app.start(by_caller=True) for _ in range(1000)]
    app.advance(epoch_s + 60)
    failed = sum(worker.phase is Phase.ERROR for worker in started)
    stuck = sum(worker.phase is Phase.STARTING for worker in started)
    assert 250 < failed < 350
    assert 150 < stuck < 250


def test_a_crash_takes_its_request_along(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1)
    app.send(service_s=10)
    (worker_id,) = app.workers
    app.advance(epoch_s + 1)
    app.crash(worker_id)
    app.advance(epoch_s + 60)
    assert app.gone[worker_id].phase is Phase.ERROR
    assert (app.books.lost_to_crash, app.books.served, app.books.crashes) == (1, 0, 1)
    assert app.workers == {}


def test_the_platform_may_replace_a_crashed_worker(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1, replace_crashed=True, cold_start=20)
    app.crash(next(iter(app.workers)))
    app.advance(epoch_s + 20)
    assert [worker.phase for worker in app.workers.values()] == [Phase.FREE]


def test_an_outage_passes_and_old_completions_mean_nothing(
    make_app: MakeApp, epoch_s: float
) -> None:
    app = make_app(initial_workers=1)
    (worker,) = app.workers.values()
    app.send(service_s=10)
    app.advance(epoch_s + 1)
    app.interrupt(worker.id, for_s=4)
    app.advance(epoch_s + 4.9)
    assert worker.phase.value == "unavailable"
    app.send(service_s=20)
    app.advance(epoch_s + 5)
    assert worker.phase.value == "busy"  # back, and serving the one that waited
    app.advance(epoch_s + 10)  # when the lost request would have ended
    assert (worker.phase, worker.success_count) == (Phase.BUSY, 0)
    app.advance(epoch_s + 25)
    assert (worker.phase, worker.success_count) == (Phase.FREE, 1)
    assert (app.books.lost_to_crash, app.books.outages) == (1, 1)


def test_crashes_and_outages_come_at_their_rate(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(
        initial_workers=20,
        replace_crashed=True,
        cold_start=1,
        troubles={"crashes_per_hour": 1, "outages_per_hour": 2, "outage": 1},
    )
    app.advance(epoch_s + 10 * 3600)
    assert 150 < app.books.crashes < 250
    assert 320 < app.books.outages < 480


def test_failed_requests_are_counted_apart(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=1, troubles={"failed_requests": 1})
    app.send(service_s=1)
    app.advance(epoch_s + 1)
    (worker,) = app.workers.values()
    assert (worker.failed_count, worker.success_count) == (1, 0)
    assert (app.books.failed, app.books.served) == (1, 0)


def test_workers_long_gone_are_forgotten(make_app: MakeApp, epoch_s: float) -> None:
    app = make_app(initial_workers=2, removal_s=0)
    first, second = list(app.workers)
    app.crash(first)
    app.advance(epoch_s + 8 * 86400)
    app.crash(second)
    assert list(app.gone) == [second]
    assert app.find(first) is None
