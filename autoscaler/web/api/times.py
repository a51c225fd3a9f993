"""Moments as people and programs write them: RFC 3339, epoch seconds, or back from now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from autoscaler.policies import parse_duration
from autoscaler.web.problems import Problem, wrong_value

PATTERN = (
    r"^(now|[0-9]{1,10}(\.[0-9]{1,9})?"
    r"|-([0-9]{1,9}(ms|s|m|h|d))+"
    r"|([0-9]{1,9}(ms|s|m|h|d))+ ago"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+ -][0-9]{2}:[0-9]{2}))$"
)
"""What a moment looks like; a blank before an offset is a plus sign that nobody escaped."""

RULE = (
    "must be RFC 3339 with an offset (2026-03-01T12:00:00Z), epoch seconds, now, or a time back "
    "from now (-90m, 2h ago)"
)

SLACK_S = 60.0
"""A moment so little in the future is another machine's clock, and counts as it stands."""

_WHOLE = re.compile(PATTERN)
_OFFSET = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")
_FRACTION = re.compile(r"(?<=\.)[0-9]{7,9}")


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time, epoch seconds: start included, end not; start < end."""

    start: float
    end: float


def moment_of(name: str, text: str, now: float) -> float:
    """Return a moment in epoch seconds.

    Raises:
        Problem: 422; it is no moment, or lies in the future.
    """
    try:
        at = _parse(text, now)
    except (ValueError, OverflowError):
        raise wrong_value("query", name, text, RULE) from None
    if at < 0:
        raise wrong_value("query", name, text, "lies before 1970")
    if at > now + SLACK_S:
        raise wrong_value("query", name, text, "lies in the future; `now` is the latest moment")
    return at


def range_of(start: str | None, end: str | None, now: float, *, default_s: float | None) -> Range:
    """Return the range between two moments; without an end, until now.

    Args:
        start: as given.
        end: as given.
        now: our clock, epoch seconds.
        default_s: length of the range where no start is given; ``None``: from the beginning.

    Raises:
        Problem: 422; one of them is no moment, or the range is empty or reversed.
    """
    until = now if end is None else moment_of("end", end, now)
    if start is not None:
        since = moment_of("start", start, now)
    else:
        since = 0.0 if default_s is None else max(0.0, until - default_s)
    if since >= until:
        raise _reversed(start, end)
    return Range(since, until)


def _reversed(start: str | None, end: str | None) -> Problem:
    if start is None:
        return wrong_value("query", "end", end, "leaves an empty range; end must lie after start")
    what = "now" if end is None else f"end = {end}"
    return wrong_value("query", "start", start, f"must lie before {what}")


def _parse(text: str, now: float) -> float:
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(text)
    if text == "now":
        return now
    if text.startswith("-"):
        return now - _seconds(text[1:])
    if text.endswith(" ago"):
        return now - _seconds(text.removesuffix(" ago"))
    if text.replace(".", "", 1).isdigit():
        return float(text)
    iso = _FRACTION.sub(lambda found: found[0][:6], _OFFSET.sub("+", text))
    return datetime.fromisoformat(iso.replace("t", "T").replace("z", "Z")).timestamp()


def _seconds(text: str) -> float:
    seconds = parse_duration(text)
    if not isinstance(seconds, float):
        raise ValueError(text)  # noqa: TRY004 - the caller turns ValueError into a problem
    return seconds
