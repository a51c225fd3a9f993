"""What an order by hand must pass before its body is even read.

A browser that holds no token of ours cannot act: there are no cookies to ride on. The checks of
origin and content type keep it so for a page that sends a stolen or typed-in token from elsewhere,
and refuse what a plain form could send.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Message

from autoscaler.ports.clock import Clock
from autoscaler.web.gate import Doorkeeper, too_many
from autoscaler.web.limits import Allowance, RateLimit, caller_of
from autoscaler.web.problems import Problem

BODY_MAX = 16 * 1024
PER_ADDRESS = Allowance(burst=10, per_minute=30)
OVERALL = Allowance(burst=30, per_minute=60)
_OURS = frozenset({"same-origin", "none"})
_EVERYBODY = "everybody"


class ActingGuard:
    """Checks orders: where from, by whom, how often, in which form."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        clock: Clock,
        *,
        per_address: Allowance = PER_ADDRESS,
        overall: Allowance = OVERALL,
    ) -> None:
        self._doorkeeper = doorkeeper
        self._per_address = RateLimit(per_address, clock)
        self._overall = RateLimit(overall, clock)

    def admit(self, request: Request) -> str:
        """Return the name of whoever acts.

        Raises:
            Problem: 401, 403, 415 or 429; why not.
        """
        _refuse_other_sites(request, self._doorkeeper.access.names)
        actor = self._doorkeeper.actor(request)
        self._count(request)
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise Problem(415, "Send the body as Content-Type: application/json.")
        return actor

    def _count(self, request: Request) -> None:
        caller = caller_of(request.client.host if request.client else None)
        wait_s = max(self._per_address.wait_s(caller), self._overall.wait_s(_EVERYBODY))
        if wait_s > 0:
            raise too_many("Too many orders by hand", wait_s)
        self._per_address.take(caller)
        self._overall.take(_EVERYBODY)


class GuardedRoute(APIRoute):
    """A route that asks the guard first, and reads no body that is too large."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard before it."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            guard = request.app.state.guard
            if not isinstance(guard, ActingGuard):
                raise TypeError("the API was built without its guard")
            request.state.actor = guard.admit(request)
            body = await _body(request)

            async def receive() -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            return await handler(Request(request.scope, receive))

        return guarded


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise Problem(413, f"The body is larger than {BODY_MAX} bytes.")
    return bytes(body)


def _refuse_other_sites(request: Request, names: tuple[str, ...]) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if (site is None or site in _OURS) and (origin is None or _is_ours(origin, request, names)):
        return
    raise Problem(403, "Orders by hand are not taken from pages of other sites.")


def _is_ours(origin: str, request: Request, names: tuple[str, ...]) -> bool:
    """Whether a page comes from this server: from the very host asked, or one named by hand."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    return parts.netloc.lower() == request.headers.get("host", "").lower() or host in names
