"""Traces for the laboratory's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.simulator.lab.trace import MemoryTrace, load

ROOT = Path(__file__).parents[3]
PLACES = (ROOT / "tests" / "data" / "traces", ROOT.parent / "shared" / "traces")


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], MemoryTrace]:
    """Load a recorded trace by name; skip the test, saying so, where it is not there."""
    loaded: dict[str, MemoryTrace] = {}

    def find(name: str) -> MemoryTrace:
        if name not in loaded:
            for place in PLACES:
                file = place / f"{name}.csv.gz"
                if file.exists():
                    loaded[name] = load(file)
                    break
            else:
                pytest.skip(f"trace {name} is not in {PLACES[1]}: it may not be distributed")
        return loaded[name]

    return find
