"""Windows of a calendar: when they are open, in a time zone with its summer time, and overlaps.

Three kinds. A *matching* window (a cron expression alone) is open in every minute of the clock on
the wall that the expression matches, as the platform's own ``time-match`` has it: an hour that
summer time skips never comes, one that it repeats is open both times. A *starting* window (cron
expression and duration) opens when cron would start a job, Debian's rules for summer time included
(a start that is skipped comes right after the gap, a repeated one only the first time), and lasts
for the elapsed time. A *one-off* window has a start and an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from heapq import merge
from itertools import pairwise

from cronsim import CronSim, CronSimError

_FIELDS = 5
_MINUTE = timedelta(minutes=1)
_DAY_MIN = 1440
_SAMPLE_FROM = date(2024, 1, 1)
_SAMPLE_DAYS = 4 * 365 + 1
"""Four years, so that the 29th of February is among them."""

Span = tuple[datetime, datetime]
"""From when to when (excluded), in UTC."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Open in every minute on the wall that ``cron`` matches."""

    cron: str


@dataclass(frozen=True, slots=True)
class Starting:
    """Open for ``duration_s`` seconds from each start of ``cron``."""

    cron: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class OneOff:
    """Open from ``start`` to ``end`` (excluded), in UTC."""

    start: datetime
    end: datetime


When = Matching | Starting | OneOff


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> CronSim:
    """Parse a cron expression of five fields.

    Raises:
        ValueError: it is none, or can never match.
    """
    if len(text.split()) != _FIELDS:
        raise ValueError(
            f"cron {text!r} must have five fields: minute, hour, day of month, month, day of week"
        )
    try:
        return CronSim(text, datetime(2024, 1, 1))  # noqa: DTZ001 - the clock on the wall
    except CronSimError as error:
        if _fits_some_month(text):
            why = "it can never match: none of its months has such a day"
            raise ValueError(f"cron {text!r} cannot be used: {why}") from None
        raise ValueError(f"cron {text!r} cannot be used: {error}") from None


def _fits_some_month(text: str) -> bool:
    """Whether a cron expression that cannot be used could, if it held in every month."""
    minute, hour, day, month, weekday = text.split()
    wall = datetime(2024, 1, 1)  # noqa: DTZ001 - the clock on the wall
    try:
        CronSim(f"{minute} {hour} {day} * {weekday}", wall)
        CronSim(f"{minute} {hour} * {month} {weekday}", wall)
    except CronSimError:
        return False
    return True


def is_open(when: When, zone: tzinfo, now: datetime) -> bool:
    """Whether a window is open at a moment (aware)."""
    match when:
        case Matching(cron):
            return _matches(parse_cron(cron), now.astimezone(zone))
        case Starting(cron, duration_s):
            after = now.astimezone(UTC) - timedelta(seconds=duration_s)
            return _next_start(cron, zone, after) <= now
        case OneOff(start, end):
            return start <= now < end


def _next_start(cron: str, zone: tzinfo, after: datetime) -> datetime:
    """Return the first start later than ``after`` (UTC).

    Within an hour that is repeated, cron first names the start of its first time again.
    """
    starts = (at.astimezone(UTC) for at in CronSim(cron, after.astimezone(zone)))
    return next(start for start in starts if start > after)


def spans(when: When, zone: tzinfo, begin: datetime, end: datetime) -> Iterator[Span]:
    """Yield when a window is open between two moments (aware), cut to them, in order."""
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    match when:
        case Matching(cron):
            found = _minutes(parse_cron(cron), zone, begin, end)
        case Starting(cron, duration_s):
            found = _starts(cron, timedelta(seconds=duration_s), zone, begin, end)
        case OneOff(start, stop):
            found = iter([(start, stop)])
    for start, stop in _joined(found):
        if start < end and stop > begin:
            yield max(start, begin), min(stop, end)


def _matches(cron: CronSim, wall: datetime) -> bool:
    return wall.minute in cron.minutes and wall.hour in cron.hours and _on(cron, wall.date())


def _on(cron: CronSim, day: date) -> bool:
    return day.month in cron.months and bool(cron.match_day(day))


def _minutes(cron: CronSim, zone: tzinfo, begin: datetime, end: datetime) -> Iterator[Span]:
    minute = begin.replace(second=0, microsecond=0)
    while minute < end:
        if _matches(cron, minute.astimezone(zone)):
            yield minute, minute + _MINUTE
        minute += _MINUTE


def _starts(
    cron: str, duration: timedelta, zone: tzinfo, begin: datetime, end: datetime
) -> Iterator[Span]:
    for at in CronSim(cron, (begin - duration).astimezone(zone)):
        start = at.astimezone(UTC)
        if start >= end:
            return
        yield start, start + duration


def _joined(found: Iterable[Span]) -> Iterator[Span]:
    """Join spans that touch or overlap; they come ordered by start."""
    current: Span | None = None
    for start, stop in found:
        if current is not None and start <= current[1]:
            current = (current[0], max(current[1], stop))
            continue
        if current is not None:
            yield current
        current = (start, stop)
    if current is not None:
        yield current


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two windows, by their places in the list, that are open at once; ``example``: when."""

    first: int
    second: int
    example: str


def find_overlap(windows: list[When]) -> Overlap | None:
    """Return two windows that are open at the same time, if there are any.

    Recurring windows are compared over four years of the clock on the wall; one-off windows only
    with each other, since they are there to replace recurring ones for a while.
    """
    wall = datetime(2024, 1, 1)  # noqa: DTZ001 - the clock on the wall
    recurring = merge(
        *(
            _numbered(_sample(when), index)
            for index, when in enumerate(windows)
            if not isinstance(when, OneOff)
        )
    )
    last: tuple[float, int] = (0.0, -1)
    for begin, stop, index in recurring:
        if begin < last[0] and index != last[1]:
            text = f"{wall + timedelta(minutes=begin):%A at %H:%M}"
            return Overlap(min(last[1], index), max(last[1], index), text)
        last = max(last, (stop, index))
    once = sorted(
        (when.start, when.end, index)
        for index, when in enumerate(windows)
        if isinstance(when, OneOff)
    )
    for (_, end, one), (start, _, other) in pairwise(once):
        if start < end:
            return Overlap(min(one, other), max(one, other), f"{start:%Y-%m-%d at %H:%M} UTC")
    return None


def _numbered(
    spans_min: Iterator[tuple[float, float]], index: int
) -> Iterator[tuple[float, float, int]]:
    return ((start, stop, index) for start, stop in spans_min)


def _sample(when: Matching | Starting) -> Iterator[tuple[float, float]]:
    """Yield spans of a recurring window in minutes since the sample's begin, ordered by start."""
    cron = parse_cron(when.cron)
    length = when.duration_s / 60 if isinstance(when, Starting) else 1.0
    spells: list[tuple[float, float]] = []
    for start in sorted(60 * hour + minute for hour in cron.hours for minute in cron.minutes):
        if spells and start <= spells[-1][1]:
            spells[-1] = (spells[-1][0], start + length)
        else:
            spells.append((start, start + length))
    for day in range(_SAMPLE_DAYS):
        if _on(cron, _SAMPLE_FROM + timedelta(days=day)):
            yield from ((day * _DAY_MIN + start, day * _DAY_MIN + stop) for start, stop in spells)
