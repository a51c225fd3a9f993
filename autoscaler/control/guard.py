"""Between us and the platform: a request budget for all apps, and a circuit breaker.

A platform in trouble is not helped by ten thousand apps that ask again and again. 429 halves the
budget, success restores it; when the platform is down as a whole, calls fail at once and one probe
at a time finds out when it is back. A single app in trouble trips nothing: it has its own backoff.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from autoscaler.model import AppInfo, AppKey, Observation, QueuedRequest
from autoscaler.model.errors import PlatformError, ServerFault, Throttled, Unreachable
from autoscaler.ports import Clock, Platform

_T = TypeVar("_T")

WAIT_MAX_S = 10.0
"""Longest wait for the budget; beyond it a read fails as throttled and its app backs off."""
RATE_FLOOR = 0.5
"""Requests per second that 429 never takes away: enough to notice recovery."""
RECOVERY = 2.0
"""Requests per second that a second of successes gives back, and ..."""
RECOVERY_SHARE = 0.1
"""... the share of the present rate that it adds."""
MEASURE_S = 10.0
TRIP_FAILURES = 5
TRIP_APPS = 3
OPEN_FIRST_S = 5.0
OPEN_CEILING_S = 60.0


class Budget:
    """A token bucket whose rate follows what the platform bears.

    Attributes:
        rate: requests per second allowed now; ``None`` for no limit.
    """

    def __init__(self, clock: Clock, rate_max: float | None) -> None:
        """Take the configured rate, requests per second; ``None`` for no limit until a 429."""
        self._clock = clock
        self._rate_max = rate_max
        self.rate = rate_max
        self._next_free_at = clock.now()
        self._window_from = clock.now()
        self._window_calls = 0
        self._measured = 0.0
        self._halved_at = float("-inf")

    async def acquire(self, *, urgent: bool) -> None:
        """Wait for a turn. Urgent calls (scale requests) take theirs at once, out of turn.

        Raises:
            Throttled: the turn would come too late.
        """
        now = self._clock.now()
        self._count(now)
        if self.rate is None:
            return
        turn_at = max(now, self._next_free_at)
        if not urgent and turn_at - now > WAIT_MAX_S:
            raise Throttled(f"our own budget of {self.rate:.1f} requests/s is spent; waiting")
        self._next_free_at = turn_at + 1 / self.rate
        if not urgent and turn_at > now:
            await self._clock.sleep(turn_at - now)

    def throttled(self) -> None:
        """The platform answered 429: halve, at most once per second."""
        now = self._clock.now()
        if now - self._halved_at < 1.0:
            return
        self._halved_at = now
        used = self.rate if self.rate is not None else max(self._measured, 2 * RATE_FLOOR)
        self.rate = max(RATE_FLOOR, used / 2)

    def succeeded(self) -> None:
        """A call went well: restore a little, up to the configured rate or to no limit."""
        if self.rate is None or self.rate == self._rate_max:
            return
        # One success stands for 1/rate seconds, so that the rate recovers per second, not per call.
        self.rate += RECOVERY / self.rate + RECOVERY_SHARE
        if self._rate_max is not None:
            self.rate = min(self.rate, self._rate_max)
        elif self.rate > 4 * max(self._measured, RATE_FLOOR):
            self.rate = None

    def _count(self, now: float) -> None:
        self._window_calls += 1
        if now - self._window_from >= MEASURE_S:
            self._measured = self._window_calls / (now - self._window_from)
            self._window_from = now
            self._window_calls = 0


class Breaker:
    """Open while the platform is down as a whole."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: set[AppKey | None] = set()
        self._seen: set[AppKey | None] = set()
        self._failures = 0
        self._open_until: float | None = None
        self._open_s = OPEN_FIRST_S
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls fail at once now."""
        return self._open_until is not None

    def check(self) -> bool:
        """Return whether this call is the probe that finds out if the platform is back.

        Raises:
            Unreachable: the circuit is open and this is no time for a probe.
        """
        if self._open_until is None:
            return False
        left_s = self._open_until - self._clock.now()
        if left_s > 0 or self._probing:
            raise Unreachable(f"the platform is down; next try in {max(0.0, left_s):.0f} s")
        self._probing = True
        return True

    def succeeded(self, app: AppKey | None) -> None:
        """The platform answered."""
        self._seen.add(app)
        self._failed.clear()
        self._failures = 0
        self._open_until = None
        self._open_s = OPEN_FIRST_S
        self._probing = False

    def failed(self, app: AppKey | None, *, probe: bool) -> None:
        """The platform did not answer, or not sensibly."""
        self._seen.add(app)
        self._failed.add(app)
        self._failures += 1
        if probe:
            self._probing = False
            self._open_s = min(OPEN_CEILING_S, self._open_s * 2)
            self._open_until = self._clock.now() + self._open_s
        elif self._open_until is None and self._is_outage():
            self._open_until = self._clock.now() + self._open_s

    def abandoned(self) -> None:
        """The probe was cut off without an answer either way."""
        self._probing = False

    def _is_outage(self) -> bool:
        enough_apps = len(self._failed) >= min(TRIP_APPS, len(self._seen))
        return self._failures >= TRIP_FAILURES and enough_apps


@dataclass(frozen=True, slots=True)
class GuardedPlatform:
    """A :class:`~autoscaler.ports.Platform` behind a budget and a breaker."""

    platform: Platform
    budget: Budget
    breaker: Breaker

    async def list_workers(
        self, app: AppKey, *, show_all: bool = False, recent_days: int | None = None
    ) -> Observation:
        """Forward."""
        return await self._call(
            app, lambda: self.platform.list_workers(app, show_all=show_all, recent_days=recent_days)
        )

    async def scale_up(self, app: AppKey, count: int) -> tuple[str, ...]:
        """Forward, without waiting for a turn."""
        return await self._call(app, lambda: self.platform.scale_up(app, count), urgent=True)

    async def scale_down(self, app: AppKey, worker_ids: tuple[str, ...]) -> None:
        """Forward, without waiting for a turn: the confirming list is only just fresh."""
        await self._call(app, lambda: self.platform.scale_down(app, worker_ids), urgent=True)

    async def request_queue(self, app: AppKey) -> tuple[QueuedRequest, ...]:
        """Forward."""
        return await self._call(app, lambda: self.platform.request_queue(app))

    async def get_app(self, app: AppKey) -> AppInfo:
        """Forward."""
        return await self._call(app, lambda: self.platform.get_app(app))

    async def list_apps(self, namespace: str | None = None) -> tuple[AppInfo, ...]:
        """Forward."""
        return await self._call(None, lambda: self.platform.list_apps(namespace))

    async def _call(
        self, app: AppKey | None, send: Callable[[], Awaitable[_T]], *, urgent: bool = False
    ) -> _T:
        probe = self.breaker.check()
        try:
            await self.budget.acquire(urgent=urgent)
            answer = await send()
        except Throttled as error:
            # 429 is an answer: the platform lives, but wants less.
            if error.status:
                self.budget.throttled()
                self.breaker.succeeded(app)
            elif probe:
                self.breaker.abandoned()
            raise
        except (Unreachable, ServerFault):
            self.breaker.failed(app, probe=probe)
            raise
        except PlatformError:
            self.breaker.succeeded(app)
            raise
        except BaseException:
            if probe:
                self.breaker.abandoned()
            raise
        self.budget.succeeded()
        self.breaker.succeeded(app)
        return answer
