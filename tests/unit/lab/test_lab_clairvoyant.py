from __future__ import annotations

from collections.abc import Callable

import pytest

from autoscaler.simulator.lab.bound import lower_bound
from autoscaler.simulator.lab.clairvoyant import clairvoyant, reference
from autoscaler.simulator.lab.generators import Service, poisson
from autoscaler.simulator.lab.trace import MemoryTrace

TABLE = {
    "azure23_llm_code": (1.538, 2.554, 4.166),
    "azure23_llm_conv": (1.047, 1.130, 1.223),
    "gentd26_lora_a": (1.312, 1.818, 2.412),
    "gentd26_lora_fold_a": (1.177, 1.448, 1.754),
    "gentd26_qps_a": (1.045, 1.146, 1.275),
    "gentd26_qps_x5_a": (1.021, 1.081, 1.193),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("place", [0, 1, 2], ids=["15s", "60s", "180s"])
def test_the_published_table(recorded: Callable[[str], MemoryTrace], name: str, place: int) -> None:
    found = reference(recorded(name).requests, (15.0, 60.0, 180.0)[place])
    assert found.cost_over_work == pytest.approx(TABLE[name][place], rel=0.005)


def test_nobody_is_late_in_the_reference_of_a_long_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = tuple(poisson(0.5, 4000, seed=5, service=Service(8.0)))
    short = reference(requests, 60.0)
    monkeypatch.setattr("autoscaler.simulator.lab.clairvoyant.LATE_SEARCH_LIMIT", 100)
    long = reference(requests, 60.0)
    assert short.late > long.late == 0
    assert short.gaps_s < long.gaps_s


def test_one_request_costs_a_cold_start() -> None:
    assert clairvoyant([(0.0, 20.0)], 60.0).cost_over_work == 4.0


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    short = clairvoyant([(0.0, 10.0), (30.0, 10.0)], 60.0)
    assert short.gaps_s == 60.0 + 20.0
    long = clairvoyant([(0.0, 10.0), (3000.0, 10.0)], 60.0)
    assert long.gaps_s == 120.0


def test_waiting_within_the_target_costs_nothing() -> None:
    assert clairvoyant([(0.0, 10.0), (1.0, 10.0)], 60.0).gaps_s == 60.0
    assert clairvoyant([(0.0, 12.0), (1.0, 10.0)], 60.0, target_wait_s=10.0).gaps_s == 120.0


def test_a_late_share_saves_and_is_kept_to() -> None:
    requests = tuple(poisson(0.5, 4000, seed=5, service=Service(8.0)))
    strict = clairvoyant(requests, 60.0, late_share=0.0)
    lax = clairvoyant(requests, 60.0, late_share=0.05)
    assert lax.gaps_s < strict.gaps_s
    assert lax.late <= 0.05 * len(requests)


def test_nothing_at_all_costs_nothing() -> None:
    assert clairvoyant([], 60.0).cost_over_work == 1.0


@pytest.mark.parametrize("cold_start_s", [15.0, 60.0])
def test_the_bound_lies_below_the_schedule(cold_start_s: float) -> None:
    pytest.importorskip("scipy")
    requests = tuple(poisson(0.05, 600, seed=2, service=Service(20.0)))
    for late_share in (0.0, 0.05):
        bound = lower_bound(requests, cold_start_s, late_share=late_share, slot_s=2.0)
        schedule = clairvoyant(requests, cold_start_s, late_share=late_share)
        assert 1.0 <= bound <= schedule.cost_over_work
        assert bound > 0.7 * schedule.cost_over_work


def test_the_bound_of_one_request_is_nearly_its_cost() -> None:
    pytest.importorskip("scipy")
    bound = lower_bound([(100.0, 20.0)], 60.0, late_share=0.0, slot_s=1.0)
    assert 3.8 <= bound <= 4.0
