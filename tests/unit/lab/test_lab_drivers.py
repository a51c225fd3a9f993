from __future__ import annotations

from autoscaler.decision import AppMemory, decide
from autoscaler.model import Action, Observation, ScaleDown, ScaleUp
from autoscaler.policies.slo import SloParams, SloPolicy
from autoscaler.simulator.lab.drivers import PipelineDriver, PolicyDriver, lab_spec
from autoscaler.simulator.lab.engine import simulate
from autoscaler.simulator.lab.generators import Service, mmpp
from autoscaler.simulator.lab.platform import Dispatch, Setup

LOAD = mmpp((0.05, 1.5), (400.0, 200.0), 6000, seed=11, service=Service(12.0))

ORDERS: tuple[Dispatch, ...] = ("last-used", "least-used", "random")


class Witness(PipelineDriver):
    """Keeps each list and what was decided on it, with the memory before."""

    def __init__(self) -> None:
        super().__init__(lab_spec(SloPolicy(SloParams())))
        self.kept: list[tuple[Observation, AppMemory, Action]] = []

    def decide(self, observation: Observation) -> Action:
        before = self._memory
        action = super().decide(observation)
        self.kept.append((observation, before, action))
        return action


def test_the_simulator_decides_what_the_daemon_would() -> None:
    """The daemon calls ``decide`` with a list, its memory and the time: so does the simulator."""
    witness = Witness()
    simulate(LOAD, witness, Setup(cold_start_s=30.0))
    spec = lab_spec(SloPolicy(SloParams()))
    kinds = set()
    for observation, memory, action in witness.kept:
        decision, _ = decide(spec, observation, memory, observation.received_at)
        assert decision.action == action
        kinds.add(type(action))
    assert {ScaleUp, ScaleDown} <= kinds


def test_orders_that_are_not_listed_yet_are_not_repeated() -> None:
    for driver in (
        PipelineDriver(lab_spec(SloPolicy(SloParams()))),
        PolicyDriver(SloPolicy(SloParams())),
    ):
        setup = Setup(cold_start_s=120.0, list_lag_s=40.0, warmup_s=0.0)
        result = simulate([(1.0, 5.0)], driver, setup)
        assert result.ordered <= 2
        assert result.unserved == 0


def test_bare_policy_and_pipeline_agree_where_nothing_limits() -> None:
    setup = Setup(cold_start_s=60.0)
    bare = simulate(LOAD, PolicyDriver(SloPolicy(SloParams())), setup)
    whole = simulate(LOAD, PipelineDriver(lab_spec(SloPolicy(SloParams()))), setup)
    assert abs(bare.cost_worker_s / whole.cost_worker_s - 1) < 0.05


def test_the_cost_of_slo_does_not_depend_on_who_is_served_next() -> None:
    """It counts workers and never asks which: an order of dispatch need not be inferred."""
    found = {
        dispatch: simulate(
            LOAD,
            PolicyDriver(SloPolicy(SloParams())),
            Setup(cold_start_s=60.0, dispatch=dispatch),
        )
        for dispatch in ORDERS
    }
    assert len({result.cost_worker_s for result in found.values()}) == 1
