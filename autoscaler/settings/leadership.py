"""The section ``leader_election``: which of several replicas acts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from autoscaler.policies import PositiveDuration
from autoscaler.settings.fields import has
from autoscaler.settings.finding import Finding
from autoscaler.settings.sections import FilePath, Section

MARGIN_S = 2.0
"""Least time between the moment a leader stops and the moment another may begin."""
TRIES_MIN = 2
"""A leader must be able to fail to renew at least once without losing its lead."""
_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_NAMESPACE = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_IDENTITY = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"


def _whole_seconds(value: float) -> float:
    """Refuse what a Lease cannot hold."""
    if value != int(value):
        raise ValueError("must be whole seconds: a Lease holds no fractions")
    return value


class LeaderElectionSettings(Section):
    """Which of several replicas acts; the others stand by."""

    mode: Literal["none", "kubernetes", "file"] = Field(
        default="none",
        description="none: this is the only one; kubernetes: a Lease decides; file: a folder that "
        "all replicas share does.",
    )
    lease_name: Annotated[str, Field(pattern=_NAME, max_length=253)] = Field(
        default="autoscaler", description="Name of the Lease; one per set of replicas."
    )
    namespace: Annotated[str, Field(pattern=_NAMESPACE, max_length=63)] | None = Field(
        default=None,
        description="Namespace of the Lease; without it POD_NAMESPACE, else that of the service "
        "account or the kubeconfig.",
    )
    identity: Annotated[str, Field(pattern=_IDENTITY, max_length=200)] | None = Field(
        default=None,
        description="Name of this replica, to which something unique is added; without it "
        "POD_NAME, else the host's name.",
    )
    lease_duration: Annotated[PositiveDuration, AfterValidator(_whole_seconds)] = Field(
        default=15.0,
        description="How long the lease must stand unchanged before another replica takes over.",
    )
    renew_deadline: PositiveDuration = Field(
        default=10.0,
        description="How long a leader acts on after its last renewal; its calls end before "
        "lease_duration is over.",
    )
    retry_period: PositiveDuration = Field(
        default=2.0, description="Longest pause between two tries to renew or to take the lease."
    )
    path: FilePath | None = Field(
        default=None, description="With mode file: a folder that all replicas share."
    )


def leadership_findings(given: LeaderElectionSettings, data: dict[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the section; nothing of it matters while the mode is none."""
    section = "leader_election"
    if given.mode == "none":
        return
    duration, deadline = (section, "lease_duration"), (section, "renew_deadline")
    uses = (deadline, duration)
    latest_s = given.lease_duration - MARGIN_S
    if given.renew_deadline > latest_s:
        why = "a call under way must be over before another replica may act"
        if has(data, deadline):
            less = f"less than lease_duration ({given.lease_duration:g}s)"
            yield Finding(deadline, f"must be at least {MARGIN_S:g}s {less}: {why}", uses)
        else:
            more = f"more than renew_deadline ({given.renew_deadline:g}s)"
            yield Finding(duration, f"must be at least {MARGIN_S:g}s {more}: {why}", uses)
    if given.retry_period * TRIES_MIN > given.renew_deadline:
        message = (
            f"must be at most half of renew_deadline ({given.renew_deadline:g}s), or one failed "
            "try would end the lead"
        )
        yield Finding((section, "retry_period"), message, ((section, "retry_period"), deadline))
    path = (section, "path")
    if given.mode == "file" and given.path is None:
        message = "is required with mode file"
        yield Finding(path, message, (path,), hint="a folder that all replicas share")
    elif given.mode != "file" and given.path is not None:
        yield Finding(path, f"is not used with mode {given.mode}", (path,), "warning")
