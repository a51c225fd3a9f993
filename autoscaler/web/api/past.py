"""What happened: decisions and their explanations, events of all kinds, samples for plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi import Query as FromQuery
from pydantic import Field
from starlette.responses import Response

from autoscaler.model import AppKey, Reason
from autoscaler.ports import Event, EventKind, EventQuery, Sample
from autoscaler.telemetry.serialize import decision_fields, moment
from autoscaler.web.api.models import DecisionView, EventPage, SampleList
from autoscaler.web.api.parameters import KnownKey, Moment, Query, RangeQuery, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.api.times import moment_of, range_of
from autoscaler.web.problems import Problem
from autoscaler.web.responses import json_response, stream
from autoscaler.web.views import explanation

PAGE_MAX = 500
POINTS_MAX = 2000
ITEMS_PER_CHUNK = 20
"""Events or samples that are written in one go, before others get their turn."""

DAY_S = 86_400.0
OPEN_END = 1e12
"""Without an end, what is reported while we read is told too."""

ID_MAX = 2**63 - 1

_NUMBERS = ("desired", "combined", "queue_size", "min_workers", "max_workers", "count")
"""What a list shows of a decision; the whole of it is some kilobytes."""

router = APIRouter(tags=["history"])


class PageQuery(RangeQuery):
    """Which part of the past, newest first; without a start, from the beginning."""

    action: list[Literal["scale_up", "scale_down", "hold"]] = Field(
        default=[], max_length=3, description="Any of these."
    )
    reason: list[Reason] = Field(default=[], max_length=50, description="Any of these.")
    cursor: int | None = Field(
        default=None, ge=1, le=ID_MAX, description="`next_cursor` of the page before."
    )
    limit: int = Field(default=100, ge=1, le=PAGE_MAX, description="Entries on a page at most.")
    full: bool = Field(
        default=False, description="Whether decisions are told whole, some kilobytes each."
    )


class EventsQuery(PageQuery):
    """Likewise, of these kinds."""

    kind: list[EventKind] = Field(default=[], max_length=10, description="Any of these.")


class SamplesQuery(RangeQuery):
    """Which range, in how many points; without a start, the last 24 hours."""

    points: int = Field(
        default=360, ge=1, le=POINTS_MAX, description="Samples at most; minutes are merged."
    )


class AtQuery(Query):
    """Which moment."""

    at: Moment | None = Field(
        default=None, description="The moment; without it, now.", examples=["2h ago"]
    )


_DECISIONS = frozenset({EventKind.DECISION})


@router.get(
    "/apps/{namespace}/{name}/decisions",
    operation_id="list_decisions",
    summary="Decisions of an app that acted or changed their reason",
    response_model=EventPage,
    responses=problems(404, 422),
)
async def list_decisions(
    request: Request, key: KnownKey, sources: From, query: Annotated[PageQuery, FromQuery()]
) -> Response:
    """Return decisions, newest first."""
    return await _page(request, sources, key, query, _DECISIONS)


@router.get(
    "/apps/{namespace}/{name}/decisions/{id}",
    operation_id="get_decision",
    summary="A decision with its explanation",
    response_model=DecisionView,
    responses=problems(404, 422),
)
async def get_decision(
    key: KnownKey, sources: From, id: Annotated[int, Path(ge=1, le=ID_MAX - 1)]  # noqa: A002 - the path's word
) -> Response:  # fmt: skip
    """Return one decision of the history, whole, in words and in steps."""
    query = EventQuery(app=key, kinds=_DECISIONS, before=id + 1, limit=1)
    for event in await sources.past().events(query):
        if event.id == id:
            return json_response(_told(event))
    raise Problem(404, f"The history has no decision {id} of {key}.")


@router.get(
    "/apps/{namespace}/{name}/explanation",
    operation_id="explain",
    summary="What was decided at a moment, and why",
    response_model=DecisionView,
    responses=problems(404, 422),
)
async def explain(key: KnownKey, sources: From, query: Annotated[AtQuery, FromQuery()]) -> Response:
    """Return the decision in force at a moment of the past, or now, in words and in steps."""
    if query.at is None:
        return json_response(_now(sources, key))
    at = moment_of("at", query.at, sources.clock.now())
    event = await sources.past().event_at(key, at)
    if event is None:
        raise Problem(404, f"The history has no decision of {key} at or before {query.at}.")
    return json_response(_told(event))


@router.get(
    "/apps/{namespace}/{name}/events",
    operation_id="list_app_events",
    summary="Everything that happened to an app",
    response_model=EventPage,
    responses=problems(404, 422),
)
async def list_app_events(
    request: Request, key: KnownKey, sources: From, query: Annotated[EventsQuery, FromQuery()]
) -> Response:
    """Return decisions, scale requests, raced removals, and orders by hand, newest first."""
    return await _page(request, sources, key, query, frozenset(query.kind))


@router.get(
    "/events",
    operation_id="list_events",
    summary="Everything that happened",
    response_model=EventPage,
    responses=problems(422),
)
async def list_events(
    request: Request, sources: From, query: Annotated[EventsQuery, FromQuery()]
) -> Response:
    """Return the events of all apps and of the platform, newest first."""
    return await _page(request, sources, None, query, frozenset(query.kind))


@router.get(
    "/apps/{namespace}/{name}/samples",
    operation_id="list_samples",
    summary="Numbers over time, for plots",
    response_model=SampleList,
    responses=problems(404, 422),
)
async def list_samples(
    request: Request, key: KnownKey, sources: From, query: Annotated[SamplesQuery, FromQuery()]
) -> Response:
    """Return at most `points` samples in order of time; a minute each, more where merged."""
    asked = range_of(query.start, query.end, sources.clock.now(), default_s=DAY_S)
    samples = await sources.past().samples(key, asked.start, asked.end, points=query.points)
    head = {
        "start": moment("at", asked.start)["at"],
        "end": moment("at", asked.end)["at"],
        "count": len(samples),
    }
    return stream(request, _chunks(head, samples, _sample), "application/json")


async def _page(
    request: Request,
    sources: Sources,
    key: AppKey | None,
    query: PageQuery,
    kinds: frozenset[EventKind],
) -> Response:
    asked = range_of(query.start, query.end, sources.clock.now(), default_s=None)
    found = await sources.past().events(
        EventQuery(
            app=key,
            start=asked.start,
            end=OPEN_END if query.end is None else asked.end,
            kinds=kinds,
            actions=frozenset(query.action),
            reasons=frozenset(reason.value for reason in query.reason),
            before=query.cursor,
            limit=query.limit + 1,
        )
    )
    page, more = found[: query.limit], len(found) > query.limit
    head = {"count": len(page), "next_cursor": page[-1].id if more else None}
    return stream(
        request, _chunks(head, page, _whole if query.full else _brief), "application/json"
    )


def _chunks(head: dict[str, Any], items: Sequence[Any], show: Any) -> Iterator[bytes]:
    yield msgspec.json.encode(head)[:-1] + b',"items":['
    for start in range(0, len(items), ITEMS_PER_CHUNK):
        shown = [show(item) for item in items[start : start + ITEMS_PER_CHUNK]]
        yield (b"," if start else b"") + msgspec.json.encode(shown)[1:-1]
    yield b"]}"


def _whole(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "namespace": None if event.app is None else event.app.namespace,
        "app": None if event.app is None else event.app.name,
        **moment("at", event.at),
        "kind": event.kind.value,
        "action": event.action,
        "reason": event.reason,
        "message": event.message,
        "fields": dict(event.fields),
    }


def _brief(event: Event) -> dict[str, Any]:
    whole = _whole(event)
    if event.kind is EventKind.DECISION:
        whole["fields"] = {key: event.fields.get(key) for key in _NUMBERS}
    return whole


def _told(event: Event) -> dict[str, Any]:
    fields = dict(event.fields)
    try:
        words = explanation(fields)
    except (KeyError, TypeError):  # written by a version that knew fewer fields
        words = {"text": event.message, "steps": []}
    return {"id": event.id, **moment("at", event.at), "decision": fields, "explanation": words}


def _now(sources: Sources, key: AppKey) -> dict[str, Any]:
    decision = sources.known(key).decision
    if decision is None:
        raise Problem(404, f"Nothing was decided for {key} yet.")
    fields = decision_fields(decision)
    return {
        "id": None,
        **moment("at", decision.at),
        "decision": fields,
        "explanation": explanation(fields),
    }


def _sample(sample: Sample) -> dict[str, Any]:
    fields = asdict(sample)
    return {**moment("at", fields.pop("at")), **fields}
