"""Where to tell, about what, and when not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from fnmatch import fnmatchcase

from autoscaler.model import AppKey
from autoscaler.notifications.notice import Event, Notice, Severity
from autoscaler.policies.cron_windows import When, is_open


class Format(StrEnum):
    """Forms of a message."""

    GENERIC = "generic"
    SLACK = "slack"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which only what is at least of ``severity`` is sent."""

    zone: tzinfo
    windows: tuple[When, ...]
    severity: Severity = Severity.CRITICAL

    def holds_back(self, notice: Notice, now: float) -> bool:
        """Whether a notice is not sent at ``now`` (epoch seconds)."""
        if notice.severity >= self.severity or notice.event is Event.TEST:
            return False
        moment = datetime.fromtimestamp(now, UTC)
        return any(is_open(window, self.zone, moment) for window in self.windows)


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Attributes:
        name: in logs and metrics. address, secret: read the webhook's address and its signing
            secret; they may open a file, and raise :class:`OSError` or :class:`ValueError`.
        token_file: of a bearer token; empty for none.
        events: what to tell. reasons: whose begin and end are told, by value.
        apps: patterns of ``namespace/name`` or ``name``. severity: the least that is sent.
        after_s: trouble is told once it lasted so long. window_s: the same is told once in so
            long. timeout_s: the longest time for one request.
    """

    name: str
    format: Format
    address: Callable[[], str]
    secret: Callable[[], str] | None = None
    token_file: str = ""
    events: frozenset[Event] = frozenset(Event)
    reasons: frozenset[str] = frozenset()
    apps: tuple[str, ...] = ("*",)
    severity: Severity = Severity.INFO
    after_s: float = 60.0
    window_s: float = 600.0
    quiet: Quiet | None = None
    timeout_s: float = 10.0

    def is_about(self, app: AppKey) -> bool:
        """Whether it wants to hear of an app."""
        whole = f"{app.namespace}/{app.name}"
        return any(
            fnmatchcase(whole if "/" in pattern else app.name, pattern) for pattern in self.apps
        )

    def wants(self, notice: Notice) -> bool:
        """Whether it wants to hear of such a thing at all."""
        return notice.event in self.events and notice.severity >= self.severity
