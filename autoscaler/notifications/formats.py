"""Messages in the forms that receivers take, their signatures, and what their replies mean.

Slack takes its own markup, in which ``& < >`` are escaped. Feishu and DingTalk answer HTTP 200 also
where they refuse, with a code in the body. DingTalk signs in the address, Feishu in the body; both
hash the time and the secret with HMAC-SHA256 (each with key and message the other way round).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from autoscaler.notifications.notice import Notice, Severity
from autoscaler.notifications.target import Format
from autoscaler.telemetry.redaction import cut_secrets
from autoscaler.telemetry.serialize import moment

LINES_MAX = 15
"""Notices named one by one in a message for people; the rest is counted."""
LINE_CHARS_MAX = 300
_SIGNS = {Severity.INFO: "ℹ️", Severity.WARNING: "⚠️", Severity.CRITICAL: "🔴"}  # noqa: RUF001
_BUSY_CODES = {
    Format.DINGTALK: frozenset({-1, 130101}),
    Format.FEISHU: frozenset({9499, 11232}),
}
"""Codes by which a receiver says that it is busy, or that we send too often."""


def body(form: Format, notices: Sequence[Notice]) -> dict[str, Any]:
    """Return the JSON of one message that tells all these notices (at least one)."""
    match form:
        case Format.GENERIC:
            return {"version": 1, "events": [_fields(each) for each in notices]}
        case Format.SLACK:
            lines = [f"*{_slack(title(notices))}*", *map(_slack, _lines(notices))]
            return {"text": "\n".join(lines)}
        case Format.FEISHU:
            # Feishu reads <at …> in text as a call to somebody.
            text = "\n".join([title(notices), *_lines(notices)]).replace("<", "(").replace(">", ")")
            return {"msg_type": "text", "content": {"text": text}}
        case Format.DINGTALK:
            text = "\n\n".join([f"**{title(notices)}**", *_lines(notices)])
            return {"msgtype": "markdown", "markdown": {"title": title(notices), "text": text}}


def signed(
    form: Format, url: str, content: dict[str, Any], secret: str, now: float
) -> tuple[str, dict[str, Any]]:
    """Return address and body with the receiver's signature; ``now``: epoch seconds."""
    if form is Format.DINGTALK:
        at = str(int(now * 1000))
        sign = _hmac(secret, f"{at}\n{secret}")
        return str(httpx.URL(url).copy_merge_params({"timestamp": at, "sign": sign})), content
    at = str(int(now))
    return url, {"timestamp": at, "sign": _hmac(f"{at}\n{secret}", ""), **content}


def refusal(form: Format, reply: Any) -> tuple[str, bool]:
    """Return how a reply with HTTP 2xx refuses, empty if not, and whether to try again."""
    if form not in _BUSY_CODES or not isinstance(reply, dict):
        return "", False
    code = reply.get("errcode") if form is Format.DINGTALK else reply.get("code", 0)
    if code in (0, "0"):
        return "", False
    shown = code if isinstance(code, int) else "none"
    return f"refused it with code {shown}", code in _BUSY_CODES[form]


def title(notices: Sequence[Notice]) -> str:
    """Return a heading; it begins with the program's name, by which receivers may filter."""
    if len(notices) == 1:
        return f"autoscaler: {_headline(notices[0])}"
    counts = Counter(each.event.value for each in notices)
    return f"autoscaler: {', '.join(f'{count} {event}' for event, count in counts.items())}"


def _headline(one: Notice) -> str:
    parts = [str(one.app) if one.app is not None else "", one.event.value, one.reason]
    return " ".join(part for part in parts if part)


def _lines(notices: Sequence[Notice]) -> list[str]:
    worst_first = sorted(notices, key=lambda each: -each.severity)
    lines = [_line(each) for each in worst_first[:LINES_MAX]]
    if len(notices) > LINES_MAX:
        lines.append(f"and {len(notices) - LINES_MAX} more")
    return lines


def _line(one: Notice) -> str:
    text = cut_secrets(f"{_SIGNS[one.severity]} {_headline(one)}: {one.text}")
    text = " ".join(text.split())
    return text if len(text) <= LINE_CHARS_MAX else text[: LINE_CHARS_MAX - 1] + "…"


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fields(one: Notice) -> dict[str, Any]:
    fields = {
        "event": one.event.value,
        "severity": one.severity.name.lower(),
        "namespace": None if one.app is None else one.app.namespace,
        "app": None if one.app is None else one.app.name,
        **moment("at", one.at),
        "reason": one.reason or None,
        "text": one.text,
        "fields": dict(one.fields),
    }
    clean: dict[str, Any] = json.loads(cut_secrets(json.dumps(fields, ensure_ascii=False)))
    return clean


def _hmac(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
