"""What the platform says of an app as a whole, apart from its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autoscaler.model.observation import AppKey


class Scaler(StrEnum):
    """Who scales an app, by the section of its manifest's ``autoscaler``."""

    MANUAL = "manual"
    """Scaled through the API: the only kind this program touches."""
    BUILTIN = "builtin"
    CONTAINER = "container"
    THIRD_PARTY = "thirdParty"
    UNKNOWN = "unknown"
    """The manifest names none of the above."""

    @property
    def is_platform(self) -> bool:
        """Whether the platform scales the app itself, so that we must not."""
        return self in (Scaler.BUILTIN, Scaler.CONTAINER, Scaler.THIRD_PARTY)


class AppStatus(StrEnum):
    """Life of an app on the platform."""

    DEPLOYED = "deployed"
    PAUSED = "paused"
    TERMINATING = "terminating"
    DELETED = "deleted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AppInfo:
    """One app of ``GET apps``.

    Attributes:
        key: namespace and name. scaler: who scales it. status: its life.
        labels: as in the manifest. desired_worker, ready_worker: the platform's own counts.
    """

    key: AppKey
    scaler: Scaler
    status: AppStatus
    labels: Mapping[str, str]
    desired_worker: int = 0
    ready_worker: int = 0
