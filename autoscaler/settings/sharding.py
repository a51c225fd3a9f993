"""The section ``sharding``: replicas that share the apps out instead of waiting for each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from autoscaler.settings.finding import Finding
from autoscaler.settings.sections import Section, refuse_bool

if TYPE_CHECKING:
    from autoscaler.settings.model import Settings

SHARDS_MAX = 256


class ShardingSettings(Section):
    """How replicas share the apps out."""

    shards: Annotated[int, Field(ge=1, le=SHARDS_MAX), BeforeValidator(refuse_bool)] = Field(
        default=1,
        description="Parts into which the apps are split, each with a lease of its own; every "
        "replica acts for some of them. 1: one replica acts for all apps. Needs leader_election; "
        "three or four for each replica spread well.",
    )


def sharding_findings(settings: Settings) -> Iterator[Finding]:
    """Yield what cannot work with several shards."""
    shards = ("sharding", "shards")
    count = settings.sharding.shards
    if count == 1:
        return
    if settings.leader_election.mode == "none":
        message = f"is {count}, which needs leader_election: the leases say who acts for which app"
        uses = (shards, ("leader_election", "mode"))
        hint = "set leader_election.mode, or shards: 1"
        yield Finding(shards, message, uses, hint=hint)
    for key in ("max_workers", "max_price_per_hour"):
        if getattr(settings.fleet, key) is not None:
            message = (
                f"cannot be kept with sharding.shards {count}: each replica sees only the workers "
                "of its own apps"
            )
            hint = "take it out, or set sharding.shards: 1"
            yield Finding(("fleet", key), message, (("fleet", key), shards), hint=hint)
    if not settings.state.shared:
        path = ("state", "path")
        message = (
            f"is not used with sharding.shards {count}: memory lives only as long as a replica "
            "has a shard, and whoever gets it next lets its apps wait"
        )
        hint = "set state.url_file, a database that all replicas share"
        yield Finding(path, message, (path, shards), "warning", hint)
