"""Times as people type and read them: ``14:05``, ``-7d``, ``yesterday 03:00``, RFC 3339.

Without an offset a time is local, as the shell's own clock shows it (``TZ``).
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from math import isfinite

from autoscaler.cli.exits import USAGE, CommandError
from autoscaler.policies import parse_duration

DAY_S = 86_400.0
_EPOCH = re.compile(r"\d{9,10}(\.\d+)?")
_CLOCK = re.compile(r"(?:(?P<day>today|yesterday)\s*)?(?P<time>\d{1,2}:\d{2}(?::\d{2})?)?")
_DATE = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})(?:[T ](?P<time>\d{1,2}:\d{2}(?::\d{2})?))?")
_FRACTION = re.compile(r"(?<=\.)(\d{6})\d+")
_RULE = (
    "write 14:05, 'yesterday 03:00', '2026-03-01 14:05' (local time), 2026-03-01T14:05:00Z,"
    " or a time back from now: -90m, 7d"
)


def moment(option: str, text: str, now: float) -> float:
    """Return a past moment in epoch seconds.

    Args:
        option: what it was given for, for the message.
        text: as typed.
        now: epoch seconds.

    Raises:
        CommandError: it is no moment, or it lies in the future.
    """
    wanted = text.strip()
    try:
        at = _parse(wanted, now)
    except (ValueError, OverflowError):
        raise CommandError(f"{option} {text!r} is no time; {_RULE}", USAGE) from None
    if at > now:
        raise CommandError(f"{option} {text!r} lies in the future ({stamp(at)})", USAGE)
    return at


def span(option: str, text: str) -> float:
    """Return a length of time in seconds, above 0.

    Raises:
        CommandError: it is none.
    """
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = None
    if not isinstance(seconds, float) or not isfinite(seconds) or seconds <= 0:
        raise CommandError(
            f"{option} {text!r} is no length of time; write 90s, 30m, 2h, 1h30m or 7d", USAGE
        )
    return seconds


def _parse(text: str, now: float) -> float:
    if text == "now":
        return now
    back = text.removeprefix("-").removesuffix(" ago").strip()
    if re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h|d))+", back):
        return now - span("", back)
    if _EPOCH.fullmatch(text):
        return float(text)
    if text and (found := _CLOCK.fullmatch(text.lower())):
        return _on_a_day(found["day"], found["time"] or "00:00", now)
    if found := _DATE.fullmatch(text):
        return _local(found["date"], found["time"] or "00:00")
    whole = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
    return whole.timestamp()


def _on_a_day(day: str | None, clock: str, now: float) -> float:
    """Return a time of today or yesterday; without a day, the last time it was that late."""
    today, yesterday = (
        _local(time.strftime("%Y-%m-%d", time.localtime(at)), clock)
        for at in (now, _local(time.strftime("%Y-%m-%d", time.localtime(now)), "12:00") - DAY_S)
    )
    if day is None:
        return today if today <= now else yesterday
    return today if day == "today" else yesterday


def _local(date: str, clock: str) -> float:
    seconds = "%H:%M:%S" if clock.count(":") > 1 else "%H:%M"
    parsed = time.strptime(f"{date} {clock}", f"%Y-%m-%d {seconds}")
    return time.mktime((*parsed[:8], -1))


def stamp(at: float | None, *, form: str = "%Y-%m-%d %H:%M:%S %Z") -> str:
    """Return a moment in local time; ``-`` for none."""
    return "-" if at is None else time.strftime(form, time.localtime(at))


def zone(at: float) -> str:
    """Return the name of the local time zone at a moment."""
    return time.strftime("%Z", time.localtime(at)) or "local"


def length(seconds: float | None) -> str:
    """Return a length of time as kubectl shows ages: ``45s``, ``12m``, ``5h``, ``3d``."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    for unit, size, limit in (("s", 1, 120), ("m", 60, 7200), ("h", 3600, 172_800)):
        if whole < limit:
            return f"{whole // size}{unit}"
    return f"{whole // 86_400}d"
