"""Load generators, service times and traces."""

from __future__ import annotations

import gzip
import statistics
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from autoscaler.emulator.distributions import Distribution
from autoscaler.emulator.load import Load, read_trace
from autoscaler.emulator.rng import stream
from autoscaler.model.errors import ConfigurationError

RNG_SEED = 5
DISTRIBUTION: TypeAdapter[Any] = TypeAdapter(Distribution)


def arrivals(*phases: dict[str, Any], limit: int = 100_000, **more: Any) -> list[float]:
    load = Load.model_validate({"phases": phases, **more})
    return [each.arrival_s for each in islice(load.arrivals(stream(RNG_SEED, "load")), limit)]


def between(times: list[float], begin_s: float, end_s: float) -> int:
    return sum(begin_s <= time < end_s for time in times)


def test_a_plateau_has_its_rate() -> None:
    times = arrivals({"phase": "plateau", "per_s": 2, "for_s": "1h"})
    assert times == sorted(times)
    assert 6900 < len(times) < 7500
    gaps = [b - a for a, b in pairwise(times)]
    assert 0.9 < statistics.stdev(gaps) / statistics.mean(gaps) < 1.1  # as a Poisson process has


def test_phases_follow_each_other() -> None:
    times = arrivals(
        {"phase": "ramp", "from_per_s": 0, "to_per_s": 10, "for_s": 200},
        {"phase": "silence", "for_s": 100},
        {"phase": "burst", "requests": 50, "for_s": 2},
        {"phase": "plateau", "per_s": 1, "for_s": 100},
    )
    assert between(times, 0, 50) < 110
    assert 380 < between(times, 150, 200) < 500
    assert between(times, 200, 300) == 0
    assert between(times, 300, 302) == 50
    assert max(times) < 402


def test_steps_and_waves() -> None:
    steps = arrivals({"phase": "steps", "per_s": [0, 5], "each_s": 100, "for_s": 400})
    assert between(steps, 0, 100) == between(steps, 200, 300) == 0
    assert between(steps, 100, 200) > 400
    wave = arrivals(
        {"phase": "sine", "mean_per_s": 1, "amplitude_per_s": 1, "period_s": 1000, "for_s": 1000}
    )
    assert between(wave, 0, 100) < 30
    assert between(wave, 450, 550) > 150


def test_repeat_starts_again() -> None:
    times = arrivals(
        {"phase": "burst", "requests": 3, "for_s": 1},
        {"phase": "silence", "for_s": 9},
        repeat=True,
        limit=9,
    )
    assert [int(time) for time in times] == [0, 0, 0, 10, 10, 10, 20, 20, 20]


def test_the_last_phase_may_be_endless() -> None:
    assert len(arrivals({"phase": "plateau", "per_s": 1}, limit=5000)) == 5000


def test_the_same_seed_is_the_same_load() -> None:
    phase = {"phase": "plateau", "per_s": 1, "for_s": 100}
    assert arrivals(phase) == arrivals(phase)


@pytest.mark.parametrize(
    "load",
    [
        {"phases": [{"phase": "silence"}, {"phase": "plateau", "per_s": 1}]},
        {"phases": [{"phase": "silence", "for_s": 1}], "repeat": True},
        {"phases": [{"phase": "silence"}], "trace": "x.csv"},
        {"phases": [{"phase": "plateau", "per_s": -1}]},
        {"phases": [{"phase": "tsunami"}]},
    ],
)
def test_loads_that_make_no_sense_are_refused(load: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Load.model_validate(load)


@pytest.mark.parametrize(
    ("text", "low", "high", "mean"),
    [
        (7, 7, 7, 7),
        ("1m30s", 90, 90, 90),
        ({"type": "uniform", "low_s": 2, "high_s": 4}, 2, 4, 3),
        ({"type": "exponential", "mean_s": 3}, 0, 100, 3),
        ({"type": "lognormal", "median_s": 2, "sigma": 0.5, "max_s": 9}, 0, 9, 2.26),
        ({"type": "quantiles", "values_s": [1, 2, 10]}, 1, 10, 3.75),
    ],
)
def test_distributions(text: Any, low: float, high: float, mean: float) -> None:
    distribution = DISTRIBUTION.validate_python(text)
    rng = stream(RNG_SEED, "draws")
    draws = [distribution.draw(rng) for _ in range(5000)]
    assert low <= min(draws)
    assert max(draws) <= high
    assert statistics.mean(draws) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    "text",
    [
        -1,
        "soon",
        True,
        None,
        {"type": "uniform", "low_s": 4, "high_s": 2},
        {"type": "quantiles", "values_s": [3, 1]},
        {"type": "lognormal", "median_s": 1, "sigma": 0},
    ],
)
def test_distributions_that_make_no_sense_are_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        DISTRIBUTION.validate_python(text)


def test_a_trace_is_read_with_and_without_head_and_gzip(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_text("0.5,1\n0.5,2.25\n")
    packed.write_bytes(gzip.compress(b"arrival_s,service_s\n0.5,1\n0.5,2.25\n"))
    assert list(read_trace(plain)) == list(read_trace(packed)) == [(0.5, 1), (0.5, 2.25)]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("1,2\nx,2\n", ["line 2", "'x,2'"]),
        ("1,2\n3\n", ["line 2", "'3'"]),
        ("1,-2\n", ["line 1", "'1,-2'"]),
        ("1,nan\n", ["line 1", "'1,nan'"]),
        ("5,1\n4,1\n", ["line 2", "4", "sort"]),
        ("", ["no requests"]),
    ],
)
def test_a_bad_trace_is_refused_by_line_and_value(
    tmp_path: Path, content: str, names: list[str]
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as refused:
        read_trace(file)
    assert all(name in str(refused.value) for name in [*names, str(file)])


def test_a_trace_that_is_missing_or_no_gzip(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
    file = tmp_path / "broken.csv.gz"
    file.write_bytes(b"not gzip")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_trace(file)
