"""Types of policy parameters: durations that people write, and a base that refuses unknown keys."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_WHAT = "a duration is a number of seconds or text such as 90s, 5m or 1h30m"
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(value: object) -> object:
    """Turn ``90s``, ``1h30m`` or a number of seconds into seconds (float).

    Anything that is no text is passed on for pydantic to judge.

    Raises:
        ValueError: the text is no duration.
    """
    if isinstance(value, bool):
        raise ValueError(_WHAT)  # noqa: TRY004 - pydantic turns only ValueError into a message
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _WHOLE.fullmatch(text):
        return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))
    try:
        return float(text)
    except ValueError:
        raise ValueError(_WHAT) from None


def _in_json(**bounds: float) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", **bounds},
                {"type": "string", "pattern": r"^((\d+(\.\d+)?)(ms|s|m|h|d))+$"},
            ],
            "description": "seconds, or text such as 90s, 5m, 1h30m",
        }
    )


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, allow_inf_nan=False),
    _in_json(minimum=0),
]
"""Seconds ≥ 0; accepts ``90s``, ``5m``, ``1h30m``."""

PositiveDuration = Annotated[Duration, Field(gt=0), _in_json(exclusiveMinimum=0)]
"""Seconds > 0; accepts ``90s``, ``5m``, ``1h30m``."""


class PolicyParams(BaseModel):
    """Base of every policy's parameters: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
