"""``concurrency``: KPA's windows and panic, against the numbers of Knative's own tests.

Source: knative/serving, ``pkg/autoscaler/scaling/autoscaler_test.go``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autoscaler.model import NoData
from autoscaler.policies.concurrency import ConcurrencyParams, ConcurrencyState, scale
from autoscaler.testing import Scene, observe


def params(target: float, **more: Any) -> ConcurrencyParams:
    own = {"concurrency": target, "utilization": 1.0, "max_scale_up_rate": 10.0} | more
    return ConcurrencyParams.model_validate(own)


CALM = ConcurrencyState()


@pytest.mark.parametrize(
    ("target", "stable", "panic", "ready", "more", "workers"),
    [
        (10, 50.0, 10.0, 1, {}, 5),  # StableModeIncreaseWithConcurrencyDefault
        (10, 100.0, 10.0, 1, {}, 10),
        (10, 100.0, 100.0, 8, {}, 10),  # StableModeDecrease
        (10, 50.0, 50.0, 8, {}, 5),
        (10, 1.0, 0.0, 1, {}, 1),  # StableModeNoTrafficScaleToZero
        (10, 0.0, 0.0, 1, {}, 0),
        (181, 21.0, 26.0, 1, {}, 1),  # StableModeUnlimitedTBC
        (10, 50.0, 50.0, 5, {}, 5),  # StableModeNoChangeAlreadyScaled
        (1, 3.0, 3.1, 2, {"max_scale_up_rate": 1.1}, 3),  # IncreaseWithSmallScaleUpRate
        (10, 1.0, 1.0, 100, {"max_scale_down_rate": 1.1}, 90),  # DecreaseWithSmallScaleDownRate
        (10, 0.0, 0.0, 1, {"activation_scale": 2}, 0),  # ActivationScale
        (10, 1.0, 0.0, 1, {"activation_scale": 2}, 2),
    ],
)
def test_knative_stable_mode(
    target: float, stable: float, panic: float, ready: int, more: dict[str, Any], workers: int
) -> None:
    assert scale(params(target, **more), CALM, stable, panic, ready, 0.0)[0] == workers


@pytest.mark.parametrize(("stable", "panic", "workers"), [(50.0, 30.0, 50), (20.0, 30.0, 30)])
def test_knative_panic_takes_the_larger_wish(stable: float, panic: float, workers: int) -> None:
    in_panic = ConcurrencyState(panic_since=0.0, panic_workers=5)
    assert scale(params(1), in_panic, stable, panic, 5, 5.0)[0] == workers


def test_knative_exponential_growth_in_panic() -> None:
    """Each scaling brings the concurrency back to the target, and it keeps growing: 6, 36, …"""
    state, ready, at = CALM, 1, 0.0
    for load in (6, 36, 216, 1296, 1296):
        workers, state = scale(params(1), state, load, load, ready, at)
        assert workers == load
        ready, at = load, at + 1.0


def test_knative_panic_ends_after_a_slow_increase() -> None:
    """UnpanicAfterSlowIncrease: panic at 0 s is not prolonged, and over after 62 s."""
    workers, state = scale(params(1), CALM, 11, 25, 10, 0.0)
    assert (workers, state.panic_since) == (25, 0.0)
    workers, state = scale(params(1), state, 30, 41, 40, 30.0)
    assert (workers, state.panic_since) == (41, 0.0)
    workers, state = scale(params(1), state, 50, 56, 55, 62.0)
    assert (workers, state.panic_since) == (50, None)


def test_knative_panic_is_prolonged_while_it_surges() -> None:
    _, state = scale(params(1), CALM, 11, 25, 10, 0.0)
    workers, state = scale(params(1), state, 30, 80, 40, 30.0)
    assert (workers, state.panic_since) == (80, 30.0)


def test_never_down_in_panic() -> None:
    _, state = scale(params(1), CALM, 10, 40, 10, 0.0)
    for at in (10.0, 30.0, 60.0):
        workers, state = scale(params(1), state, 0, 0, 40, at)
        assert workers == 40
    assert scale(params(1), state, 0, 0, 40, 61.0)[0] == 20


def test_knative_scale_down_delay() -> None:
    """ScaleDownDelay: 4 hold for five minutes of less load."""
    own = params(10, max_scale_down_rate=10.0, panic_threshold=100.0, scale_down_delay=300.0)
    workers, state = scale(own, CALM, 40, 40, 1, 0.0)
    assert workers == 4
    workers, state = scale(own, state, 0, 0, 4, 60.0)
    assert workers == 4
    workers, state = scale(own, state, 0, 0, 4, 299.0)
    assert workers == 4
    assert scale(own, state, 0, 0, 4, 300.0)[0] == 0


def test_after_a_restart_lost_history_cannot_shrink_the_app(story: Callable[..., Any]) -> None:
    tale = story("concurrency", utilization=1.0)
    assert tale.at(0, Scene(busy=1, free=7)) == 8
    assert tale.at(45, Scene(busy=1, free=7)) == 8
    assert tale.at(75, Scene(busy=1, free=7)) == 4


def test_no_data_changes_nothing(make: Callable[..., Any]) -> None:
    policy = make("concurrency")
    _, state = policy.recommend(observe(Scene(busy=3, queue=2)), None)
    answer, after = policy.recommend(observe(Scene(busy=3, queue=None)), state)
    assert isinstance(answer, NoData)
    assert after == state


def test_story_a_burst_and_its_end(story: Callable[..., Any]) -> None:
    """Target 0.7: 1 busy asks for 2; a burst of 20 in one look is answered at once."""
    tale = story("concurrency")
    for look in range(30):
        assert tale.at(2.0 * look, Scene(busy=1)) == 2
    # 6 s average of 1, 1, 21 = 7.7, twice what is ready: panic, 11 wanted
    assert tale.at(60, Scene(busy=1, queue=20)) == 11
    assert tale.at(62, Scene(busy=1, queue=20, on_order=10)) == 21
    for look in range(32, 60):
        assert tale.at(2.0 * look, Scene(busy=1, free=20)) == 21
    for look in range(60, 100):
        workers = tale.at(2.0 * look, Scene(busy=1, free=1))
    assert workers == 2
