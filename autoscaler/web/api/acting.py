"""Orders by hand: pause, resume, override, boost. Each needs a token, and says who and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from autoscaler.model import AppKey, Intervention, InterventionKind
from autoscaler.model.errors import StateError
from autoscaler.policies import parse_duration
from autoscaler.ports import Interventions
from autoscaler.settings.sections import MAX_WORKERS
from autoscaler.web.api.guard import GuardedRoute
from autoscaler.web.api.models import Acted
from autoscaler.web.api.parameters import Key, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.problems import Problem, wrong_value
from autoscaler.web.responses import json_response
from autoscaler.web.views import intervention_fields

FOR_MIN_S = 60.0
FOR_MAX_S = 7 * 86_400.0
_FOR_RULE = "must be from 1m to 7d"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
_NOT_KEPT = (
    "The order holds, but could not be written down: a restart of the program would forget it. "
    "The program's log says why."
)
_ALL = tuple(InterventionKind)

_token = HTTPBearer(
    scheme_name="actionToken",
    description="A token of the file that server.action_token_file names.",
    auto_error=False,  # the guard has checked it before, in this program's words
)
router = APIRouter(tags=["acting"], route_class=GuardedRoute, dependencies=[Security(_token)])
_PROBLEMS = problems(400, 403, 404, 413, 415, 422, 429)

Text = Annotated[str, Field(min_length=1, max_length=500, pattern=_ONE_LINE)]
Span = Annotated[
    str,
    Field(
        min_length=2,
        max_length=32,
        pattern=r"^([0-9]{1,7}(s|m|h|d))+$",
        description="How long, from 1m to 7d; then it ends by itself.",
        examples=["30m", "2h"],
    ),
]
WorkersCount = Annotated[int, Field(ge=0, le=MAX_WORKERS, strict=True, examples=[4])]


class Order(BaseModel):
    """What every order says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: Text = Field(description="Why, for the history.", examples=["load test until noon"])
    by: Annotated[str, Field(max_length=100, pattern=_ONE_LINE)] | None = Field(
        default=None,
        description="Who, where several people share a token; the token's name is noted anyway.",
        examples=["alice"],
    )


class PauseOrder(Order):
    """Do nothing in a direction."""

    direction: Literal["both", "up", "down"] = "both"
    for_: Span | None = Field(
        default=None, alias="for", description="How long, from 1m to 7d; null: until resumed."
    )


class ResumeOrder(Order):
    """Go back to what policies want."""

    kinds: Annotated[list[InterventionKind], Field(min_length=1, max_length=3)] = Field(
        default=list(_ALL), description="Which orders end; all, where left out."
    )


class OverrideOrder(Order):
    """Want this number, whatever policies say; bounds and guards hold."""

    workers: WorkersCount
    for_: Span = Field(alias="for")


class BoostOrder(Order):
    """Want at least this number; policies may want more."""

    workers: WorkersCount
    for_: Span = Field(alias="for")


@router.post(
    "/apps/{namespace}/{name}/pause",
    operation_id="pause_app",
    summary="Pause an app, or one direction",
    response_model=Acted,
    responses=_PROBLEMS,
)
async def pause(request: Request, key: Key, order: PauseOrder, sources: From) -> Response:
    """Leave the app alone until it is resumed, or for a while. Repeating it is harmless."""
    ends = _until(order.for_, sources.clock.now())
    return await _put(
        request, sources, key, order, InterventionKind.PAUSE, ends, direction=order.direction
    )


@router.post(
    "/apps/{namespace}/{name}/override",
    operation_id="override_app",
    summary="Set the wanted number of workers by hand, for a while",
    response_model=Acted,
    responses=_PROBLEMS,
)
async def override(request: Request, key: Key, order: OverrideOrder, sources: From) -> Response:
    """Want exactly so many workers. The app's bounds and every guard hold as before."""
    _refuse_out_of_bounds(sources, key, order.workers, least=True)
    ends = _until(order.for_, sources.clock.now())
    return await _put(
        request, sources, key, order, InterventionKind.OVERRIDE, ends, workers=order.workers
    )


@router.post(
    "/apps/{namespace}/{name}/boost",
    operation_id="boost_app",
    summary="Want at least so many workers, for a while",
    response_model=Acted,
    responses=_PROBLEMS,
)
async def boost(request: Request, key: Key, order: BoostOrder, sources: From) -> Response:
    """Raise what policies want to this number, say before an event that they cannot foresee."""
    _refuse_out_of_bounds(sources, key, order.workers, least=False)
    ends = _until(order.for_, sources.clock.now())
    return await _put(
        request, sources, key, order, InterventionKind.BOOST, ends, workers=order.workers
    )


