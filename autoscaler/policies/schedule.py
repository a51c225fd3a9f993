"""``schedule``: a minimum, a maximum or a number of workers by the calendar.

While a window is open its ``min_workers`` is a floor, its ``max_workers`` a ceiling and its
``workers`` a wanted number beside those of the other policies (KEDA's cron scaler); between windows
the schedule abstains. Windows are cron expressions in an IANA time zone, as the platform's own
``time-match`` has them, cron starts with a duration (Karpenter's budgets), or one-off dates (Cloud
Foundry). Two recurring windows that overlap are refused, as AIBrix does, and so are two one-off
ones; a one-off window replaces recurring ones while it is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from autoscaler.model import PolicyInput, Recommendation
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.cron_windows import (
    Matching,
    OneOff,
    Starting,
    When,
    find_overlap,
    is_open,
    parse_cron,
    spans,
)
from autoscaler.policies.params import PolicyParams, PositiveDuration


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone. It is read once: a policy must not open files when it is asked."""
    return ZoneInfo(name)


def _zone(name: str) -> str:
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name!r} is no IANA time zone{hint}") from None
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
"""Name of an IANA time zone, such as Europe/Berlin."""


def _moment(value: object) -> object:
    """Take dates and times only: pydantic would read a bare number as seconds of the epoch."""
    if isinstance(value, (str, date)) and not str(value).strip().isdigit():
        return value
    raise ValueError(f"{value!r} is no date such as 2026-12-24 or 2026-12-24T18:00")


_Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "description": "2026-12-24 or 2026-12-24T18:00"}),
]
_Workers = Annotated[int, Field(ge=0, le=100_000, strict=True)]


class ScheduleWindow(BaseModel):
    """One window: when it is open, and what it sets."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(default="", max_length=100, description="what people call it")
    cron: str | None = Field(
        default=None,
        description="five fields (minute hour day month weekday); without duration the window is "
        "open in every minute that matches, e.g. * 9-17 * * 1-5",
    )
    duration: PositiveDuration | None = Field(
        default=None, description="open for so long from each start of cron, seconds"
    )
    start: _Moment | None = Field(
        default=None, description="begin of a one-off window, local time of the schedule"
    )
    end: _Moment | None = Field(
        default=None, description="end of a one-off window (excluded), local time"
    )
    min_workers: _Workers | None = Field(
        default=None, description="never fewer while it is open, workers"
    )
    max_workers: _Workers | None = Field(
        default=None, description="never more while it is open, workers"
    )
    workers: _Workers | None = Field(
        default=None, description="wanted while it is open, beside other policies, workers"
    )

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, text: str | None) -> str | None:
        if text is not None:
            parse_cron(text)
        return text

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cron is None) == (self.start is None and self.end is None):
            raise ValueError("a window has either cron, or start and end")
        if self.cron is None and (self.start is None or self.end is None):
            raise ValueError("a one-off window needs both start and end")
        if self.duration is not None and self.cron is None:
            raise ValueError("duration goes with cron; a one-off window has an end")
        numbers = [n for n in (self.min_workers, self.workers, self.max_workers) if n is not None]
        if not numbers:
            raise ValueError("a window must set min_workers, max_workers or workers")
        if numbers != sorted(numbers):
            raise ValueError("min_workers, workers and max_workers of a window must not decrease")
        return self

    def when(self, zone: ZoneInfo) -> When:
        """Return when it is open. A time without offset is local time of ``zone``."""
        if self.cron is not None:
            if self.duration is None:
                return Matching(self.cron)
            return Starting(self.cron, self.duration)
        ends = cast("tuple[datetime, datetime]", (self.start, self.end))
        start, end = (at if at.tzinfo else at.replace(tzinfo=zone) for at in ends)
        return OneOff(start.astimezone(UTC), end.astimezone(UTC))


class ScheduleParams(PolicyParams):
    """Parameters of ``schedule``."""

    timezone: TimeZone = Field(default="UTC", description="IANA time zone, e.g. Asia/Shanghai")
    windows: Annotated[tuple[ScheduleWindow, ...], Field(min_length=1, max_length=100)] = Field(
        description="windows, each with its numbers"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        whens = list(self.whens)
        for index, when in enumerate(whens):
            if isinstance(when, OneOff) and when.start >= when.end:
                raise ValueError(f"window {self.title(index)}: end must be after start")
        overlap = find_overlap(whens)
        if overlap is not None:
            pair = f"{self.title(overlap.first)} and {self.title(overlap.second)}"
            raise ValueError(f"windows {pair} overlap, e.g. on {overlap.example}")
        return self

    @property
    def whens(self) -> tuple[When, ...]:
        """When each window is open."""
        zone = zone_of(self.timezone)
        return tuple(window.when(zone) for window in self.windows)

    def title(self, index: int) -> str:
        """Return what to call a window: its name, or its number from 1."""
        return self.windows[index].name or str(index + 1)


class SchedulePolicy(Policy):
    """What the calendar says."""

    kind = "schedule"
    Params = ScheduleParams
    monotone_in_load = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the open window's numbers, or an abstention."""
        params = cast("ScheduleParams", self.params)
        now = datetime.fromtimestamp(given.now, UTC)
        index = open_window(params, now)
        inputs: dict[str, float | str] = {"timezone": params.timezone}
        if index is None:
            why = "no window of the schedule is open"
            return Recommendation(given.min_workers, why, inputs, abstains=True), state
        window = params.windows[index]
        sets = {
            key: getattr(window, key)
            for key in ("min_workers", "max_workers", "workers")
            if getattr(window, key) is not None
        }
        workers = window.workers
        if workers is None:
            workers = max(given.min_workers, window.min_workers or 0)
            workers = workers if window.max_workers is None else min(workers, window.max_workers)
        text = ", ".join(f"{key} {value}" for key, value in sets.items())
        return Recommendation(
            workers,
            f"window {params.title(index)} is open: {text}",
            inputs | {"window": params.title(index)} | sets,
            floor=window.min_workers,
            ceiling=window.max_workers,
            abstains=window.workers is None,
        ), state


def open_window(params: ScheduleParams, now: datetime) -> int | None:
    """Return the index of the window that holds at a moment: a one-off one before others."""
    zone = zone_of(params.timezone)
    whens = list(enumerate(params.whens))
    whens.sort(key=lambda pair: not isinstance(pair[1], OneOff))
    return next((index for index, when in whens if is_open(when, zone, now)), None)


@dataclass(frozen=True, slots=True)
class Opening:
    """One coming opening of a window.

    Attributes:
        window: its place in the schedule. start, end: local times of the schedule.
        replaced: whether a one-off window replaces it for a part of that time.
    """

    window: int
    start: datetime
    end: datetime
    replaced: bool


def preview(params: ScheduleParams, now: datetime, days: float) -> tuple[Opening, ...]:
    """Return the openings of the next ``days`` from ``now`` (aware), by start."""
    zone = zone_of(params.timezone)
    until = now + timedelta(days=days)
    whens = params.whens
    once = [when for when in whens if isinstance(when, OneOff)]
    found = [
        Opening(
            index,
            start.astimezone(zone),
            end.astimezone(zone),
            not isinstance(when, OneOff) and any(o.start < end and start < o.end for o in once),
        )
        for index, when in enumerate(whens)
        for start, end in spans(when, zone, now, until)
    ]
    return tuple(sorted(found, key=lambda opening: (opening.start.astimezone(UTC), opening.window)))
