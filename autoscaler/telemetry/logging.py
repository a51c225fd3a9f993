"""Sets up logging: one line per event, in the same form whoever wrote it.

Our own events go through structlog straight to the stream. Those of libraries that use the
standard library's logging (uvicorn, apscheduler, aiohttp) join them, from warnings up.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

from autoscaler.telemetry.rendering import ConsoleLine, mask_secret_keys, render_json

LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LineWriter:
    """The last link of structlog's chain: writes a finished line and flushes it.

    A stream that is closed or whose reader has gone must not stop the scaling, so such a line is
    dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write the line in one call, so that lines of two threads do not mix."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    msg = debug = info = warning = warn = error = critical = exception = log = write


class _StandardLibraryHandler(logging.Handler):
    """Hands records of the standard library's logging to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as an event; a record that cannot be formatted is said so."""
        try:
            event = record.getMessage()
        except Exception as error:  # noqa: BLE001 - a library's bad format string is not our end
            event = f"{record.msg!r} (arguments do not fit: {error})"
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        structlog.get_logger().log(_known_level(record.levelno), "%s", event, **fields)


def _known_level(level: int) -> int:
    """Return the standard level at or below a level that a library made up."""
    return min(logging.CRITICAL, max(logging.DEBUG, level // 10 * 10))


def configure_logging(
    level: LogLevel = "info", log_format: LogFormat = "auto", stream: TextIO | None = None
) -> None:
    """Set up logging for the process; a second call replaces the first.

    Args:
        level: the least level that is written; libraries are never below warning.
        log_format: ``json``; ``console``, for people; ``auto``: console on a terminal, else JSON.
        stream: where to; standard error by default.
    """
    target = sys.stderr if stream is None else stream
    console = log_format == "console" or (log_format == "auto" and target.isatty())
    structlog.configure(
        processors=_processors(console=console, colors=target.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: LineWriter(target),
        cache_logger_on_first_use=False,  # a second call must reach loggers that exist
    )
    _route_standard_library(max(_LEVELS[level], logging.WARNING))


def _processors(*, console: bool, colors: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
        mask_secret_keys,
        ConsoleLine(colors=colors) if console else render_json,
    ]


def _route_standard_library(level: int) -> None:
    """Replace our handler on the root logger, and leave those of others alone."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _StandardLibraryHandler):
            root.removeHandler(handler)
    root.addHandler(_StandardLibraryHandler(level))
    logging.captureWarnings(capture=True)
