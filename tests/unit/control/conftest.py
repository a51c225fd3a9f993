"""A reconciler over a platform in memory."""

from __future__ import annotations

import pytest

from tests.fakes.bench import Bench
from tests.fakes.clock import ManualClock
from tests.fakes.platform import FakePlatform
from tests.fakes.recorder import RecordingRecorder


@pytest.fixture
def bench(
    manual_clock: ManualClock, fake_platform: FakePlatform, recording: RecordingRecorder
) -> Bench:
    return Bench(manual_clock, fake_platform, recording)
