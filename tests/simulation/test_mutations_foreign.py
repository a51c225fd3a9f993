"""Rule 10, and that its guard is watched: after somebody else scaled three times, downs are held.

A story of its own: which of the simulation's other hands a process can have noticed is not the
platform's to know, so the seeds cannot judge it.
"""

from __future__ import annotations

import pytest

from autoscaler.decision import action, expectations
from autoscaler.decision.spec import Direction
from autoscaler.model import Reason
from tests.fakes.stories import Story, spec

pytestmark = pytest.mark.mutation


def downs_are_held() -> None:
    story = Story(spec(min_workers=0, max_workers=9, down=Direction()))
    present = ["a free", "b free"]
    story.at(0).wants(2).sees(*present)
    for number, name in enumerate("cde", start=1):
        present.append(f"{name} free")
        story.at(15 * number).wants(len(present)).sees(*present)
    story.at(60).wants(1).sees(*present).expects(hold=Reason.FOREIGN_SCALER)


def test_downs_are_held_after_foreign_scaling() -> None:
    downs_are_held()


def test_a_limit_that_is_never_reached_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action, "FOREIGN_LIMIT", 1_000_000)
    with pytest.raises(AssertionError):
        downs_are_held()


def test_foreign_scaling_that_goes_unnoticed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "_foreign", lambda *_: ())
    with pytest.raises(AssertionError):
        downs_are_held()
