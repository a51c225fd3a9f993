"""The program itself: how it does, what it was told, which policies it has."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from autoscaler.policies import policies
from autoscaler.settings.reference import parameters
from autoscaler.settings.written import written
from autoscaler.telemetry.serialize import moment
from autoscaler.web.api.models import ConfigView, HealthDetails, PolicyList
from autoscaler.web.api.parameters import KnownKey, problems
from autoscaler.web.api.sources import From, Sources
from autoscaler.web.problems import Problem
from autoscaler.web.responses import json_response
from autoscaler.web.views import leader_fields

router = APIRouter(tags=["service"])


@router.get(
    "/health",
    operation_id="get_health",
    summary="How the program does",
    response_model=HealthDetails,
    responses=problems(),
)
async def health(sources: From) -> Response:
    """Return details; for probes there are /livez and /readyz, which never need a token."""
    live, detail = sources.health.live()
    ready, missing = sources.health.ready()
    fields = {
        "live": live,
        "live_detail": detail,
        "ready": ready,
        "missing": list(missing),
        "version": sources.version,
        "uptime_s": max(0.0, sources.clock.now() - sources.started_at),
        "apps": len(sources.snapshot),
        "listeners": len(sources.changes),
        "acting": sources.doorkeeper.access.action is not None,
        "history": await _history(sources),
        "leader": leader_fields(sources.leadership),
    }
    return json_response(fields | dict(sources.details()))


@router.get(
    "/config",
    operation_id="get_config",
    summary="The configuration in force, but for its apps",
    response_model=ConfigView,
    responses=problems(),
)
async def config(sources: From) -> Response:
    """Return every section, defaults included; `apps` is their number."""
    return json_response({"config": sources.configuration.whole()})


@router.get(
    "/apps/{namespace}/{name}/config",
    operation_id="get_app_config",
    summary="The configuration of an app that is in force",
    response_model=ConfigView,
    responses=problems(404, 422),
)
async def app_config(key: KnownKey, sources: From) -> Response:
    """Return every key of an app with its value, whether given, inherited or built in."""
    settings = sources.configuration.app(key)
    if settings is None:
        raise Problem(404, f"{key} has left the configuration.")
    return json_response({"config": written(settings)})


@router.get(
    "/policies",
    operation_id="list_policies",
    summary="The kinds of policy",
    response_model=PolicyList,
    responses=problems(),
)
async def list_policies() -> Response:
    """Return what can stand under `policies`, plug-ins included, with the parameters of each."""
    items = _policies()
    return json_response({"count": len(items), "items": items})


async def _history(sources: Sources) -> dict[str, Any] | None:
    if sources.history is None:
        return None
    told = await sources.history.health()
    return {
        "writing": told.writing,
        "error": told.error,
        "backlog": told.backlog,
        "lost": told.lost,
        **moment("oldest", told.oldest),
        "size_bytes": told.size_bytes,
    }


@cache
def _policies() -> list[dict[str, Any]]:
    return [
        {
            "type": kind,
            "parameters": [
                {"name": p.name, "type": p.type, "default": p.default, "meaning": p.meaning}
                for p in parameters(kind)
            ],
        }
        for kind in policies()
    ]
