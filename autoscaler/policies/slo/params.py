"""What a user says to ``slo``: whom to please, and how far the money goes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from autoscaler.policies.params import PolicyParams, PositiveDuration


class SloParams(PolicyParams):
    """Parameters of ``slo``."""

    target_wait: Annotated[
        PositiveDuration, Field(description="longest wait that is still good, seconds")
    ] = 10.0
    attainment: Annotated[
        float,
        Field(
            gt=0.5,
            lt=1,
            allow_inf_nan=False,
            description="share of the requests that must not wait longer (0.5..1)",
        ),
    ] = 0.95
    max_spare: Annotated[
        int | None,
        Field(ge=0, le=100_000, description="cost bound: most workers beyond the expected load"),
    ] = None
