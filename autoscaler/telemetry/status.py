"""An app's state in one word, for lists, filters and the colours of a page."""

from __future__ import annotations

from enum import StrEnum

from autoscaler.model import Decision, Hold, Reason
from autoscaler.telemetry.decision_log import TROUBLE


class AppStatus(StrEnum):
    """What an app is doing, by its last decision."""

    UNSEEN = "unseen"
    """Nothing was decided yet."""
    SCALING = "scaling"
    """Workers are being ordered or removed."""
    STEADY = "steady"
    """As many workers as wanted, or they are on their way."""
    LIMITED = "limited"
    """Something keeps the number from what policies want."""
    OFF = "off"
    """Paused, scaled by the platform, or another replica leads."""
    TROUBLED = "troubled"
    """Nothing trustworthy is known, or workers fail, or somebody else interferes."""


_STEADY = frozenset(
    {Reason.AT_TARGET, Reason.ORDER_PENDING, Reason.RAISED_TO_FLOOR, Reason.WITHIN_TOLERANCE}
)
_OFF = frozenset({Reason.PAUSED, Reason.APP_PAUSED, Reason.PLATFORM_SCALED, Reason.NOT_LEADER})


def status_of(decision: Decision | None) -> AppStatus:
    """Return the state that a last decision means."""
    if decision is None:
        return AppStatus.UNSEEN
    if not isinstance(decision.action, Hold):
        return AppStatus.SCALING
    if decision.reason in _OFF:
        return AppStatus.OFF
    if decision.reason in TROUBLE:
        return AppStatus.TROUBLED
    return AppStatus.STEADY if decision.reason in _STEADY else AppStatus.LIMITED
