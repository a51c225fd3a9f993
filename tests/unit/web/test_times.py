"""Moments as people write them, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.web.api.times import PATTERN, moment_of, range_of
from autoscaler.web.problems import Problem

NOW = 1_764_000_000.0  # 2025-11-24T16:00:00Z


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("now", NOW),
        ("0", 0.0),
        ("1763999000", 1_763_999_000.0),
        ("1763999000.5", 1_763_999_000.5),
        ("-90m", NOW - 5400),
        ("-1h30m", NOW - 5400),
        ("2h ago", NOW - 7200),
        ("1d12h ago", NOW - 129_600),
        ("2025-11-24T16:00:00Z", NOW),
        ("2025-11-24t15:59:59.25z", NOW - 0.75),
        ("2025-11-25T00:00:00+08:00", NOW),
        ("2025-11-25T00:00:00 08:00", NOW),  # a plus sign that nobody escaped
        ("2025-11-24 10:00:00-06:00", NOW),
        ("2025-11-24T15:00:00.123456789Z", NOW - 3600 + 0.123456),
    ],
)
def test_what_is_a_moment(text: str, at: float) -> None:
    assert moment_of("start", text, NOW) == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "yesterday", "1h", "+1h", "-1w", "-1.5h", "1e9", "-5", "nan", "inf", "0x10",
        "2025-11-24", "2025-11-24T16:00:00", "2025-02-30T00:00:00Z", "2025-11-24T25:00:00Z",
        "2025-11-24T16:00Z", "12345678901", "١٢٣", "-1h\n", "2h ago ago", "-999999999d",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(Problem) as caught:
        moment_of("start", text, NOW)
    assert caught.value.status_code == 422
    assert caught.value.errors[0]["name"] == "start"
    assert caught.value.errors[0]["value"] == text


@pytest.mark.parametrize("text", ["1764000061", "2030-01-01T00:00:00Z"])
def test_the_future_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(Problem, match=re.escape(f"end = {text}: lies in the future")):
        moment_of("end", text, NOW)


def test_another_machines_clock_may_be_a_little_ahead() -> None:
    assert moment_of("end", "1764000059", NOW) == 1_764_000_059.0


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("-1h", "-2h", "start = -1h: must lie before end = -2h"),
        ("-1h", "-1h", "start = -1h: must lie before end = -1h"),
        ("now", None, "start = now: must lie before now"),
        (None, "0", "end = 0: leaves an empty range"),
        ("-1h", "1h ahead", "end = 1h ahead: must be RFC 3339"),
    ],
)
def test_a_range_that_is_none(start: str | None, end: str | None, words: str) -> None:
    with pytest.raises(Problem, match=re.escape(words)):
        range_of(start, end, NOW, default_s=None)


def test_a_range_without_a_start_has_its_default_length() -> None:
    asked = range_of(None, "-1h", NOW, default_s=60.0)
    assert (asked.start, asked.end) == (NOW - 3660, NOW - 3600)
    assert range_of(None, None, NOW, default_s=None).start == 0.0


def judged(text: str) -> float | int:
    """Return the moment, or the status of the problem."""
    try:
        return moment_of("start", text, NOW)
    except Problem as error:
        return error.status_code


@given(st.from_regex(PATTERN, fullmatch=True))
def test_whatever_the_document_allows_is_read_or_refused_in_words(text: str) -> None:
    assert 0 <= judged(text) <= NOW + 60


@given(st.text(max_size=80))
def test_nothing_else_breaks_it(text: str) -> None:
    assert 0 <= judged(text) <= NOW + 60
