"""``prometheus``: the value of a PromQL expression against a target.

Formulas of HPA v2 for external metrics, with KEDA's activation threshold:

- ``per-worker`` (``AverageValue``): the value is a total; ``ceil(value / target)``;
- ``ratio`` (``Value``): the value is that of one worker; ``ceil(current * value / target)``, and
  with no worker ``ceil(value / target)``;
- ``workers``: the value is the number itself.

In the first two nothing changes while ``value / target`` is within ``tolerance`` of what is there.
A value of ``activation`` or less means no load: 0. A failed query is NoData, never 0.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field

from autoscaler.model import NoData, PolicyInput, PrometheusQuery, Recommendation, SignalRequest
from autoscaler.policies.arithmetic import workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.outside import OutsideParams, answer_of

_QUERY_CHARS = 8000


class PrometheusParams(OutsideParams):
    """Parameters of ``prometheus``."""

    query: Annotated[str, Field(min_length=1, max_length=_QUERY_CHARS)] = Field(
        description="PromQL expression that gives one number"
    )
    target: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=1.0, description="wanted value per worker, in the unit of the value"
    )
    mode: Literal["per-worker", "ratio", "workers"] = Field(
        default="per-worker",
        description="per-worker: the value is a total, shared by the workers; ratio: it is that of "
        "one worker; workers: it is the number of workers",
    )
    activation: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="value up to which there is no load, in the unit of the value"
    )
    tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="distance of the ratio from 1 within which nothing changes"
    )


class PrometheusPolicy(Policy):
    """A metric of one's own."""

    kind = "prometheus"
    Params = PrometheusParams

    @property
    def signals_wanted(self) -> tuple[SignalRequest, ...]:
        """The query."""
        params = cast("PrometheusParams", self.params)
        return (
            PrometheusQuery(
                self.name, params.url, params.timeout, params.token_file, query=params.query
            ),
        )

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the workers for the value; NoData where the query failed."""
        value = answer_of(given, self.name)
        if isinstance(value, NoData):
            return value, state
        params = cast("PrometheusParams", self.params)
        current = given.census.capacity
        workers, note = size(params, value, current)
        inputs: dict[str, float | str] = {
            "value": value,
            "target": params.target,
            "current": current,
        }
        return Recommendation(workers, f"the query gives {value:.6g}: {note}", inputs), state


def size(params: PrometheusParams, value: float, current: int) -> tuple[int, str]:
    """Return the number for a value, and in words how it came about."""
    if value <= params.activation:
        return 0, f"up to {params.activation:g} is no load"
    if params.mode == "workers":
        return workers_up(value), f"{workers_up(value)} workers"
    one = params.mode == "ratio"
    wanted = workers_up(value / params.target * (max(1, current) if one else 1))
    ratio = value / params.target if one or not current else value / params.target / current
    if current and abs(1 - ratio) <= params.tolerance:
        return current, f"within the tolerance of {params.target:g} per worker, {current} stay"
    return wanted, f"at {params.target:g} per worker that needs {wanted}"
