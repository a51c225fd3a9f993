"""``/stream``: changes of apps as they happen, as server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi import Query as FromQuery
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autoscaler.model import AppKey
from autoscaler.web.api.parameters import Query, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.changes import Listener, TooManyListeners
from autoscaler.web.problems import Problem
from autoscaler.web.responses import is_head
from autoscaler.web.views import app_row

COALESCE_S = 1.0
"""Changes of an app within so many seconds are told as one."""

HEARTBEAT_S = 15.0
"""After so many quiet seconds a comment is sent, so that proxies keep the connection."""

LIFE_S = 3600.0
"""After so many seconds a stream ends; clients connect again, and a withdrawn token is noticed."""

SEND_LIMIT_S = 60.0
"""A client that takes nothing for so many seconds is given up."""

RETRY_MS = 3000
APPS_PER_SEND = 20

router = APIRouter(tags=["apps"])


class LiveQuery(Query):
    """Of which apps."""

    namespace: str = Field(default="", max_length=253, description="Only this one.")
    name: str = Field(default="", max_length=253, description="Only apps of this name.")


@router.get(
    "/stream",
    operation_id="stream_apps",
    summary="Changes of apps as they happen (server-sent events)",
    response_class=Response,
    responses={
        200: {
            "description": "Events: `hello` at first (then fetch the list), `app` with a line as "
            "in the list of apps, `gone` with namespace and name.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problems(422),
    },
)
async def stream_apps(
    request: Request, sources: From, query: Annotated[LiveQuery, FromQuery()]
) -> Response:
    """Tell of every app that changes, at most once a second each.

    Nothing is kept for a client that was away: Last-Event-ID means nothing here, and after `hello`
    the list is to be fetched anew.
    """
    places = ExitStack()
    try:
        listener = places.enter_context(sources.changes.listener())
    except TooManyListeners:
        headers = {"Retry-After": "10"}
        raise Problem(503, "All places of the live stream are taken.", headers=headers) from None
    return EventStream(places, listener, sources, query, head=is_head(request))


class EventStream(Response):
    """The stream to one client; ends when the client, the program or its time does."""

    media_type = "text/event-stream"

    def __init__(
        self,
        places: ExitStack,
        listener: Listener,
        sources: Sources,
        query: LiveQuery,
        *,
        head: bool,
    ) -> None:
        self.status_code = 200
        self.background = None
        self._places = places
        self._listener = listener
        self._sources = sources
        self._query = query
        self._head = head
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send until somebody has enough."""
        leaving = asyncio.create_task(_left(receive), name="live stream: client")
        leaving.add_done_callback(lambda _: self._listener.close())
        with self._places:
            try:
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                with suppress(TimeoutError):
                    await self._tell(send)
                    await _send(send, b"", more=False)
            finally:
                leaving.cancel()

    async def _tell(self, send: Send) -> None:
        if self._head:
            return
        hello = {"version": self._sources.version, "apps": len(self._sources.snapshot)}
        await _send(send, b"retry: %d\n" % RETRY_MS + _event("hello", hello))
        loop = asyncio.get_running_loop()
        end = loop.time() + LIFE_S
        while not self._listener.closed and loop.time() < end:
            changed = [a for a in await self._listener.changed(HEARTBEAT_S) if self._wants(a)]
            if not changed:
                await _send(send, b": still here\n\n")
            for start in range(0, len(changed), APPS_PER_SEND):
                rows = [self._row(app) for app in changed[start : start + APPS_PER_SEND]]
                await _send(send, b"".join(rows))
                await asyncio.sleep(0)
            await self._listener.pause(COALESCE_S)

    def _wants(self, app: AppKey) -> bool:
        wanted = self._query
        return wanted.namespace in ("", app.namespace) and wanted.name in ("", app.name)

    def _row(self, app: AppKey) -> bytes:
        seen = self._sources.snapshot.get(app)
        if seen is None:
            return _event("gone", {"namespace": app.namespace, "name": app.name})
        return _event(
            "app",
            app_row(app, seen, self._sources.in_force(app), self._sources.cost_per_hour(app, seen)),
        )


def _event(kind: str, fields: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(fields))


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    """Send, waiting as long as the client is given to take it."""
    async with asyncio.timeout(SEND_LIMIT_S):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
