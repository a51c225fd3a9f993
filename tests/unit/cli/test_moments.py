"""Times as people type them, in the zone of the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from autoscaler.cli.exits import CommandError
from autoscaler.cli.moments import length, moment, span, stamp


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


NOW = at("2026-03-30T12:00:00+02:00")
"""Monday noon in Berlin, the day after summer time began."""


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-7d", NOW - 7 * 86_400),
        ("7d ago", NOW - 7 * 86_400),
        ("1h30m", NOW - 5400),
        ("1774864800", 1_774_864_800.0),
        ("11:05", at("2026-03-30T11:05:00+02:00")),
        ("14:05", at("2026-03-29T14:05:00+02:00")),
        ("today", at("2026-03-30T00:00:00+02:00")),
        ("yesterday 01:30", at("2026-03-29T01:30:00+01:00")),
        ("Yesterday 03:00:30", at("2026-03-29T03:00:30+02:00")),
        ("2026-03-28", at("2026-03-28T00:00:00+01:00")),
        ("2026-03-28 14:05", at("2026-03-28T14:05:00+01:00")),
        ("2026-03-28T14:05:07", at("2026-03-28T14:05:07+01:00")),
        ("2026-03-28T14:05:07Z", at("2026-03-28T14:05:07+00:00")),
        ("2026-03-28T14:05:07.123456789+05:30", at("2026-03-28T14:05:07.123456+05:30")),
    ],
)
def test_a_moment(text: str, expected: float) -> None:
    assert moment("--at", text, NOW) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-02-30", "12", "-", "yesterday 3 pm"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(CommandError, match=r"--at .* is no time; write 14:05") as refused:
        moment("--at", text, NOW)
    assert refused.value.status == 2


@pytest.mark.parametrize("text", ["2026-04-01", "today 23:00", "2026-03-30T10:00:01Z"])
def test_the_future_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="lies in the future"):
        moment("--at", text, NOW)


def test_lengths_of_time() -> None:
    assert [span("--for", text) for text in ("90s", "2h", "1h30m")] == [90.0, 7200.0, 5400.0]
    for text in ("0s", "-1h", "soon", "", "nan", "inf"):
        with pytest.raises(CommandError, match=r"--for .* is no length of time"):
            span("--for", text)


def test_how_times_are_shown() -> None:
    ages = [length(each) for each in (None, -1, 5.9, 119, 120, 7199, 7200, 172_800)]
    assert ages == ["-", "0s", "5s", "119s", "2m", "119m", "2h", "2d"]
    assert stamp(at("2026-03-30T10:00:00+00:00")) == "2026-03-30 12:00:00 CEST"
    assert datetime.fromtimestamp(NOW, UTC).hour == 10
    assert stamp(None) == "-"
