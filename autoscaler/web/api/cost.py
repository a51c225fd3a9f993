"""``/cost``: what an app or all together took, and what was saved against two other ways."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from starlette.responses import Response

from autoscaler.model import AppKey
from autoscaler.ports import Cost
from autoscaler.settings.sections import MAX_WORKERS
from autoscaler.telemetry.serialize import moment
from autoscaler.web.api.models import CostView
from autoscaler.web.api.parameters import KnownKey, RangeQuery, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.api.times import range_of
from autoscaler.web.responses import json_response

DAY_S = 86_400.0

router = APIRouter(tags=["cost"])


class CostQuery(RangeQuery):
    """Over which range, and beside which fixed size; without a start, the last 24 hours."""

    fixed_workers: int | None = Field(
        default=None,
        ge=0,
        le=MAX_WORKERS,
        description="Fixed number of workers to compare with; without it, the most workers that "
        "were seen in the range.",
    )


_Asked = Annotated[CostQuery, FromQuery()]


@router.get(
    "/apps/{namespace}/{name}/cost",
    operation_id="get_app_cost",
    summary="What an app took",
    response_model=CostView,
    responses=problems(404, 422),
)
async def app_cost(key: KnownKey, sources: From, query: _Asked) -> Response:
    """Return worker-seconds and money, and what was saved against max_workers and a fixed size."""
    return await _answer(sources, key, query)


@router.get(
    "/cost",
    operation_id="get_cost",
    summary="What all apps together took",
    response_model=CostView,
    responses=problems(422),
)
async def cost(sources: From, query: _Asked) -> Response:
    """Return the same over all apps, those that have left the configuration since included."""
    return await _answer(sources, None, query)


async def _answer(sources: Sources, key: AppKey | None, query: CostQuery) -> Response:
    asked = range_of(query.start, query.end, sources.clock.now(), default_s=DAY_S)
    found = await sources.past().cost(
        key, asked.start, asked.end, fixed_workers=query.fixed_workers
    )
    return json_response(cost_fields(found))


def cost_fields(cost: Cost) -> dict[str, Any]:
    """Return a cost; its money is ``None`` where no price is known."""
    priced = cost.price_per_hour > 0
    money = {
        "price_per_hour": cost.price_per_hour,
        "cost": cost.cost,
        "always_max": cost.always_max,
        "saved_vs_always_max": cost.always_max - cost.cost,
        "fixed": cost.fixed,
        "saved_vs_fixed": cost.fixed - cost.cost,
    }
    return {
        **moment("start", cost.start),
        **moment("end", cost.end),
        "seen_s": cost.seen_s,
        "worker_s": cost.worker_s,
        "busy_s": cost.busy_s,
        "fixed_workers": cost.fixed_workers,
        **(money if priced else dict.fromkeys(money)),
    }
