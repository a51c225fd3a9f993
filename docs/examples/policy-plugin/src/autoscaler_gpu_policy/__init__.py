"""``requests-per-gpu``: a worker with two GPUs counts for two.

Formula: ``ceil((busy + queue) / (target * GPUs per worker))``, the GPUs per worker being the mean of
the workers that say how many they have.
"""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any, cast

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies import Answer, Policy, PolicyParams
from pydantic import Field


class RequestsPerGpuParams(PolicyParams):
    """Parameters of ``requests-per-gpu``."""

    target: Annotated[
        float, Field(gt=0, le=1000, description="requests (being served or waiting) per GPU")
    ] = 1.0
    gpus: Annotated[
        int, Field(ge=1, le=64, description="GPUs per worker while no worker tells, count")
    ] = 1


class RequestsPerGpuPolicy(Policy):
    """Workers for the load at ``target`` requests per GPU."""

    kind = "requests-per-gpu"
    Params = RequestsPerGpuParams
    monotone_in_load = True

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        """Return the workers for the load; NoData where the queue is not known."""
        queue = given.observation.queue_size
        if isinstance(queue, NoData):
            return queue, state
        params = cast("RequestsPerGpuParams", self.params)
        told = [worker.gpu_num for worker in given.observation.workers if worker.gpu_num > 0]
        gpus = sum(told) / len(told) if told else params.gpus
        load = given.census.busy + queue
        workers = ceil(load / (params.target * gpus) - 1e-9)
        why = f"{load} requests at {params.target:g} per GPU and {gpus:g} GPUs a worker"
        return Recommendation(max(0, workers), why, {"load": load, "gpus": gpus}), state
