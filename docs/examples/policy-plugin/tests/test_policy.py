"""What an author tests: one worked example, and everything the engine relies on."""

import pytest
from autoscaler.testing import Scene, assert_conformant, observe
from autoscaler_gpu_policy import RequestsPerGpuParams, RequestsPerGpuPolicy


@pytest.mark.parametrize(("gpus", "workers"), [(1, 4), (2, 2), (4, 1)])
def test_a_worker_counts_for_its_gpus(gpus: int, workers: int) -> None:
    policy = RequestsPerGpuPolicy(RequestsPerGpuParams(target=2, gpus=gpus))
    answer, _ = policy.recommend(observe(Scene(busy=2, queue=6)), None)
    assert answer.workers == workers


def test_it_conforms() -> None:
    assert_conformant(
        RequestsPerGpuPolicy, RequestsPerGpuParams(), RequestsPerGpuParams(target=2, gpus=2)
    )
