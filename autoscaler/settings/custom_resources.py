"""The section ``custom_resources``: apps given as objects of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from autoscaler.settings.finding import Finding
from autoscaler.settings.sections import Section

ALL_NAMESPACES = "*"
_NAMESPACE = r"^(\*|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$"


class CustomResourcesSettings(Section):
    """Apps given as WorkerAutoscaler objects, beside those of the file."""

    enabled: bool = Field(
        default=False,
        description="Whether WorkerAutoscaler objects of the cluster are read as well.",
    )
    namespaces: tuple[Annotated[str, Field(pattern=_NAMESPACE, max_length=63)], ...] = Field(
        default=(),
        description="Namespaces of the cluster to read them from; `*` for all. Without any: "
        "POD_NAMESPACE, else that of the service account or the kubeconfig.",
    )


def custom_resources_findings(given: CustomResourcesSettings) -> Iterator[Finding]:
    """Yield what is wrong with the section."""
    path = ("custom_resources", "namespaces")
    if ALL_NAMESPACES in given.namespaces and len(given.namespaces) > 1:
        yield Finding(path, "must not name others beside `*`, which takes all", (path,))
    if len(set(given.namespaces)) < len(given.namespaces):
        yield Finding(path, "must not name a namespace twice", (path,))
    if given.namespaces and not given.enabled:
        hint = "set custom_resources.enabled"
        yield Finding(path, "is not used while enabled is false", (path,), "warning", hint)
