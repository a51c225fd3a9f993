"""Whatever a policy makes of a load: while that stays the same, so does the number in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PARAMS: dict[str, dict[str, Any]] = {
    "queue": {},
    "queue-age": {},
    "free-workers": {"buffer": 2, "buffer_percent": 20},
    "utilization": {},
    "concurrency": {},
    "ongoing-requests": {"downscale_delay": 60},
    "step": {"steps": [{"above": 4, "change": "+2"}, {"above": 12, "change": "+50%"}]},
    "prometheus": {"url": "https://example.org", "query": "x", "target": 2},
    "webhook": {"url": "https://example.org"},
    "fixed": {"workers": 4},
    "everai-simple": {},
    "everai-free-worker": {"min_free_workers": 2},
}


@pytest.mark.parametrize("kind", PARAMS)
@pytest.mark.parametrize("load", [0, 1, 7, 23])
def test_no_flapping_under_a_constant_load(kind: str, load: int, loop: Callable[..., Any]) -> None:
    numbers = loop(kind, **PARAMS[kind]).run(load, looks=200)
    settled = numbers[100:]
    assert set(settled) == {settled[0]}


@pytest.mark.parametrize("kind", sorted(PARAMS.keys() - {"fixed", "webhook", "prometheus"}))
@pytest.mark.parametrize("load", [1, 7, 23])
def test_nobody_is_left_waiting_for_ever(kind: str, load: int, loop: Callable[..., Any]) -> None:
    """``step`` and ``everai-simple`` allow for a queue, the others serve the whole load."""
    allowed = {"step": 4, "everai-simple": 1}.get(kind, 0)
    assert loop(kind, **PARAMS[kind]).run(load, looks=200)[-1] >= load - allowed


def test_the_original_free_worker_policy_flaps_where_ours_does_not(
    loop: Callable[..., Any],
) -> None:
    original = loop("everai-free-worker", keep_free=False).run(3, looks=200)
    assert len(set(original[100:])) > 1
