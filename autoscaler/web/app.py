"""The HTTP face as a whole: metrics and probes here, the API mounted beside them.

Every request passes three layers before anything is looked up: the headers of each answer, the
gate (name, read token), and what the API itself asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from autoscaler.ports import Leadership
from autoscaler.web.api import HealthView, Sources, build_api
from autoscaler.web.api.assembly import PREFIX
from autoscaler.web.api.guard import ActingGuard
from autoscaler.web.gate import Gate
from autoscaler.web.pages import INDEX, StatusPage, status_page
from autoscaler.web.responses import (
    SecurityHeaders,
    json_response,
    on_fault,
    on_http_error,
    stream,
    wants_page,
)
from autoscaler.web.views import leader_fields

_ADDRESSES = {
    "metrics": "/metrics",
    "live": "/livez",
    "ready": "/readyz",
    "apps": f"{PREFIX}/apps",
    "app": f"{PREFIX}/apps/{{namespace}}/{{name}}",
    "api": f"{PREFIX}/openapi.json",
}


class MetricsView(Protocol):
    """What ``/metrics`` needs."""

    def exposition(self, accept: str = "") -> tuple[str, Iterator[bytes]]:
        """Return the content type that suits an Accept header, and the text in chunks."""


class _Endpoints:
    """The handlers beside the API, over what they show."""

    def __init__(
        self,
        *,
        metrics: MetricsView,
        health: HealthView,
        page: StatusPage,
        version: str,
        leadership: Leadership,
    ) -> None:
        self._leadership = leadership
        self._metrics = metrics
        self._page = page
        self._health = health
        self._version = version

    def routes(self) -> list[BaseRoute]:
        """Return the addresses; each answers GET and HEAD."""
        return [
            Route("/", self.index),
            Route("/metrics", self.metrics),
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            *self._page.routes(),
        ]

    async def index(self, request: Request) -> Response:
        """Return the page to a browser; say to others what this is, who leads, where things are."""
        if wants_page(request.headers.get("accept", "")):
            return self._page.answer(request, INDEX)
        about = {
            "program": "autoscaler",
            "version": self._version,
            "leader": leader_fields(self._leadership),
            "addresses": _ADDRESSES,
        }
        return json_response(about, headers={"Vary": "Accept"})

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


def build_app(
    *, metrics: MetricsView, sources: Sources, guard: ActingGuard | None = None
) -> Starlette:
    """Return the ASGI application; ``guard``: of orders by hand, with limits of its own."""
    endpoints = _Endpoints(
        metrics=metrics,
        health=sources.health,
        page=status_page(),
        version=sources.version,
        leadership=sources.leadership,
    )
    api = build_api(sources, guard or ActingGuard(sources.doorkeeper, sources.clock))
    app = Starlette(
        routes=[*endpoints.routes(), Mount(PREFIX, api)],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Gate, doorkeeper=sources.doorkeeper),
        ],
        exception_handlers={HTTPException: on_http_error, Exception: on_fault},
    )
    # a redirect for a trailing slash would repeat whatever the Host header says
    app.router.redirect_slashes = False
    return app
