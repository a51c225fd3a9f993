"""``everai-class`` where the platform's package is not installed, and with a stand-in for it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from autoscaler.model import NoData, Recommendation
from autoscaler.policies import policies
from autoscaler.testing import Scene, observe
from autoscaler.testing.scenes import EPOCH


class Factors(BaseModel):
    """What a class is given, in the interface's own names; unknown ones are kept for the test."""

    model_config = {"extra": "allow"}


@dataclass
class Action:
    action: str
    count: int = 0
    worker_id: str = ""


@dataclass
class Result:
    max_workers: int
    actions: list[Action] = field(default_factory=list)


class Scaler:
    """One more than there is, or the removal of named workers."""

    seen: ClassVar[list[Any]] = []

    def __init__(self, count: int = 1, gone: str = "") -> None:
        self.count, self.gone = count, gone

    def decide(self, factors: Any) -> Result:
        print("as the platform's own classes do")  # noqa: T201 - what is tested
        self.seen.append(factors)
        gone = [Action("ScaleDown", worker_id=each) for each in self.gone.split()]
        return Result(9, gone or [Action("ScaleUp", count=self.count)])


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put modules in the place of the platform's package and of a third party's."""
    package, model = ModuleType("everai_autoscaler"), ModuleType("everai_autoscaler.model")
    model.Factors = Factors  # type: ignore[attr-defined] # a module made by hand
    theirs = ModuleType("their_scaler")
    theirs.Scaler = Scaler  # type: ignore[attr-defined] # likewise
    for module in (package, model, theirs):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(Scaler, "seen", [])


def build(**arguments: Any) -> Any:
    cls = policies()["everai-class"]
    return cls(cls.Params.model_validate({"path": "their_scaler:Scaler", "arguments": arguments}))


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("everai_autoscaler", "everai_autoscaler.model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValidationError, match="pip install --no-deps everai-autoscaler"):
        build()


@pytest.mark.usefixtures("installed")
def test_its_number_becomes_a_recommendation(capsys: pytest.CaptureFixture[str]) -> None:
    answer, _ = build(count=3).recommend(observe(Scene(busy=2, in_flight=1, on_order=1)), None)
    assert isinstance(answer, Recommendation)
    assert answer.workers == 7
    answer, _ = build(count=30).recommend(observe(Scene(busy=2)), None)
    assert answer.workers == 9  # its own maximum
    answer, _ = build(gone="w0 w1 w1 nobody").recommend(observe(Scene(free=5)), None)
    assert answer.workers == 3  # named twice counts once, unknown ones not at all
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("installed")
def test_the_factors_hold_queue_workers_and_histories() -> None:
    policy, state = build(), None
    for look in range(3):
        scene = Scene(busy=1, free=1, on_order=1, queue=look, idle_s=30, now=EPOCH + 15 * look)
        _, state = policy.recommend(observe(scene), state)
    seen = Scaler.seen[-1]
    assert seen.queue == {"NotDispatch": 0, "QueueDueSession": 0, "QueueDueBusy": 2}
    assert seen.worker == {"Inflight": 1, "Free": 1, "Busy": 1}
    assert {age: queue["QueueDueBusy"] for age, queue in seen.queue_histories.items()} == {
        15: 1,
        30: 0,
    }
    assert [worker["status"] for worker in seen.workers] == ["Busy", "Free", "Inflight"]
    assert seen.workers[1]["last_service_time"] == int(EPOCH)
    assert seen.workers[0]["current_request"] == 1


@pytest.mark.usefixtures("installed")
def test_a_queue_that_was_not_listed_is_no_data() -> None:
    answer, _ = build().recommend(observe(Scene(queue_listed=False)), None)
    assert isinstance(answer, NoData)
