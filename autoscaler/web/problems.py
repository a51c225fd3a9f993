"""What went wrong with a request, as RFC 9457 describes it, and as an exception on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

SHOWN_CHARS = 100
"""A value that a client sent is repeated to this length at most."""


class Problem(HTTPException):
    """A request that cannot be carried out.

    Attributes:
        errors: one mapping per wrong value: ``in``, ``name``, ``message``, and ``value`` where it
            may be repeated.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.errors = tuple(errors)


def wrong_value(where: str, name: str, value: object, message: str) -> Problem:
    """Return the problem of one value; ``where``: query, path, body or header."""
    shown = shortened(value)
    error = {"in": where, "name": name, "message": message, "value": shown}
    return Problem(422, f"{name} = {shown}: {message}.", errors=(error,))


def shortened(value: object) -> str:
    """Return a value as a text that cannot be long."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def problem(
    status: int,
    detail: str,
    instance: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
) -> Response:
    """Return a problem document; the status says all there is to its type."""
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if errors:
        content["errors"] = [dict(error) for error in errors]
    return Response(msgspec.json.encode(content), status, headers, MEDIA_TYPE)
