"""Parameters that several addresses share, and the problems that they all may answer with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from autoscaler.model import AppKey
from autoscaler.settings.app import NAME_PATTERN
from autoscaler.web.api.models import ProblemDocument
from autoscaler.web.api.sources import From
from autoscaler.web.api.times import PATTERN
from autoscaler.web.problems import MEDIA_TYPE

_NAME = {"pattern": NAME_PATTERN, "min_length": 1, "max_length": 253}

_WHAT = {
    400: "The body cannot be read.",
    401: "A token is needed, or the one sent is wrong.",
    403: "Acting is off, or the request comes from another site.",
    404: "No such app, or nothing of the kind.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "The Host header does not name this server.",
    422: "A value is wrong; `errors` names each.",
    429: "Too many requests; Retry-After says when to try again.",
    503: "Not available now: the history is off or cannot be read, or all places are taken.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these problems, and of those that any address may have."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}}
    return {
        status: {"description": _WHAT[status], "content": content}
        for status in sorted({401, 421, 429, 503, *statuses})
    }


async def _key(
    namespace: Annotated[
        str, Path(description="Platform namespace.", examples=["default"], **_NAME)
    ],
    name: Annotated[str, Path(description="Name of the app.", examples=["sd15"], **_NAME)],
) -> AppKey:
    return AppKey(namespace, name)


async def _known_key(key: Annotated[AppKey, Depends(_key)], sources: From) -> AppKey:
    """Return the app; 404 where none of that name is configured and nothing is kept of one."""
    sources.known(key)
    return key


Key = Annotated[AppKey, Depends(_key)]
"""The app that a path names, whether it is known or not."""

KnownKey = Annotated[AppKey, Depends(_known_key)]
"""The app that a path names; it is known."""

Moment = Annotated[str, Field(pattern=PATTERN, max_length=64)]
"""A moment as text; see :mod:`autoscaler.web.api.times`."""


class Query(BaseModel):
    """Base of query parameters: unknown names are refused, as a misspelt one would do nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeQuery(Query):
    """A range of time: start included, end not."""

    start: Moment | None = Field(
        default=None,
        description="Beginning: RFC 3339 with an offset, epoch seconds, or back from now.",
        examples=["-6h", "2026-03-01T00:00:00Z"],
    )
    end: Moment | None = Field(
        default=None, description="End, written likewise; without it, now.", examples=["1h ago"]
    )
