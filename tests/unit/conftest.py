"""Fixtures that every unit test may ask for; the builders themselves are in tests/fakes."""

from __future__ import annotations

import pytest

from tests.fakes.clock import ManualClock
from tests.fakes.platform import FakePlatform
from tests.fakes.recorder import RecordingRecorder
from tests.fakes.stories import Story


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def manual_clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fake_platform(manual_clock: ManualClock) -> FakePlatform:
    return FakePlatform(manual_clock)


@pytest.fixture
def recording() -> RecordingRecorder:
    return RecordingRecorder()
