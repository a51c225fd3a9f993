"""Rows come back as they went in, to a hundredth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.history import packing
from autoscaler.history.minutes import Minute
from autoscaler.telemetry.serialize import decision_fields
from tests.fakes.past import decision

_seconds = st.floats(0, 1e7)
_count = st.integers(0, 10**9)
MINUTES = st.builds(
    Minute,
    at=_count, seen_s=_seconds, looks=_count, free_s=_seconds, busy_s=_seconds,
    in_flight_s=_seconds, other_s=_seconds, workers_max=_count, queue_s=_seconds,
    queue_seen_s=_seconds, queue_max=st.none() | _count, desired=st.none() | _count,
    max_workers=_count, arrivals=_seconds, served=_count, cost=st.floats(0, 1e6),
    price=st.floats(0, 1e4), proposals=st.dictionaries(st.text(max_size=20), _count, max_size=4),
)  # fmt: skip


def near(found: Minute, meant: Minute) -> None:
    for name, value in meant._asdict().items():
        told = getattr(found, name)
        assert told == (pytest.approx(value, abs=0.0051) if isinstance(value, float) else value)


@given(MINUTES)
def test_a_minute_comes_back(minute: Minute) -> None:
    near(packing.unpack_minute(packing.pack_minute(minute)), minute)


@given(st.lists(MINUTES, min_size=1, max_size=8))
def test_an_hour_comes_back(minutes: list[Minute]) -> None:
    packed = packing.pack_hour(map(packing.pack_minute, minutes))
    for found, meant in zip(packing.unpack_hour(packed), minutes, strict=True):
        near(found, meant)


def test_a_decision_comes_back_and_is_small() -> None:
    fields = decision_fields(decision(1_764_000_000.0, up=2))
    packed = packing.pack_event(fields)
    assert packing.unpack_event(packed) == fields
    assert len(packed) < 250


@pytest.mark.parametrize("row", [b"", b"\x00", b"not packed at all", b"\xff" * 40])
def test_a_damaged_row_is_said(row: bytes) -> None:
    for unpack in (packing.unpack_event, packing.unpack_minute, packing.unpack_hour):
        with pytest.raises(ValueError, match="cannot be read"):
            unpack(row)
