from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from autoscaler.decision import AppMemory
from autoscaler.decision.change import changed
from autoscaler.model import Worker, WorkerState
from autoscaler.model.frozen import changer, maker


@dataclass(frozen=True, slots=True)
class Shelf:
    label: str
    books: dict[str, int] = field(default_factory=dict)
    height_cm: float = 30.0


def test_a_maker_makes_what_the_class_makes() -> None:
    made = maker(Worker)("w1", WorkerState.FREE, success_count=3)
    usual = Worker("w1", WorkerState.FREE, success_count=3)
    assert type(made) is Worker
    assert made == usual
    assert hash(made) == hash(usual)
    assert repr(made) == repr(usual)
    assert copy.copy(made) == copy.deepcopy(made) == usual
    with pytest.raises(FrozenInstanceError):
        made.state = WorkerState.BUSY  # type: ignore[misc]  # that is the point


def test_a_maker_has_the_defaults_of_the_class() -> None:
    make = maker(Shelf)
    first, second = make("a"), make("b", height_cm=40.0)
    assert (first, second) == (Shelf("a"), Shelf("b", {}, 40.0))
    assert first.books is not second.books
    books = {"x": 1}
    assert make("c", books).books is books
    with pytest.raises(TypeError, match="label"):
        make()  # type: ignore[call-arg]  # that is the point


def test_a_change_leaves_the_old_one_alone() -> None:
    before = Shelf("a", {"x": 1})
    after = changer(Shelf)(before, height_cm=40.0)
    assert after == replace(before, height_cm=40.0)
    assert after.books is before.books
    assert before == Shelf("a", {"x": 1})


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="colour"):
        changer(Shelf)(Shelf("a"), colour="red")


@pytest.mark.parametrize("name", [f.name for f in fields(AppMemory)])
def test_every_field_of_a_memory_can_be_changed_alone(name: str) -> None:
    before = AppMemory(last_look_at=7.0, cold_starts_s=(1.0, 2.0))
    mark: Any = object()
    after = changed(before, **{name: mark})
    assert type(after) is AppMemory
    assert getattr(after, name) is mark
    for other in fields(AppMemory):
        if other.name != name:
            assert getattr(after, other.name) is getattr(before, other.name)
