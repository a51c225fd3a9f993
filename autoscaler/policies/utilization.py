"""``utilization``: keep workers busy to a wanted degree, with the rules of HPA v2.

Formula (HPA v2, ``replica_calculator.go``): ``ratio = (load / ready) / target``; within
``tolerance`` of 1 nothing changes; else ``ceil(ratio * ready)``, which is ``ceil(load / target)``.

Its rules for workers that tell nothing, so that they never turn a decision round:

- a rise is computed again with workers that are still starting as idle ones; if it then is no rise
  any more, or within the tolerance, nothing changes;
- a fall is computed again with unreachable workers as fully busy ones; likewise.

With no worker there is no ratio and no tolerance: ``ceil(load / target)``, as HPA does at zero.
Unlike CPU use, the load may exceed what the workers serve: the queue counts, unless switched off.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Field

from autoscaler.model import Census, NoData, PolicyInput, Recommendation
from autoscaler.policies.arithmetic import load_of, workers_up
from autoscaler.policies.base import Answer, Policy
from autoscaler.policies.params import PolicyParams


class UtilizationParams(PolicyParams):
    """Parameters of ``utilization``."""

    target: Annotated[
        float,
        Field(
            gt=0,
            le=10,
            allow_inf_nan=False,
            description="wanted requests per worker, busy ones and waiting ones; 0.8 leaves a "
            "fifth of the workers free",
        ),
    ] = 0.8
    tolerance: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            allow_inf_nan=False,
            description="distance of the ratio from 1 within which nothing changes",
        ),
    ] = 0.1
    count_queue: Annotated[
        bool, Field(description="whether waiting requests are part of the utilization")
    ] = True


class UtilizationPolicy(Policy):
    """Keep (busy + queue) per ready worker at ``target``."""

    kind = "utilization"
    Params = UtilizationParams
    monotone_in_load = True
    rests = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the workers at which utilization meets the target; NoData without a queue."""
        params = cast("UtilizationParams", self.params)
        load = load_of(given) if params.count_queue else given.census.busy
        if isinstance(load, NoData):
            return load, state
        census = given.census
        workers, note = size(load, census, params)
        used = load / census.ready if census.ready else float(load > 0)
        why = f"utilization {used:.0%} of {census.ready} ready, wanted {params.target:.0%}: {note}"
        inputs: dict[str, float | str] = {
            "load": load,
            "ready": census.ready,
            "starting": _starting(census),
            "unreachable": _silent(census),
            "target": params.target,
            "tolerance": params.tolerance,
        }
        return Recommendation(workers, why, inputs), state


def size(load: float, census: Census, params: UtilizationParams) -> tuple[int, str]:
    """Return the wanted workers, and in words how they came about."""
    wanted = workers_up(load / params.target)
    if census.ready == 0:
        # Nothing to compare with. What is still starting is kept: it will be asked about its use.
        return max(wanted, census.capacity), f"{max(wanted, census.capacity)} with none ready yet"
    ratio = load / (census.ready * params.target)
    if abs(1 - ratio) <= params.tolerance:
        return census.capacity, f"within the tolerance, {census.capacity} stay"
    if ratio > 1:
        cautious = load / ((census.ready + _starting(census)) * params.target)
        if cautious <= 1 + params.tolerance:
            return census.capacity, f"those still starting will do, {census.capacity} stay"
        return wanted, f"{wanted} needed"
    missing = _silent(census)
    if missing:
        wanted = workers_up((load + missing) / params.target)
        careful = (load + missing) / ((census.ready + missing) * params.target)
        if careful >= 1 - params.tolerance:
            return census.capacity, f"{missing} unreachable may be busy, {census.capacity} stay"
    wanted = min(wanted, census.capacity)
    return wanted, f"{wanted} are enough"


def _starting(census: Census) -> int:
    return census.in_flight + census.rollin + census.on_order


def _silent(census: Census) -> int:
    """Workers that are there but tell nothing of their use."""
    return census.unavailable + census.unknown
