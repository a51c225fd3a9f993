"""The emulated platform as one object: fleet, handler and server, on a clock that it is given."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Self

from autoscaler.emulator.admin import books
from autoscaler.emulator.fleet import Fleet
from autoscaler.emulator.handler import Handler
from autoscaler.emulator.scenario import Scenario
from autoscaler.emulator.server import Server


class Emulator:
    """The EverAI platform on a port of this machine.

    Use it as an async context manager, or call :meth:`start` and :meth:`stop`.

    Args:
        scenario: what is emulated; its ``speed`` says how fast the fleet's time runs.
        now: a steady clock, epoch seconds (``Clock.now``).
        token: bearer token that callers must show.
        host: address to listen on; ``/emulator/…`` is served on loopback addresses only.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        now: Callable[[], float],
        token: str,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._real_now = now
        self._epoch_s = now()
        self._speed = scenario.speed
        self._host, self._port = host, port
        self.token = token
        self.fleet = Fleet(scenario, epoch_s=self._epoch_s)
        self.handler = Handler(
            scenario, self.fleet, token=token, now=self.now, admin=_is_loopback(host)
        )
        self._server = Server(self.handler, speed=scenario.speed)

    def __repr__(self) -> str:
        """Show the address, and not the token."""
        return f"Emulator({self.address})"

    async def __aenter__(self) -> Self:
        """Start serving."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop serving."""
        await self.stop()

    async def start(self) -> None:
        """Listen; the fleet's time runs since the object was made.

        Raises:
            OSError: the address cannot be listened on.
        """
        await self._server.start(self._host, self._port)

    async def stop(self) -> None:
        """Drop all connections; the books stay readable."""
        await self._server.stop()

    @property
    def address(self) -> str:
        """What to give as ``EVERAI_ENDPOINT``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.port or self._port}"

    def now(self) -> float:
        """Return the fleet's time, epoch seconds."""
        return self._epoch_s + (self._real_now() - self._epoch_s) * self._speed

    def books(self) -> dict[str, Any]:
        """Return the books of all apps as of now: the same as ``GET /emulator/books``."""
        now = self.now()
        self.handler.catch_up(now)
        return books(self.fleet, now)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
