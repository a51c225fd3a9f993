"""What is kept of the past, and what a worker costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from autoscaler.policies import PositiveDuration
from autoscaler.settings.sections import FilePath, Section, refuse_bool

_MONTH_S = 30 * 86_400.0
_LONGEST_S = 3660 * 86_400.0


class HistorySettings(Section):
    """The store of what happened: decisions, samples, orders by hand."""

    enabled: bool = Field(
        default=True, description="false: nothing is kept; page, API and commands know no past."
    )
    path: FilePath | None = Field(
        default=None,
        description="SQLite file. Not used where `url_file` is given.",
        json_schema_extra={"default": "history.db beside state.path"},
    )
    url_file: FilePath | None = Field(
        default=None,
        description="File with the address of a PostgreSQL database instead, such as "
        "postgresql+psycopg://user:password@host/name; a file, because it holds a password.",
    )
    retention: Annotated[PositiveDuration, Field(ge=3600.0, le=_LONGEST_S)] = Field(
        default=_MONTH_S, description="How long it is kept, from 1h to 10 years."
    )
    max_size_mib: Annotated[int, Field(ge=16, le=1_000_000), BeforeValidator(refuse_bool)] = Field(
        default=2048,
        description="Most space of the SQLite file, MiB; beyond it the oldest goes first. "
        "PostgreSQL is bounded by `retention` alone.",
    )


_GpuModel = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Price = Annotated[float, BeforeValidator(refuse_bool), Field(ge=0, allow_inf_nan=False)]


class PricesSettings(Section):
    """What workers cost, for those whose app does not say `price_per_hour` itself."""

    gpu_models: dict[_GpuModel, _Price] = Field(
        default_factory=dict,
        description="Price of one GPU per hour by its model, as the platform's worker list names "
        "it (capital letters do not matter); a worker with several costs as many times that.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> PricesSettings:
        seen: dict[str, str] = {}
        for model in self.gpu_models:
            other = seen.setdefault(model.casefold(), model)
            if other != model:
                raise ValueError(f"gpu_models names {model!r} and {other!r}, which are the same")
        return self
