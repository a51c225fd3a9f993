"""Messages to people: where to, about what, and when not.

The address of such a webhook is a key to it, so it is treated as a secret.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator

from autoscaler.model import Reason
from autoscaler.policies import PositiveDuration
from autoscaler.policies.cron_windows import parse_cron
from autoscaler.policies.params import Duration
from autoscaler.policies.schedule import TimeZone
from autoscaler.settings.app import NAME_PATTERN
from autoscaler.settings.sections import FilePath, Section

EventName = Literal["began", "ended", "scaled", "failed", "raced", "by_hand"]
SeverityName = Literal["info", "warning", "critical"]
_USUAL: tuple[EventName, ...] = ("began", "ended", "failed", "raced", "by_hand")


def _address(value: SecretStr) -> SecretStr:
    """Check an address; the error must not repeat it."""
    if not is_address(value.get_secret_value()):
        raise ValueError("must be an address such as https://hooks.example.com/…")
    return value


def is_address(url: str) -> bool:
    """Whether a text can be the address of a webhook."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and url.isprintable() and not any(c.isspace() for c in url)


def _reason(value: str) -> str:
    known = [reason.value for reason in Reason]
    if value not in known:
        near = get_close_matches(value, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; docs/reasons.md lists them"
        raise ValueError(f"there is no such reason{hint}")
    return value


class QuietWindowSettings(Section):
    """One window of quiet hours."""

    cron: str = Field(
        description="Five fields (minute hour day month weekday); without `duration` it is quiet "
        "in every minute that matches, e.g. `* 0-7 * * *`.",
    )
    duration: PositiveDuration | None = Field(
        default=None, description="Quiet for so long from each start of cron."
    )

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, text: str) -> str:
        parse_cron(text)
        return text


class QuietSettings(Section):
    """When only what is severe is sent."""

    timezone: TimeZone = Field(default="UTC", description="IANA time zone, e.g. Asia/Shanghai.")
    windows: Annotated[tuple[QuietWindowSettings, ...], Field(min_length=1)] = Field(
        description="When it is quiet."
    )
    severity: SeverityName = Field(
        default="critical", description="Least severity that is sent all the same."
    )


class NotificationSettings(Section):
    """One target of messages."""

    name: str = Field(
        pattern=NAME_PATTERN, max_length=100, description="Name in logs and metrics, unique."
    )
    format: Literal["generic", "slack", "feishu", "dingtalk"] = Field(
        default="generic", description="Form of the message; generic is plain JSON."
    )
    url: Annotated[SecretStr, AfterValidator(_address)] | None = Field(
        default=None,
        description="Address of the webhook. It is a secret: better put it into url_file.",
    )
    url_file: FilePath | None = Field(
        default=None, description="File with the address, read again before each message."
    )
    secret_file: FilePath | None = Field(
        default=None,
        description="File with the signing secret of feishu or dingtalk, read before each message.",
    )
    token_file: FilePath | None = Field(
        default=None, description="File with a bearer token for generic."
    )
    events: Annotated[tuple[EventName, ...], Field(min_length=1)] = Field(
        default=_USUAL,
        description="What to tell: trouble `began` and `ended`; a request was `scaled` or "
        "`failed`; a removal `raced`; an order `by_hand`.",
        json_schema_extra={"default": f"[{', '.join(_USUAL)}]"},
    )
    reasons: tuple[Annotated[str, AfterValidator(_reason)], ...] = Field(
        default=(),
        description="Reasons whose begin and end are told; none means those of trouble "
        "(docs/notifications.md).",
    )
    apps: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default=("*",),
        description="Apps to tell of, as NAMESPACE/NAME or NAME; `*`, `?` and `[…]` as in file "
        "names.",
        json_schema_extra={"default": '["*"]'},
    )
    severity: SeverityName = Field(default="info", description="Least severity that is sent.")
    after: Duration = Field(default=60.0, description="Trouble is told once it lasted so long.")
    window: Duration = Field(
        default=600.0, description="The same of the same app is told once in so long."
    )
    quiet: QuietSettings | None = Field(default=None, description="Quiet hours; null for none.")
    timeout: PositiveDuration = Field(default=10.0, description="Longest time for one request.")
