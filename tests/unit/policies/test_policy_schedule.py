"""``schedule``: windows, time zones with summer time, overlaps, one-off dates, the preview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autoscaler.model import Recommendation
from autoscaler.policies import policies
from autoscaler.policies.cron_windows import Matching, Starting, is_open, spans
from autoscaler.policies.schedule import ScheduleParams, preview
from autoscaler.testing import Scene, observe

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
OFFICE = {"name": "office", "cron": "* 9-17 * * 1-5", "min_workers": 3}


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """Return a local time as UTC; a trailing ``*`` means its second occurrence (autumn)."""
    fold = int(text.endswith("*"))
    return datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def answer(params: dict[str, Any], moment: datetime, **scene: Any) -> Recommendation:
    cls = policies()["schedule"]
    policy = cls(cls.Params.model_validate(params))
    given_ = observe(Scene(now=moment.timestamp(), **scene))
    said, _ = policy.recommend(given_, None)
    assert isinstance(said, Recommendation)
    return said


@pytest.mark.parametrize(
    ("local", "floor"),
    [
        ("2026-03-02T08:59:59", None),  # a Monday
        ("2026-03-02T09:00:00", 3),
        ("2026-03-02T17:59:59", 3),
        ("2026-03-02T18:00:00", None),
        ("2026-03-07T12:00:00", None),  # a Saturday
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, SHANGHAI])
def test_a_matching_window_is_local_time(local: str, floor: int | None, zone: ZoneInfo) -> None:
    params = {"timezone": zone.key, "windows": [OFFICE]}
    said = answer(params, at(local, zone))
    assert said.floor == floor
    assert said.abstains


def test_what_a_window_sets() -> None:
    windows = [
        {"cron": "* 8 * * *", "min_workers": 2, "max_workers": 5},
        {"cron": "* 9 * * *", "workers": 4},
        {"cron": "* 10 * * *", "max_workers": 1},
    ]
    params = {"windows": windows}
    eight, nine, ten, eleven = (
        answer(params, datetime(2026, 1, 5, hour, tzinfo=UTC), min_workers=1)
        for hour in (8, 9, 10, 11)
    )
    assert (eight.floor, eight.ceiling, eight.workers, eight.abstains) == (2, 5, 2, True)
    assert (nine.floor, nine.ceiling, nine.workers, nine.abstains) == (None, None, 4, False)
    assert (ten.floor, ten.ceiling, ten.workers, ten.abstains) == (None, 1, 1, True)
    assert (eleven.floor, eleven.ceiling, eleven.abstains) == (None, None, True)


def opened(when: Matching | Starting, day: str, zone: ZoneInfo = BERLIN) -> list[tuple[str, str]]:
    """Return the spans of one local day, in UTC."""
    begin = at(f"{day}T00:00", zone)
    end = at(f"{date.fromisoformat(day) + timedelta(days=1)}T00:00", zone)
    return [(f"{a:%H:%M}", f"{b:%H:%M}") for a, b in spans(when, zone, begin, end)]


def test_berlin_in_spring_when_two_o_clock_does_not_exist() -> None:
    # 2026-03-29, 02:00 becomes 03:00 (01:00 UTC)
    assert opened(Matching("* 1-3 * * *"), "2026-03-29") == [("00:00", "02:00")]
    assert opened(Matching("* 2 * * *"), "2026-03-29") == []
    # a start within the gap comes right after it, and lasts its full time
    assert opened(Starting("30 2 * * *", 3600.0), "2026-03-29") == [("01:00", "02:00")]
    # an ordinary day of that spring for comparison
    assert opened(Matching("* 1-3 * * *"), "2026-03-28") == [("00:00", "03:00")]


def test_berlin_in_autumn_when_two_o_clock_comes_twice() -> None:
    # 2026-10-25, 03:00 becomes 02:00 (01:00 UTC)
    assert opened(Matching("* 2 * * *"), "2026-10-25") == [("00:00", "02:00")]
    # a start in the hour that comes twice happens once
    assert opened(Starting("30 2 * * *", 1200.0), "2026-10-25") == [("00:30", "00:50")]
    assert is_open(Starting("30 2 * * *", 1200.0), BERLIN, at("2026-10-25T02:40"))
    assert not is_open(Starting("30 2 * * *", 1200.0), BERLIN, at("2026-10-25T02:40*"))
    assert is_open(Matching("* 2 * * *"), BERLIN, at("2026-10-25T02:40*"))


def test_shanghai_knows_no_summer_time_any_more() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        assert opened(Matching("* 2 * * *"), day, SHANGHAI)[0] == ("18:00", "19:00")


@given(
    zone=st.sampled_from([BERLIN, SHANGHAI, ZoneInfo("America/New_York"), ZoneInfo("UTC")]),
    cron=st.sampled_from(
        ["30 2 * * *", "0 */6 * * *", "15 1,3 * * 0", "*/20 2 * * *", "* 2 * * *"]
    ),
    duration_s=st.sampled_from([None, 600.0, 3600.0, 30_000.0]),
    start=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 10)),  # noqa: DTZ001 - naive by design
)
def test_the_preview_and_the_moment_agree(
    zone: ZoneInfo, cron: str, duration_s: float | None, start: datetime
) -> None:
    when = Matching(cron) if duration_s is None else Starting(cron, duration_s)
    begin = start.replace(tzinfo=UTC, microsecond=0)
    end = begin + timedelta(days=2)
    found = list(spans(when, zone, begin, end))
    for minute in range(0, 2 * 1440, 17):
        moment = begin + timedelta(minutes=minute)
        assert is_open(when, zone, moment) == any(a <= moment < b for a, b in found), moment


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ([OFFICE, {"cron": "* 12 * * *", "workers": 9}], "office and 2 overlap"),
        (
            [
                {"cron": "0 22 * * *", "duration": "4h", "workers": 1},
                {"cron": "* 1 * * 1", "workers": 2},
            ],
            "Monday at 01:00",
        ),
        (
            [
                {"cron": "* * 29 2 *", "workers": 1},
                {"cron": "30 8 * 2 *", "duration": "5m", "workers": 2},
            ],
            "1 and 2 overlap",
        ),
        (
            [
                {"start": "2026-12-24", "end": "2026-12-27", "workers": 1},
                {"start": "2026-12-26T18:00", "end": "2026-12-28", "workers": 2},
            ],
            "2026-12-26",
        ),
    ],
)
def test_overlaps_are_refused(windows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ScheduleParams.model_validate({"windows": windows})


def test_windows_that_only_touch_are_fine() -> None:
    windows = [
        OFFICE,
        {"cron": "* 0-8,18-23 * * 1-5", "workers": 1},
        {"cron": "* * * * 6,7", "workers": 2},
        {"cron": "0 9 29 2 6", "duration": "1m", "workers": 5},
    ]
    with pytest.raises(ValidationError, match="3 and 4"):
        ScheduleParams.model_validate({"windows": windows})
    assert len(ScheduleParams.model_validate({"windows": windows[:3]}).windows) == 3


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"windows": []}, "at least 1"),
        ({"windows": [{"cron": "* 9 * * *"}]}, "must set"),
        ({"windows": [{"cron": "* 25 * * *", "workers": 1}]}, "cannot be used"),
        ({"windows": [{"cron": "0 0 31 2 *", "workers": 1}]}, "cannot be used"),
        ({"windows": [{"cron": "* * * * * *", "workers": 1}]}, "five fields"),
        ({"windows": [{"cron": "* 9 * * *", "workers": True}]}, "valid integer"),
        ({"windows": [{"workers": 1}]}, "either cron, or start and end"),
        ({"windows": [{"start": "2026-12-24", "workers": 1}]}, "both start and end"),
        (
            {"windows": [{"start": "2026-12-24", "end": "2026-12-24", "workers": 1}]},
            "end must be after start",
        ),
        ({"windows": [{"start": 20261224, "end": "2026-12-25", "workers": 1}]}, "no date"),
        (
            {
                "windows": [
                    {"start": "2026-12-24", "end": "2026-12-25", "duration": 5, "workers": 1}
                ]
            },
            "duration goes with cron",
        ),
        ({"windows": [{"cron": "* 9 * * *", "min_workers": 5, "max_workers": 4}]}, "decrease"),
        ({"timezone": "Europe/Berlim", "windows": [OFFICE]}, "did you mean Europe/Berlin"),
        ({"timezone": "../etc/passwd", "windows": [OFFICE]}, "no IANA time zone"),
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ScheduleParams.model_validate(bad)


CHRISTMAS = {"name": "feast", "start": "2026-12-24", "end": "2026-12-27", "max_workers": 1}


def test_a_one_off_window_replaces_a_recurring_one() -> None:
    params = {"timezone": "Europe/Berlin", "windows": [OFFICE, CHRISTMAS]}
    feast = answer(params, at("2026-12-24T12:00"))
    assert (feast.floor, feast.ceiling) == (None, 1)
    assert answer(params, at("2026-12-28T12:00")).floor == 3
    assert answer(params, at("2026-12-23T23:59:59")).ceiling is None
    assert answer(params, at("2026-12-24T00:00:00")).ceiling == 1


def test_the_preview_lists_openings_in_local_time() -> None:
    windows = [OFFICE, CHRISTMAS]
    params = ScheduleParams.model_validate({"timezone": "Europe/Berlin", "windows": windows})
    found = preview(params, at("2026-12-22T00:00"), days=7)
    texts = [
        (params.title(o.window), f"{o.start:%a %d %H:%M}", f"{o.end:%a %d %H:%M}", o.replaced)
        for o in found
    ]
    assert texts == [
        ("office", "Tue 22 09:00", "Tue 22 18:00", False),
        ("office", "Wed 23 09:00", "Wed 23 18:00", False),
        ("feast", "Thu 24 00:00", "Sun 27 00:00", False),
        ("office", "Thu 24 09:00", "Thu 24 18:00", True),
        ("office", "Fri 25 09:00", "Fri 25 18:00", True),
        ("office", "Mon 28 09:00", "Mon 28 18:00", False),
    ]


def test_story_a_working_day_in_shanghai(story: Callable[..., Any]) -> None:
    """The story begins at 2026-01-01T00:00Z, 08:00 on a Thursday in Shanghai."""
    tale = story("schedule", timezone="Asia/Shanghai", windows=[{**OFFICE, "workers": 6}])
    hours = {0: 0, 1: 6, 9: 6, 9.99: 6, 10: 0, 24: 0, 25: 6, 49: 0}  # 49 h: a Saturday
    assert {hour: tale.at(hour * 3600, Scene()) for hour in hours} == hours
