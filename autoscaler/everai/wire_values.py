"""Single values of the platform's JSON: times, numbers and the rule for what makes no sense.

proto3 JSON leaves zero values out, writes int64 as text, and gives times up to nanoseconds.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from autoscaler.everai.text import safe_text

ABSURD = 10**9
"""A count above this cannot be one."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?:[01][0-9]|2[0-3]):[0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def count(value: Any) -> int:
    """Return a count; ``None`` (left out) is 0.

    Raises:
        ValueError: it is no whole number, negative, or above ``ABSURD``; says which.
    """
    number = 0 if value is None else _whole(value)
    if number < 0:
        raise ValueError(f"{number} is negative")
    if number > ABSURD:
        raise ValueError(f"{safe_text(str(value), 40)} is absurdly large")
    return number


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, -ABSURD - 1), ABSURD + 1)
    if isinstance(value, float) and value.is_integer():
        return _whole(int(value))
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return _whole(int(value))
    shown = repr(value) if isinstance(value, str | float | bool) else f"a {type(value).__name__}"
    raise ValueError(f"{safe_text(shown, 40)} is no whole number")


def time(value: str | None) -> float | None:
    """Return epoch seconds of an RFC 3339 time; ``None`` where it was never set.

    Never set is: left out, empty, Go's zero time (year 1) and protobuf's (1970).

    Raises:
        ValueError: it is no such time.
    """
    if not value:
        return None
    match = _RFC3339.fullmatch(value)
    try:
        epoch_s = _epoch_s(match) if match is not None else None
    except (ValueError, OverflowError):
        epoch_s = None
    if epoch_s is None:
        raise ValueError(f"{safe_text(value, 40)!r} is no RFC 3339 time")
    return epoch_s if epoch_s > 0 else None


def _epoch_s(match: re.Match[str]) -> float:
    """Return epoch seconds; a leap second (60) is the second after 59, as POSIX counts."""
    date, minute, second, fraction = match.group(1, 2, 3, 4)
    leap_s = 1 if second == "60" else 0
    whole = f"{date}T{minute}:{'59' if leap_s else second}+00:00"
    moment = datetime.fromisoformat(whole) - _offset(match)
    return moment.timestamp() + leap_s + float(fraction or 0)


def _offset(match: re.Match[str]) -> timedelta:
    """Return how far a matched time's zone is ahead of UTC."""
    sign = match.group(5)
    if sign is None:
        return timedelta(0)
    ahead = timedelta(hours=int(match.group(6)), minutes=int(match.group(7)))
    return ahead if sign == "+" else -ahead
