"""Answers of the HTTP server: JSON, problems, long texts in pieces; and the headers of them all."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autoscaler.web.problems import Problem, problem

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""On every answer, unless it brings its own."""

_GZIP_WBITS = 31  # zlib's way to ask for the gzip container
_GZIP_LEVEL = 1  # exposition text shrinks about tenfold even so


class SecurityHeaders:
    """Middleware that adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add headers to the start of an answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def json_response(
    content: Any,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return JSON."""
    return Response(msgspec.json.encode(content), status, headers, media_type)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Turn an HTTPException into a problem."""
    if not isinstance(error, HTTPException):  # registered for that type only
        raise error
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = "There is nothing at this address. GET / lists the addresses."
    elif error.status_code == HTTPStatus.BAD_REQUEST and not isinstance(error, Problem):
        detail = "The body cannot be read: it is no JSON in UTF-8, or nested too deep."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible here; the Allow header names what is."
        return problem(405, detail, request.url.path, {"Allow": _allowed(error)})
    errors = error.errors if isinstance(error, Problem) else ()
    return problem(error.status_code, detail, request.url.path, error.headers, errors)


def _allowed(error: HTTPException) -> str:
    """Return what is possible instead; whatever can be got can be asked for without its body."""
    named = (error.headers or {}).get("Allow", "").replace(" ", "").split(",")
    methods = {method for method in named if method}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


async def on_fault(request: Request, _error: Exception) -> Response:
    """Answer a fault of ours without telling its insides; the log has the traceback."""
    detail = "A fault of this program; its log has the traceback."
    return problem(500, detail, request.url.path, SECURITY_HEADERS)


def stream(request: Request, chunks: Iterator[bytes], media_type: str) -> Response:
    """Return a long text in pieces, compressed if the client takes that.

    Between the pieces the event loop gets its turn, so that a long answer delays nobody's poll.
    """
    headers = {"Vary": "Accept, Accept-Encoding", "Content-Type": media_type}
    compressed = accepts_gzip(request.headers.get("accept-encoding", ""))
    if compressed:
        headers["Content-Encoding"] = "gzip"
    if is_head(request):
        chunks = iter(())
    body = _gzip(chunks) if compressed else chunks
    return StreamingResponse(_paced(body), headers=headers)


_ASKED_AS_HEAD = "autoscaler.head"


class HeadAsGet:
    """Middleware that lets handlers of GET answer HEAD; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, a HEAD as a GET."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET", _ASKED_AS_HEAD: True}
        await self._app(scope, receive, send)


def is_head(request: Request) -> bool:
    """Whether only the head of an answer is asked for, so that its body need not be made."""
    return request.method == "HEAD" or _ASKED_AS_HEAD in request.scope


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an ``Accept-Encoding`` header allows gzip by name; ``q=0`` forbids it."""
    for item in accept_encoding.lower().split(","):
        coding, _, parameters = item.partition(";")
        if coding.strip() == "gzip":
            weight = parameters.replace(" ", "").removeprefix("q=")
            return weight.strip("0.") != "" if parameters else True
    return False


def wants_page(accept: str) -> bool:
    """Whether an ``Accept`` header asks for HTML by name, as browsers do and programs do not."""
    return "text/html" in accept.lower()


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


async def _paced(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        if chunk:
            yield chunk
        await asyncio.sleep(0)
