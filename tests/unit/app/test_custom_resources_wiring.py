"""The parts that follow a cluster's objects: wired together, over a cluster in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from autoscaler.app.custom_resources import ANEW_S, CustomResources
from autoscaler.model.errors import ResourceError
from autoscaler.ports import AlwaysLeader
from autoscaler.settings import Settings
from tests.fakes.clock import ManualClock, settle
from tests.fakes.resources import FakeResources, resource

FILE = Path("/etc/autoscaler.yaml")


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate({"custom_resources": {"enabled": True}})


@contextmanager
def logged() -> Iterator[list[str]]:
    events: list[str] = []
    with capture_logs() as entries:
        yield events
    events += [str(entry["event"]) for entry in entries]


async def test_an_object_is_judged_and_answered(
    manual_clock: ManualClock, settings: Settings
) -> None:
    cluster = FakeResources()
    cluster.put(resource("one", "team"))
    cluster.put(resource("two", "elsewhere"))
    source = CustomResources(cluster, ("team",), manual_clock, AlwaysLeader())
    source.start()
    async with asyncio.timeout(5):
        await source.changed()
    objects = source.take()
    judged = source.judge(objects, settings, FILE)
    source.say(objects, judged)
    await settle()
    assert [app.name for app in judged.settings.apps] == ["one"]
    assert cluster.status("one", "team")["observedGeneration"] == 1
    assert (source.tally.ready, source.tally.refused) == (1, 0)
    await source.aclose()
    assert cluster.closed


async def test_a_fault_of_ours_is_said_and_the_part_begins_anew(
    manual_clock: ManualClock, settings: Settings
) -> None:
    cluster = FakeResources(faults=[RuntimeError("a bug")])
    cluster.put(resource("one", "team"))
    source = CustomResources(cluster, ("team",), manual_clock, AlwaysLeader())
    with logged() as events:
        source.start()
        await settle()
        assert dict(source.take()) == {}
        await manual_clock.advance(ANEW_S)
        assert [key.name for key in source.take()] == ["one"]
    assert "custom resources: a part failed, and begins anew" in events
    # and so does what writes: the next change is told
    cluster.faults = [RuntimeError("another bug")]
    for _ in range(2):
        cluster.change("one", "team", min_workers=2)
        await settle()
        objects = source.take()
        source.say(objects, source.judge(objects, settings, FILE))
        await settle()
        await manual_clock.advance(2 * ANEW_S)
    assert cluster.status("one", "team")["observedGeneration"] == 3
    await source.aclose()


async def test_a_single_pass_does_not_wait_for_ever(
    manual_clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoscaler.app.custom_resources.FIRST_LIST_S", 0.05)
    cluster = FakeResources(faults=[ResourceError("503")] * 1000)
    source = CustomResources(cluster, ("team",), manual_clock, AlwaysLeader())
    source.start()
    with logged() as events:
        await source.first()
    assert any("could not be listed" in event for event in events)
    await source.aclose()
