"""A small world in which a policy's number comes true after a cold start, for time stories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from autoscaler.model import NoData, Recommendation
from autoscaler.policies import Policy, policies
from autoscaler.testing import Scene, observe
from autoscaler.testing.scenes import EPOCH

Make = Callable[..., Policy]


@pytest.fixture
def make() -> Make:
    """Build a policy of a kind from parameters as a file would have them."""

    def build(kind: str, **params: Any) -> Policy:
        cls = policies()[kind]
        return cls(cls.Params.model_validate(params), kind)

    return build


@pytest.fixture
def ask(make: Make) -> Callable[..., int]:
    """Return a policy's number for one scene, without a past."""

    def answer(kind: str, scene: Scene, **params: Any) -> int:
        said, _ = make(kind, **params).recommend(observe(scene), None)
        assert isinstance(said, Recommendation), said
        return said.workers

    return answer


@dataclass
class Story:
    """A policy asked again and again, remembering its state."""

    policy: Policy
    now: float = EPOCH
    state: Any = None
    said: list[Recommendation | NoData] = field(default_factory=list)

    def at(self, seconds: float, scene: Scene) -> int:
        """Ask at a moment of the story; return the number."""
        self.now = EPOCH + seconds
        given = observe(replace(scene, now=self.now))
        answer, self.state = self.policy.recommend(given, self.state)
        self.said.append(answer)
        assert isinstance(answer, Recommendation), answer
        return answer.workers


@pytest.fixture
def story(make: Make) -> Callable[..., Story]:
    """Begin a story of a kind of policy."""

    def begin(kind: str, **params: Any) -> Story:
        return Story(make(kind, **params))

    return begin


@dataclass
class Loop:
    """A closed loop at a constant load: what is wanted is there at the next look."""

    story: Story
    interval_s: float = 15.0
    low: int = 0
    high: int = 60

    def run(self, load: int, looks: int, workers: int = 1) -> list[int]:
        """Return the number of workers after each look."""
        numbers, idle_since = [], 0.0
        for look in range(looks):
            seconds = look * self.interval_s
            busy = min(load, workers)
            scene = Scene(
                busy=busy,
                free=workers - busy,
                queue=load - busy,
                waits_s=(seconds + 1.0,) * (load - busy),
                idle_s=seconds - idle_since,
                signals={self.story.policy.name: float(load)},
                min_workers=self.low,
                max_workers=self.high,
            )
            wanted = min(max(self.story.at(seconds, scene), self.low), self.high)
            idle_since = seconds if wanted != workers else idle_since
            workers = wanted
            numbers.append(workers)
        return numbers


@pytest.fixture
def loop(story: Callable[..., Story]) -> Callable[..., Loop]:
    """Close the loop around a kind of policy."""

    def close(kind: str, **params: Any) -> Loop:
        return Loop(story(kind, **params))

    return close
