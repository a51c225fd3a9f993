"""Every built-in policy keeps the promises asked of plug-ins, and the suite sees breaches."""

from __future__ import annotations

import json
import random  # noqa: TID251 - what is tested
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autoscaler.model import NoData, PolicyInput, Recommendation
from autoscaler.policies import Answer, Policy, PolicyParams, policies
from autoscaler.testing import assert_conformant, check

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "queue": [{}, {"target": 3}, {"drain_within": 60}, {"drain_within": 30, "service_time": 5}],
    "queue-age": [{}, {"max_age": 30}],
    "free-workers": [{}, {"buffer": 2, "buffer_percent": 25}],
    "utilization": [{}, {"target": 0.5, "tolerance": 0, "count_queue": False}],
    "concurrency": [{}, {"stable_window": "5m", "panic_window": "30s", "scale_down_delay": "2m"}],
    "ongoing-requests": [{}, {"upscale_delay": 0, "downscale_delay": 60, "upscaling_factor": 0.3}],
    "step": [
        {"steps": [{"above": 5, "change": "+2"}, {"below": 1, "change": "-20%"}]},
        {"metric": "free", "breaches": 1, "steps": [{"below": 1, "change": "+50%"}]},
    ],
    "schedule": [
        {"timezone": "Europe/Berlin", "windows": [{"cron": "* 8-17 * * *", "min_workers": 2}]},
        {"windows": [{"cron": "0 */2 * * *", "duration": "30m", "workers": 4, "max_workers": 9}]},
    ],
    "predictive": [{}, {"timezone": "Asia/Shanghai", "slot": "15m"}],
    "prometheus": [
        {"url": "http://prometheus:9090", "query": "sum(x)"},
        {"url": "http://prometheus:9090", "query": "x", "mode": "ratio", "target": 4},
        {"url": "http://prometheus:9090", "query": "x", "mode": "workers", "activation": 3},
    ],
    "webhook": [{"url": "https://example.org/n"}],
    "fixed": [{"workers": 3}],
    "everai-simple": [{}, {"max_workers": 9, "count_starting": False, "keep_min": False}],
    "everai-free-worker": [{}, {"min_free_workers": 3, "scale_up_step": 2}],
}
ELSEWHERE = {"everai-class"}  # needs the platform's package: tests/foreign runs it


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_built_in_policy_conforms(kind: str) -> None:
    policy = policies()[kind]
    assert_conformant(policy, *(policy.Params.model_validate(each) for each in EXAMPLES[kind]))


def test_no_built_in_policy_of_this_folder_is_forgotten() -> None:
    here = {kind for kind, cls in policies().items() if "slo" not in cls.__module__}
    assert here == EXAMPLES.keys() | ELSEWHERE


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_parameter_is_described_and_the_docstring_is_there(kind: str) -> None:
    policy = policies()[kind]
    assert (policy.Params.__doc__ or "").strip()
    for name, field in policy.Params.model_fields.items():
        assert field.description, f"{kind}.{name} has no description"
    json.dumps(policy.Params.model_json_schema())


class Constant(Policy):
    """A policy whose answer is made by a function, to break one promise at a time."""

    kind = "made"
    Params = PolicyParams

    def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
        return self.answer(given), state

    def answer(self, given: PolicyInput) -> Answer:
        raise NotImplementedError


def broken(policy: type[Policy]) -> set[str]:
    return {violation.check for violation in check(policy, PolicyParams(), scenes=20)}


def test_the_suite_sees_a_negative_number() -> None:
    class Made(Constant):
        def answer(self, given: PolicyInput) -> Answer:
            return Recommendation(-1, "too few")

    assert broken(Made) == {"bounds"}


def test_the_suite_sees_a_fraction() -> None:
    class Made(Constant):
        def answer(self, given: PolicyInput) -> Answer:
            return Recommendation(1.5, "half")  # type: ignore[arg-type] # what is tested

    assert broken(Made) == {"bounds"}


def test_the_suite_sees_a_missing_sentence() -> None:
    class Made(Constant):
        def answer(self, given: PolicyInput) -> Answer:
            return NoData("")

    assert broken(Made) == {"explains itself"}


@pytest.mark.parametrize(
    "read",
    [
        time.time,  # noqa: TID251 - what is tested
        time.perf_counter,
        lambda: datetime.now(UTC),  # noqa: TID251 - what is tested
        random.random,
        lambda: Path(__file__).read_text(encoding="utf-8"),
    ],
)
def test_the_suite_sees_clock_randomness_and_files(read: Any) -> None:
    class Made(Constant):
        def answer(self, given: PolicyInput) -> Answer:
            read()
            return Recommendation(1, "one")

    assert broken(Made) == {"pure"}


def test_the_suite_sees_a_policy_that_remembers_by_itself() -> None:
    class Made(Constant):
        calls = 0

        def answer(self, given: PolicyInput) -> Answer:
            self.calls += 1
            return Recommendation(self.calls, "one more")

    assert broken(Made) == {"pure"}


def test_the_suite_sees_a_policy_that_wants_fewer_for_more() -> None:
    class Made(Constant):
        monotone_in_load = True

        def answer(self, given: PolicyInput) -> Answer:
            return Recommendation(max(0, 50 - given.census.busy), "contrary")

    assert broken(Made) == {"monotone in load"}


def test_the_suite_sees_an_exception() -> None:
    class Made(Constant):
        def answer(self, given: PolicyInput) -> Answer:
            return Recommendation(100 // len(given.observation.workers), "a share each")

    assert broken(Made) == {"raises nothing"}


def test_the_suite_sees_a_state_that_cannot_be_stored() -> None:
    class Made(Constant):
        def recommend(self, given: PolicyInput, state: Any) -> tuple[Answer, Any]:
            return Recommendation(1, "one"), object()

    assert "state is JSON" in broken(Made)


def test_an_impure_policy_is_exempt_by_name_only_from_purity() -> None:
    class Made(Constant):
        pure = False

        def answer(self, given: PolicyInput) -> Answer:
            return Recommendation(random.randrange(9), "dice")

    assert broken(Made) == set()
