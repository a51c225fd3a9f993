"""Turns a log event into one line: JSON for machines, aligned text for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

from autoscaler.telemetry.redaction import cut_secrets, mask_mapping

_FIRST = ("time", "level", "event")


def mask_secret_keys(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask what stands under a secret key; a processor of structlog."""
    return mask_mapping(event)


def _plain(value: Any) -> Any:
    """Give the encoder something it knows for a type that it does not."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    return repr(value)


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def to_json(value: Any) -> str:
    """Return compact JSON for any value; what JSON lacks is written as text.

    The slower path takes what the fast encoder refuses: keys that are no strings, lone surrogates.
    """
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return json.dumps(_stringify(value), default=repr)


def _stringify(value: Any, depth: int = 0) -> Any:
    if depth > 8:  # noqa: PLR2004 - as deep as masking goes
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _stringify(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_stringify(item, depth + 1) for item in value]
    return value if isinstance(value, (str, int, bool)) or value is None else repr(value)


def render_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Write one line of JSON that begins with time, level and event."""
    ordered = {key: event.pop(key) for key in _FIRST if key in event}
    ordered.update(event)
    return cut_secrets(to_json(ordered))


class ConsoleLine:
    """Writes one readable line; nested explanations are shortened to what a person scans for."""

    def __init__(self, *, colors: bool) -> None:
        """Take whether the terminal shows colours."""
        self._render = structlog.dev.ConsoleRenderer(
            colors=colors,
            timestamp_key="time",
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=20,
        )

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Render the event, without what is empty."""
        shown = {key: _short(value) for key, value in event.items() if not _is_empty(value)}
        if "exception" in event:  # its line breaks are wanted
            shown["exception"] = str(event["exception"]).replace("\x1b", r"\x1b")
        return cut_secrets(self._render(logger, name, shown))


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple, dict)) and not value)


def _short(value: Any) -> Any:
    """``{a: 1, b: 0}`` as ``a=1``; lists joined by commas; control characters made visible."""
    if isinstance(value, str):
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_short(item)}" for key, item in value.items() if item)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(_short(item)) for item in value)
    return value
