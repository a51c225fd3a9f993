"""Puts the API together: its routers, its problems, and the OpenAPI document."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from autoscaler.model.errors import HistoryError
from autoscaler.web.api import acting, apps, cost, live, past, service
from autoscaler.web.api.guard import ActingGuard
from autoscaler.web.api.models import ProblemDocument
from autoscaler.web.api.sources import Sources
from autoscaler.web.problems import problem, shortened
from autoscaler.web.responses import HeadAsGet, on_fault, on_http_error

PREFIX = "/api/v1"

DESCRIPTION = """\
What the autoscaler sees, decides and does, now and at any past moment; and orders by hand.

Times are taken as RFC 3339 with an offset, as epoch seconds, or back from now (`-90m`, `2h ago`).
Whatever goes wrong is answered as `application/problem+json` (RFC 9457). Reading is open or needs a
read token, as configured; acting always needs an action token, as `Authorization: Bearer …`.
"""

TAGS = [
    {"name": "apps", "description": "Apps as they are now."},
    {"name": "history", "description": "What happened, and why, at any past moment."},
    {"name": "cost", "description": "What it took, and what was saved."},
    {"name": "acting", "description": "Orders by hand; every guard still holds."},
    {"name": "service", "description": "The program itself."},
]  # fmt: skip

_SECRETS = frozenset({"authorization", "cookie"})
_VALUES_SHOWN = 20


def build_api(sources: Sources, guard: ActingGuard) -> FastAPI:
    """Return the application to be mounted at :data:`PREFIX`."""
    reads = [] if sources.doorkeeper.access.read is None else [Security(_read_token())]
    api = FastAPI(
        title="Autoscaler for EverAI workers",
        version=sources.version,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,  # served below: making it takes a while, and not on the loop
        docs_url=None,  # FastAPI's pages load scripts from a CDN
        redoc_url=None,
        servers=[{"url": PREFIX}],
        redirect_slashes=False,
        middleware=[Middleware(HeadAsGet)],
        exception_handlers={
            HTTPException: on_http_error,
            RequestValidationError: on_invalid,
            HistoryError: on_history_error,
            Exception: on_fault,
        },
    )
    api.state.sources = sources
    api.state.guard = guard
    for module in (apps, live, past, cost, service):
        api.include_router(module.router, dependencies=reads)
    api.include_router(acting.router)
    _publish(api)
    return api


def _read_token() -> HTTPBearer:
    return HTTPBearer(
        scheme_name="readToken",
        description="A token of the file that server.read_token_file or server.action_token_file "
        "names.",
        auto_error=False,  # the gate has checked it before, in this program's words
    )


def _publish(api: FastAPI) -> None:
    """Serve the document; it is made once, when first asked for."""

    @cache
    def document() -> bytes:
        return msgspec.json.encode(_with_problem(api.openapi()))

    async def openapi(_: Request) -> Response:
        return Response(await asyncio.to_thread(document), media_type="application/json")

    api.add_route("/openapi.json", openapi, methods=["GET"], include_in_schema=False)


def _with_problem(document: dict[str, Any]) -> dict[str, Any]:
    """Add the shape of a problem, which FastAPI knows nothing of, and drop its own of one."""
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    shape = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(shape.pop("$defs", {}))
    schemas[ProblemDocument.__name__] = shape
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


async def on_invalid(request: Request, error: Exception) -> Response:
    """Say which values of a request are wrong, and how."""
    if not isinstance(error, RequestValidationError):  # registered for that type only
        raise error
    wrong = [_wrong(details) for details in error.errors()[:_VALUES_SHOWN]]
    detail = "; ".join(_sentence(each) for each in wrong)
    return problem(422, f"{detail}.", request.url.path, errors=wrong)


def _wrong(details: dict[str, Any]) -> dict[str, Any]:
    where, *path = [str(part) for part in details["loc"]]
    wrong = {"in": where, "name": ".".join(path) or where, "message": _words(details)}
    given = details.get("input")
    plain = isinstance(given, (str, int, float)) and details["type"] != "json_invalid"
    if plain and path and path[-1].lower() not in _SECRETS:
        wrong["value"] = shortened(given)
    return wrong


def _words(details: dict[str, Any]) -> str:
    match details["type"]:
        case "extra_forbidden":
            return "is not known here"
        case "missing":
            return "is required"
        case "json_invalid":
            return "is no valid JSON"
        case "string_pattern_mismatch":
            return f"must match {details['ctx']['pattern']}"
    message = str(details["msg"])
    return message[:1].lower() + message[1:]


def _sentence(wrong: dict[str, Any]) -> str:
    value = f" = {wrong['value']}" if "value" in wrong else ""
    return f"{wrong['name']}{value}: {wrong['message']}"


async def on_history_error(request: Request, error: Exception) -> Response:
    """Say that the past cannot be told now; the log says why."""
    structlog.get_logger().warning("the history cannot be read", error=str(error))
    detail = (
        "The history cannot be read at the moment; scaling goes on. GET /api/v1/health and the"
        " program's log say more."
    )
    return problem(503, detail, request.url.path)