@router.post(
    "/apps/{namespace}/{name}/resume",
    operation_id="resume_app",
    summary="End orders by hand",
    response_model=Acted,
    responses=_PROBLEMS,
)
async def resume(request: Request, key: Key, order: ResumeOrder, sources: From) -> Response:
    """End what people ordered, all of it or some kinds. Where nothing held, nothing happens."""
    orders = _orders(sources, key)
    kinds, before = frozenset(order.kinds), orders.in_force(key)
    ended = tuple(each for each in before if each.kind in kinds)
    who = _who(request, order)
    kept = await _kept(key, lambda: orders.end(key, kinds, who, order.why)) if ended else True
    _say(key, "orders by hand ended", who=who, why=order.why, kinds=sorted(kinds))
    return _acted(sources, key, changed=bool(ended), ended=ended, kept=kept)


async def _put(
    request: Request,
    sources: Sources,
    key: AppKey,
    order: Order,
    kind: InterventionKind,
    until: float | None,
    **fields: Any,
) -> Response:
    orders, who = _orders(sources, key), _who(request, order)
    now = sources.clock.now()
    wanted = Intervention(kind, now, until, who, order.why, **fields)
    before = [each for each in orders.in_force(key) if each.kind is kind]
    if any(_same(each, wanted) for each in before):
        return _acted(sources, key, changed=False)
    kept = await _kept(key, lambda: orders.intervene(key, wanted))
    _say(key, "order by hand", kind=kind.value, who=who, why=order.why, until=until, **fields)
    return _acted(sources, key, changed=True, ended=before, kept=kept)


def _orders(sources: Sources, key: AppKey) -> Interventions:
    """Return who takes orders.

    Raises:
        Problem: 404, no such app is configured; 503, nobody takes orders.
    """
    if sources.interventions is None:
        raise Problem(503, "This process takes no orders by hand.")
    if not sources.interventions.knows(key):
        raise Problem(404, f"No app {key} is configured here. GET /api/v1/apps lists them.")
    return sources.interventions


async def _kept(key: AppKey, act: Callable[[], Any]) -> bool:
    """Carry out; return whether it was written down too."""
    try:
        await act()
    except KeyError:
        raise Problem(404, f"The app {key} has left the configuration.") from None
    except StateError as error:
        structlog.get_logger().error(
            "an order by hand was not written down", app=str(key), error=str(error)
        )
        return False
    return True


def _say(key: AppKey, what: str, **fields: Any) -> None:
    structlog.get_logger().info(what, namespace=key.namespace, app=key.name, **fields)


def _same(held: Intervention, wanted: Intervention) -> bool:
    """Whether an order without end holds already, word for word."""
    if held.until is not None or wanted.until is not None:
        return False
    words = (wanted.who, wanted.why, wanted.direction, wanted.workers)
    return words == (held.who, held.why, held.direction, held.workers)


def _who(request: Request, order: Order) -> str:
    actor = str(request.state.actor)
    return actor if order.by is None else f"{actor} ({order.by.strip()})"


def _until(span: str | None, now: float) -> float | None:
    if span is None:
        return None
    seconds = parse_duration(span)
    if not isinstance(seconds, float) or not FOR_MIN_S <= seconds <= FOR_MAX_S:
        raise wrong_value("body", "for", span, _FOR_RULE)
    return now + seconds


def _refuse_out_of_bounds(sources: Sources, key: AppKey, workers: int, *, least: bool) -> None:
    """Refuse a number that the app's own bounds would change anyway, naming the bound."""
    app = sources.configuration.app(key)
    if app is None:
        return
    if workers > app.max_workers:
        raise wrong_value(
            "body", "workers", workers, f"is above max_workers of {key}, which is {app.max_workers}"
        )
    low = min(app.min_workers, app.max_workers)
    if least and workers < low:
        raise wrong_value("body", "workers", workers, f"is below min_workers of {key}: {low}")


def _acted(
    sources: Sources,
    key: AppKey,
    *,
    changed: bool,
    ended: Iterable[Intervention] = (),
    kept: bool = True,
) -> Response:
    return json_response(
        {
            "namespace": key.namespace,
            "name": key.name,
            "changed": changed,
            "ended": [intervention_fields(each) for each in ended],
            "interventions": [intervention_fields(each) for each in sources.in_force(key)],
            "warning": None if kept else _NOT_KEPT,
        }
    )
