from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autoscaler.policies import Duration, parse_duration

ADAPTER = TypeAdapter[float](Duration)
PARTS = st.tuples(
    st.integers(0, 400),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 999),
)


@given(PARTS)
def test_parts_add_up(parts: tuple[int, int, int, int, int]) -> None:
    days, hours, minutes, seconds, millis = parts
    text = f"{days}d{hours}h{minutes}m{seconds}s{millis}ms"
    expected = timedelta(
        days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis
    )
    assert ADAPTER.validate_python(text) == pytest.approx(expected.total_seconds())


@given(st.floats(0, 1e9))
def test_a_number_is_seconds_as_number_and_as_text(seconds: float) -> None:
    assert ADAPTER.validate_python(seconds) == seconds
    assert ADAPTER.validate_python(repr(seconds)) == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused_as_none(text: str) -> None:
    try:
        value = ADAPTER.validate_python(text)
    except ValidationError:
        return
    assert 0 <= value < float("inf")


@pytest.mark.parametrize(
    "value", ["", "5 m", "m", "5x", "-5s", "1s1", True, None, [], "nan", "inf"]
)
def test_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(value)


def test_what_is_no_text_is_passed_on() -> None:
    assert parse_duration(1.5) == 1.5
