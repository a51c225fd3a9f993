"""``/apps``: every app as it is now, to be searched, filtered, sorted and paged; and each whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request
from fastapi import Query as FromQuery
from pydantic import Field
from starlette.responses import Response

from autoscaler.model import AppKey, Reason
from autoscaler.model.errors import HistoryError
from autoscaler.telemetry.status import AppStatus, status_of
from autoscaler.web.api.cost import DAY_S, cost_fields
from autoscaler.web.api.models import AppDetails, AppPage
from autoscaler.web.api.parameters import Key, Query, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.responses import json_response, stream
from autoscaler.web.snapshot import AppSnapshot
from autoscaler.web.views import (
    app_details,
    app_row,
    app_summary,
    owner_fields,
    queue_size,
    workers_present,
)

APPS_PER_CHUNK = 10
"""Apps of the list that are written in one go: about half a millisecond of work."""

SCANNED_PER_TURN = 250
"""Apps that are looked at for a filter or an order before others get their turn."""

PAGE_MAX = 1000

Seen = tuple[AppKey, AppSnapshot]
_Rank = Callable[[AppSnapshot], tuple[bool, Any]]

router = APIRouter(tags=["apps"])


class AppsQuery(Query):
    """Which apps, and in which order."""

    q: str = Field(default="", max_length=253, description="Part of `namespace/name`.")
    namespace: str = Field(default="", max_length=253, description="Only this one.")
    status: list[AppStatus] = Field(default=[], max_length=20, description="Any of these.")
    reason: list[Reason] = Field(default=[], max_length=50, description="Any of these.")
    sort: Literal["name", "status", "workers", "queue", "desired", "decided_at"] = Field(
        default="name", description="Apps of which the value is not known come last."
    )
    order: Literal["asc", "desc"] = "asc"
    offset: int = Field(default=0, ge=0, le=1_000_000, description="Apps to skip.")
    limit: int = Field(default=100, ge=1, le=PAGE_MAX, description="Apps on a page at most.")
    brief: bool = Field(
        default=False, description="Whether `observation` and `decision` are left out."
    )


def _known(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)


_RANKS: dict[str, _Rank] = {
    "status": lambda seen: _known(status_of(seen.decision).value),
    "workers": lambda seen: _known(workers_present(seen)),
    "queue": lambda seen: _known(queue_size(seen)),
    "desired": lambda seen: _known(seen.decision and seen.decision.desired),
    "decided_at": lambda seen: _known(seen.decision and seen.decision.at),
}


@router.get(
    "/apps",
    operation_id="list_apps",
    summary="Every app as it is now",
    response_model=AppPage,
    responses=problems(422),
)
async def list_apps(
    request: Request, sources: From, query: Annotated[AppsQuery, FromQuery()]
) -> Response:
    """Return a page of apps, each with its last observation and decision.

    Apps that are configured and were not looked at yet are not in the list; it fills as they are.
    """
    matching = await _matching(sources, query)
    page = matching[query.offset : query.offset + query.limit]
    follows = query.offset + len(page)
    head = {
        "total": len(matching),
        "count": len(page),
        "next_offset": follows if page and follows < len(matching) else None,
    }
    return stream(request, _in_chunks(sources, head, page, brief=query.brief), "application/json")


@router.get(
    "/apps/{namespace}/{name}",
    operation_id="get_app",
    summary="One app, whole",
    response_model=AppDetails,
    responses=problems(404, 422),
)
async def get_app(key: Key, sources: From) -> Response:
    """Return everything that is known of an app now, and what its last 24 hours took."""
    seen = sources.known(key)
    fields = app_details(key, seen, sources.in_force(key), sources.cost_per_hour(key, seen))
    fields |= owner_fields(sources.leadership, key)
    return json_response(fields | {"cost_24h": await _cost_24h(key, sources)})


async def _cost_24h(key: AppKey, sources: Sources) -> dict[str, Any] | None:
    if sources.history is None:
        return None
    now = sources.clock.now()
    try:
        return cost_fields(await sources.history.cost(key, now - DAY_S, now))
    except HistoryError:
        return None  # the rest of the answer is worth having; /health says how the history does


async def _matching(sources: Sources, query: AppsQuery) -> list[Seen]:
    """Return the apps that match, in order; others get their turn meanwhile."""
    rank, found, ranked = _RANKS.get(query.sort), [], []
    for place, app in enumerate(sources.snapshot.keys()):
        if place % SCANNED_PER_TURN == SCANNED_PER_TURN - 1:
            await asyncio.sleep(0)
        seen = sources.snapshot.get(app)
        if seen is None or not _matches(app, seen, query):
            continue
        if rank is None:
            found.append((app, seen))
        else:
            ranked.append((*rank(seen), (app, seen)))
    if rank is None:
        return found[::-1] if query.order == "desc" else found
    return _sorted(ranked, descending=query.order == "desc")


def _sorted(ranked: list[tuple[bool, Any, Seen]], *, descending: bool) -> list[Seen]:
    """Sort by value; equal ones stay in order of their names, unknown ones come last."""
    known = [each for each in ranked if not each[0]]
    known.sort(key=lambda each: each[1], reverse=descending)
    return [each[2] for each in known] + [each[2] for each in ranked if each[0]]


def _matches(app: AppKey, seen: AppSnapshot, query: AppsQuery) -> bool:
    if query.namespace and app.namespace != query.namespace:
        return False
    if query.q and query.q.casefold() not in f"{app.namespace}/{app.name}".casefold():
        return False
    if query.status and status_of(seen.decision) not in query.status:
        return False
    decision = seen.decision
    return not query.reason or (decision is not None and decision.reason in query.reason)


def _in_chunks(
    sources: Sources, head: dict[str, Any], page: list[Seen], *, brief: bool
) -> Iterator[bytes]:
    show = app_row if brief else app_summary
    yield msgspec.json.encode(head)[:-1] + b',"items":['
    for start in range(0, len(page), APPS_PER_CHUNK):
        items = [
            show(app, seen, sources.in_force(app), sources.cost_per_hour(app, seen))
            for app, seen in page[start : start + APPS_PER_CHUNK]
        ]
        yield (b"," if start else b"") + msgspec.json.encode(items)[1:-1]
    yield b"]}"
