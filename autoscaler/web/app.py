"""The HTTP face: metrics, probes, and the API that says what is going on.

Everything here reads; nothing acts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autoscaler.model import AppKey
from autoscaler.ports import AlwaysLeader, Leadership
from autoscaler.web.responses import (
    SecurityHeaders,
    json_response,
    on_fault,
    on_http_error,
    stream,
)
from autoscaler.web.snapshot import Snapshot
from autoscaler.web.views import app_details, app_summary

APPS_PER_CHUNK = 10
"""Apps of the list that are written in one go: about half a millisecond of work."""

_ADDRESSES = {
    "metrics": "/metrics",
    "live": "/livez",
    "ready": "/readyz",
    "apps": "/api/v1/apps",
    "app": "/api/v1/apps/{namespace}/{name}",
}


class MetricsView(Protocol):
    """What ``/metrics`` needs."""

    def exposition(self, accept: str = "") -> tuple[str, Iterator[bytes]]:
        """Return the content type that suits an Accept header, and the text in chunks."""


class HealthView(Protocol):
    """What the probes need."""

    def live(self) -> tuple[bool, str]:
        """Return whether the loop goes round, and a sentence that says so."""

    def ready(self) -> tuple[bool, tuple[str, ...]]:
        """Return whether the program is ready, and what is missing."""


class _Endpoints:
    """The handlers, over what they show."""

    def __init__(
        self,
        *,
        metrics: MetricsView,
        snapshot: Snapshot,
        health: HealthView,
        version: str,
        leadership: Leadership,
    ) -> None:
        self._leadership = leadership
        self._metrics = metrics
        self._snapshot = snapshot
        self._health = health
        self._version = version

    def routes(self) -> list[Route]:
        """Return the addresses; each answers GET and HEAD."""
        return [
            Route("/", self.index),
            Route("/metrics", self.metrics),
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/api/v1/apps", self.apps),
            Route("/api/v1/apps/{namespace}/{name}", self.app),
        ]

    async def index(self, _: Request) -> Response:
        """Say what this is, who leads, and where things are."""
        return json_response(
            {
                "program": "autoscaler",
                "version": self._version,
                "leader": self._leader(),
                "addresses": _ADDRESSES,
            }
        )

    def _leader(self) -> dict[str, object]:
        """Return who leads among several replicas; with one, that it does."""
        leadership = self._leadership
        term = leadership.term
        return {
            "is_leader": leadership.left_s() > 0,
            "identity": leadership.identity,
            "leader": leadership.leader,
            "term": None if term is None else term.number,
        }

    async def metrics(self, request: Request) -> Response:
        """Return all series in the text format that the scraper prefers."""
        content_type, chunks = self._metrics.exposition(request.headers.get("accept", ""))
        return stream(request, chunks, content_type)

    async def livez(self, _: Request) -> Response:
        """200 while the loop goes round, else 503."""
        live, detail = self._health.live()
        return json_response({"live": live, "detail": detail}, 200 if live else 503)

    async def readyz(self, _: Request) -> Response:
        """200 once the configuration is good and each app was tried, else 503."""
        ready, missing = self._health.ready()
        return json_response({"ready": ready, "missing": missing}, 200 if ready else 503)

    async def apps(self, request: Request) -> Response:
        """Return every app with its last observation and decision."""
        return stream(request, self._apps_in_chunks(), "application/json")

    async def app(self, request: Request) -> Response:
        """Return everything that is kept of one app."""
        key = AppKey(request.path_params["namespace"], request.path_params["name"])
        seen = self._snapshot.get(key)
        if seen is None:
            raise HTTPException(404, f"No app {key} is known here. GET /api/v1/apps lists them.")
        return json_response(app_details(key, seen))

    def _apps_in_chunks(self) -> Iterator[bytes]:
        apps = tuple(self._snapshot)
        yield b'{"count":%d,"items":[' % len(apps)
        for start in range(0, len(apps), APPS_PER_CHUNK):
            items = [app_summary(*app) for app in apps[start : start + APPS_PER_CHUNK]]
            separator = b"," if start else b""
            yield separator + msgspec.json.encode(items)[1:-1]
        yield b"]}"


def build_app(
    *,
    metrics: MetricsView,
    snapshot: Snapshot,
    health: HealthView,
    version: str,
    leadership: Leadership | None = None,
) -> Starlette:
    """Return the ASGI application; without ``leadership`` this is the only replica."""
    endpoints = _Endpoints(
        metrics=metrics,
        snapshot=snapshot,
        health=health,
        version=version,
        leadership=leadership or AlwaysLeader(),
    )
    app = Starlette(
        routes=endpoints.routes(),
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: on_http_error, Exception: on_fault},
    )
    # a redirect for a trailing slash would repeat whatever the Host header says
    app.router.redirect_slashes = False
    return app
