"""A fleet under everything at once, by seeds: what must hold at every moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.emulator.app import App
from autoscaler.emulator.rng import Random, stream
from autoscaler.emulator.worker import Phase

STORM: dict[str, Any] = {
    "initial_workers": 3,
    "default_workers": 2,
    "cold_start": {"type": "lognormal", "median_s": 20, "sigma": 0.8},
    "removal_s": 7,
    "replace_crashed": True,
    "load": {
        "phases": [
            {"phase": "burst", "requests": 40, "for_s": 60},
            {"phase": "sine", "mean_per_s": 1, "amplitude_per_s": 1, "period_s": 600, "for_s": 600},
        ],
        "repeat": True,
        "service": {"type": "exponential", "mean_s": 4},
    },
    "troubles": {
        "start_failure": 0.2,
        "start_stuck": 0.1,
        "crashes_per_hour": 6,
        "outages_per_hour": 12,
        "failed_requests": 0.1,
    },
    "sessions": {"probability": 0.1, "hold": 60},
}


@pytest.mark.parametrize("seed", range(15))
def test_nothing_is_lost_from_the_books(
    make_app: Callable[..., App], epoch_s: float, seed: int
) -> None:
    app, rng = make_app(**STORM, seed=seed), stream(seed, "storm")
    for step in range(400):
        app.advance(epoch_s + step * 9)
        _do_something(app, rng)
        _check(app)
    assert app.books.served > 0


def _do_something(app: App, rng: Random) -> None:
    luck = rng.random()
    if luck < 0.3 and len(app.workers) < 40:
        app.start(by_caller=True)
    elif luck < 0.5 and app.workers:
        worker = app.workers[rng.choice(list(app.workers))]
        if worker.phase is not Phase.REMOVING:
            app.books.lost_to_scale_down += app.remove(worker, by_caller=True)
    elif luck < 0.53:
        app.update()
    elif luck < 0.54:
        app.pause()
    elif luck < 0.58:
        app.resume()


def _check(app: App) -> None:
    books, phases = app.books, [worker.phase for worker in app.workers.values()]
    ended = books.served + books.failed + books.lost_to_scale_down
    ended += books.lost_to_crash + books.lost_to_pause
    assert books.arrived == ended + len(app.queue) + phases.count(Phase.BUSY)
    free = {worker.id for worker in app.workers.values() if worker.phase is Phase.FREE}
    assert set(app.free) == free
    assert not (app.free and app.queue)  # nobody waits while somebody is idle
    leaving = phases.count(Phase.REMOVING)
    assert books.started - books.stopped == len(app.workers) - leaving
    assert app.healthy() <= app.present() <= len(app.workers)
    assert app.next_due() >= app.now
    for worker in app.workers.values():
        assert worker.phase not in (Phase.ERROR, Phase.TERMINATED)
        partner = app.workers.get(worker.replaced_by)
        assert partner is None or partner.replaces == worker.id


def test_waits_are_what_queueing_theory_says(make_app: Callable[..., App], epoch_s: float) -> None:
    """M/M/4 at 80 % load: Erlang's C is 0.5964, the mean wait C / (4/4 s - 0.8/s) = 2.982 s."""
    load = {
        "phases": [{"phase": "plateau", "per_s": 0.8}],
        "service": {"type": "exponential", "mean_s": 4},
    }
    app = make_app(initial_workers=4, load=load, seed=11)
    app.advance(epoch_s + 200_000)
    waits = app.books.waits
    assert waits.share_above(0.001) == pytest.approx(0.5964, rel=0.03)
    assert waits.total_s / waits.count == pytest.approx(2.982, rel=0.07)
