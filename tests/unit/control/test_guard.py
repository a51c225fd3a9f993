"""The budget for the platform, and the circuit breaker before it."""

from __future__ import annotations

import asyncio

import pytest

from autoscaler.control.guard import (
    OPEN_CEILING_S,
    OPEN_FIRST_S,
    RATE_FLOOR,
    Breaker,
    Budget,
    GuardedPlatform,
)
from autoscaler.model import AppKey
from autoscaler.model.errors import AppNotFound, PlatformError, ServerFault, Throttled, Unreachable
from tests.fakes.clock import ManualClock, settle
from tests.fakes.platform import FakePlatform

A, B, C = (AppKey("default", name) for name in "abc")


def guarded(
    platform: FakePlatform, clock: ManualClock, rate: float | None = None
) -> GuardedPlatform:
    for key in (A, B, C):
        platform.add(key)
    return GuardedPlatform(platform, Budget(clock, rate), Breaker(clock))


async def looks(guard: GuardedPlatform, key: AppKey, times: int = 1) -> list[str]:
    """Look and return how each look ended."""
    ends = []
    for _ in range(times):
        try:
            await guard.list_workers(key)
            ends.append("good")
        except PlatformError as error:
            ends.append(type(error).__name__)
    return ends


async def test_calls_are_spread_by_the_rate(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock, rate=2.0)
    tasks = [asyncio.create_task(guard.list_workers(A)) for _ in range(5)]
    await settle()
    assert len(fake_platform.calls) == 1
    await manual_clock.advance(1.0)
    assert len(fake_platform.calls) == 3
    await manual_clock.advance(1.0)
    await asyncio.gather(*tasks)


async def test_a_turn_too_far_away_fails_as_throttled_without_tripping_anything(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock, rate=1.0)
    tasks = [asyncio.create_task(guard.list_workers(A)) for _ in range(30)]
    await settle()
    for _ in range(40):
        await manual_clock.advance(1.0)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(end, Throttled) for end in ends) == 19
    assert not guard.breaker.is_open
    assert guard.budget.rate == 1.0


async def test_scale_calls_take_their_turn_at_once(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock, rate=0.5)
    await guard.list_workers(A)
    await guard.scale_up(A, 1)
    await guard.scale_down(A, ("x",))
    assert manual_clock.now() == fake_platform.calls[0].at


async def test_429_halves_the_rate_once_a_second_and_success_restores_it(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock, rate=100.0)
    fake_platform.fail("list", Throttled("slow down", status=429), times=3)
    await looks(guard, A)
    manual_clock.jump(0.5)
    await looks(guard, A)
    assert guard.budget.rate == 50.0
    manual_clock.jump(0.6)
    await looks(guard, A)
    assert guard.budget.rate == 25.0
    for _ in range(3000):
        manual_clock.jump(1)
        await looks(guard, A)
    assert guard.budget.rate == 100.0


async def test_429_never_takes_the_last_requests_away(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", Throttled("slow down", status=429), times=100)
    for _ in range(100):
        manual_clock.jump(20)
        await looks(guard, A)
    assert guard.budget.rate == RATE_FLOOR
    for _ in range(2000):
        manual_clock.jump(20)
        await looks(guard, A)
    assert guard.budget.rate is None, "without a configured rate the limit goes again"


async def test_an_outage_of_all_apps_opens_the_circuit_and_a_probe_closes_it(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", ServerFault("down", status=502), times=6)
    for key in (A, B, C, A, B):
        await looks(guard, key)
    assert guard.breaker.is_open
    asked = len(fake_platform.calls)
    assert await looks(guard, C, 10) == ["Unreachable"] * 10
    assert len(fake_platform.calls) == asked, "fails at once, without a call"
    manual_clock.jump(OPEN_FIRST_S)
    assert await looks(guard, A, 3) == ["ServerFault", "Unreachable", "Unreachable"]
    manual_clock.jump(OPEN_FIRST_S)
    assert await looks(guard, A) == ["Unreachable"], "a failed probe doubles the pause"
    manual_clock.jump(OPEN_FIRST_S)
    assert await looks(guard, A, 2) == ["good", "good"]
    assert not guard.breaker.is_open


async def test_the_pause_between_probes_has_a_ceiling(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", Unreachable("down"), times=10_000)
    for key in (A, B, C, A, B):
        await looks(guard, key)
    for _ in range(20):
        manual_clock.jump(OPEN_CEILING_S)
        asked = len(fake_platform.calls)
        await looks(guard, A)
        assert len(fake_platform.calls) == asked + 1


async def test_only_one_probe_at_a_time_and_a_cancelled_one_makes_room(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", Unreachable("down"), times=5)
    for key in (A, B, C, A, B):
        await looks(guard, key)
    manual_clock.jump(OPEN_FIRST_S)
    fake_platform.hang("list")
    probe = asyncio.create_task(guard.list_workers(A))
    await settle()
    assert await looks(guard, B) == ["Unreachable"]
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await looks(guard, B) == ["good"]


async def test_one_app_in_trouble_trips_nothing(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    await looks(guard, B)
    await looks(guard, C)
    fake_platform.fail("list", Unreachable("down"), app=A, times=100)
    assert await looks(guard, A, 100) == ["Unreachable"] * 100
    assert not guard.breaker.is_open


async def test_a_platform_that_says_no_is_not_down(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", AppNotFound("no", status=404), times=50)
    for key in (A, B, C) * 10:
        await looks(guard, key)
    assert not guard.breaker.is_open


async def test_a_call_refused_by_the_open_circuit_was_surely_not_carried_out(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    fake_platform.fail("list", Unreachable("down"), times=5)
    for key in (A, B, C, A, B):
        await looks(guard, key)
    with pytest.raises(Unreachable) as caught:
        await guard.scale_up(A, 3)
    assert not caught.value.maybe_applied
    assert fake_platform.made("up") == []


async def test_every_call_goes_through(
    manual_clock: ManualClock, fake_platform: FakePlatform
) -> None:
    guard = guarded(fake_platform, manual_clock)
    assert await guard.request_queue(A) == ()
    assert (await guard.get_app(A)).key == A
    assert len(await guard.list_apps()) == 3
