from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter

import pytest
from pydantic import ValidationError

from autoscaler.model.errors import ConfigurationError
from autoscaler.simulator.lab.comparison import SLO
from autoscaler.simulator.lab.drivers import PipelineDriver
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.generators import Service, mmpp
from autoscaler.simulator.lab.judgement import judge
from autoscaler.simulator.lab.peers import PEERS, Peer, build, policy_names
from autoscaler.simulator.lab.platform import Setup
from autoscaler.simulator.lab.trace import MemoryTrace

LOAD = MemoryTrace("mmpp", tuple(mmpp((0.1, 1.0), (300.0, 200.0), 4000, seed=2)))
CONTRACT = [
    "trace",
    "policy",
    "cold_start_s",
    "requests",
    "work_s",
    "cost_worker_s",
    "cost_over_work",
    "clairvoyant_over_work",
    "cost_over_clairvoyant",
    "share_over_target",
    "wait_p50_s",
    "wait_p95_s",
    "wait_p99_s",
    "wait_max_s",
    "scale_ups",
    "scale_downs",
    "under_provisioned_share",
    "over_provisioned_share",
    "events_per_s",
]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.kind)
def test_every_peer_serves_a_load_in_the_end(peer: Peer) -> None:
    result = simulate(LOAD, PipelineDriver(peer.spec()), Setup(cold_start_s=30.0))
    assert result.unserved == 0
    assert result.cost_over_work > 1


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.kind)
def test_every_point_of_the_grid_is_valid(peer: Peer) -> None:
    points = [peer.spec(values) for values in peer.tunings()]
    assert len(points) >= 6


def test_unknown_policies_and_parameters_are_refused() -> None:
    assert "slo" in policy_names()
    with pytest.raises(ConfigurationError, match="no such policy"):
        build("magic", {})
    with pytest.raises(ValidationError):
        build("slo", {"speed": 1})


def test_simple_with_its_defaults_is_cheap_and_late(
    recorded: Callable[[str], MemoryTrace],
) -> None:
    """One worker a cold start cannot follow a load of 25: nearly half of the requests wait."""
    found = simulate(
        recorded("azure23_llm_conv"), PipelineDriver(PEERS[0].spec()), Setup(cold_start_s=60.0)
    )
    assert found.share_over_target > 0.4


def test_a_judgement_has_the_promised_names() -> None:
    spec = PEERS[0].spec()
    setup = Setup(cold_start_s=30.0)
    judged = judge(LOAD, spec, setup, cold_start_s=30.0, stopwatch=perf_counter)
    figures = judged.as_json()
    assert list(figures) == CONTRACT
    assert json.loads(json.dumps(figures)) == figures
    assert figures["cost_over_clairvoyant"] == pytest.approx(
        figures["cost_over_work"] / figures["clairvoyant_over_work"], rel=1e-4
    )


def test_a_trace_of_one_request_is_judged() -> None:
    one = MemoryTrace("one", ((3.0, 2.0),))
    judged = judge(
        one, SLO.spec(), Setup(cold_start_s=30.0), cold_start_s=30.0, stopwatch=perf_counter
    )
    assert judged.run.requests == 1
    assert judged.run.unserved == 0


@pytest.mark.parametrize("cold_start_s", [15.0, 60.0, 180.0])
@pytest.mark.parametrize(
    "name",
    [
        "azure23_llm_code",
        "azure23_llm_conv",
        "gentd26_lora_fold_a",
        "gentd26_qps_a",
        "gentd26_qps_x5_a",
    ],
)
def test_slo_keeps_its_promise_on_recorded_loads(
    recorded: Callable[[str], MemoryTrace], name: str, cold_start_s: float
) -> None:
    result = simulate(recorded(name), PipelineDriver(SLO.spec()), Setup(cold_start_s=cold_start_s))
    assert result.share_over_target <= 0.05


def test_slo_wastes_little_on_a_steady_load() -> None:
    load = MemoryTrace("steady", tuple(mmpp((4.0,), (1000.0,), 6000, seed=8, service=Service(6.0))))
    judged = judge(
        load, SLO.spec(), Setup(cold_start_s=60.0), cold_start_s=60.0, stopwatch=perf_counter
    )
    assert judged.run.share_over_target <= 0.05
    assert judged.cost_over_clairvoyant is not None
    assert judged.cost_over_clairvoyant < 1.2
