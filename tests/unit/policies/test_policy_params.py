"""Durations as people write them, and parameters that refuse what they do not know."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from autoscaler.policies import Duration, PolicyParams, PositiveDuration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("2d", 172_800),
        ("1.5h", 5400), (" 10s ", 10), ("12", 12), ("0.5", 0.5), ("0s", 0), (7, 7), (0.25, 0.25),
    ],
)  # fmt: skip
def test_a_duration_is_seconds(text: object, seconds: float) -> None:
    assert TypeAdapter(Duration).validate_python(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "s", "10 s", "-5s", "5x", "1h 30m", "five", "5s5", "-1", "inf", "nan"),
        *(True, None, [], -1, float("inf"), float("nan")),
    ],
)
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


def test_a_positive_duration_is_not_zero() -> None:
    assert TypeAdapter(PositiveDuration).validate_python("1ms") == pytest.approx(0.001)
    with pytest.raises(ValidationError):
        TypeAdapter(PositiveDuration).validate_python("0s")


def test_the_words_say_what_a_duration_looks_like() -> None:
    with pytest.raises(ValueError, match="90s, 5m or 1h30m"):
        parse_duration("soon")


class Params(PolicyParams):
    """Parameters of a test's policy."""

    window: Duration = 5.0


def test_unknown_parameters_are_refused() -> None:
    assert Params.model_validate({"window": "1m"}).window == 60
    with pytest.raises(ValidationError, match="windows"):
        Params.model_validate({"windows": "1m"})


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Params().window = 3.0  # type: ignore[misc]  # that is the point
