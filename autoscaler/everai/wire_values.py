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
    if value is None:
        return 0
    if type(value) is int and 0 <= value <= ABSURD:
        return value
    number = _whole(value)
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


_WITHIN = {f"{n // 60:02d}:{n % 60:02d}": float(n) for n in range(3600)}
"""Seconds by what a time says of minute and second, ``35:18``."""
_HOURS: dict[str, float] = {}
"""Epoch seconds by what a time in UTC says up to its hour, ``2024-09-29T09:``; each was checked."""
_HOURS_MAX = 2**14
_MINUTE, _FRACTION, _DOT_AND_DIGITS_MAX = 14, 19, 10


def time(value: str | None) -> float | None:
    """Return epoch seconds of an RFC 3339 time; ``None`` where it was never set.

    Never set is: left out, empty, Go's zero time (year 1) and protobuf's (1970). It is read twice
    for each worker of each list, so the usual form in an hour seen before takes a short cut; the
    result is the same to the last bit, which the recognition of older lists relies upon.

    Raises:
        ValueError: it is no such time.
    """
    if not value:
        return None
    hour = _HOURS.get(value[:_MINUTE])
    within_s = _WITHIN.get(value[_MINUTE:_FRACTION])
    if hour is not None and within_s is not None and value[-1] == "Z":
        rest = value[_FRACTION:-1]
        if not rest:
            return hour + within_s
        if _is_fraction(rest):
            return hour + within_s + float(rest)
    return _careful_time(value)


def _is_fraction(text: str) -> bool:
    return (
        text[0] == "."
        and text[1:].isdecimal()
        and text.isascii()
        and len(text) <= _DOT_AND_DIGITS_MAX
    )


def _careful_time(value: str) -> float | None:
    """Return what :func:`time` does, of any form; remember the hour for the short cut."""
    match = _RFC3339.fullmatch(value)
    try:
        epoch_s = _epoch_s(match) if match is not None else None
    except (ValueError, OverflowError):
        epoch_s = None
    if epoch_s is None:
        raise ValueError(f"{safe_text(value, 40)!r} is no RFC 3339 time")
    if epoch_s > 0 and value[-1] == "Z":
        _remember_hour(value[:_MINUTE])
    return epoch_s if epoch_s > 0 else None


def _remember_hour(text: str) -> None:
    hour = datetime.fromisoformat(f"{text}00:00+00:00").timestamp()
    if hour > 0:
        if len(_HOURS) >= _HOURS_MAX:
            _HOURS.clear()
        _HOURS[text] = hour


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
