from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from typer.testing import CliRunner, Result

from autoscaler.cli import program
from autoscaler.model.errors import ConfigurationError
from autoscaler.policies import policies
from autoscaler.settings import load
from autoscaler.simulator.lab import tuning
from autoscaler.simulator.lab.peers import build, params_of
from autoscaler.simulator.lab.tuning import Dimension, Trial, Values

RUNNER = CliRunner()
LOAD = "mmpp:rates=0.2/2,sojourns=900/300,duration=3000,service=6"


def tune(*arguments: str) -> Result:
    return RUNNER.invoke(program, ["tune", "--trace", LOAD, "--jobs", "1", *arguments])


def bowl(values: Values) -> Trial:
    """A cost with one lowest point, and lateness that grows with ``x``."""
    x, y = float(values.get("x", 9.0)), float(values.get("y", 9.0))
    return Trial(values, 1 + (x - 3) ** 2 + (y - 5) ** 2, x / 100, 1)


def searched(seed: int, trials: int = 80, allowed: float = 0.05) -> tuple[Trial, ...]:
    def evaluate(batch: Sequence[Values]) -> tuple[Sequence[Trial], bool]:
        return [bowl(values) for values in batch], False

    made, interrupted = tuning.search(
        [Dimension("x", 0.0, 10.0), Dimension("y", 0.1, 10.0, logarithmic=True)],
        lambda values: values,
        evaluate,
        start={},
        trials=trials,
        allowed=allowed,
        rng=Random(seed),
    )
    assert not interrupted
    return made


def test_a_search_comes_close_to_the_lowest_point() -> None:
    made = searched(1)
    assert len(made) == 80
    assert made[0].values == {}
    assert tuning.best(made, 0.05).cost < 1.2
    # With less allowed, the cheapest lies on the limit.
    tight = tuning.best(searched(1, allowed=0.02), 0.02)
    assert 0.015 < tight.late <= 0.02


def test_the_same_seed_makes_the_same_trials() -> None:
    assert searched(3) == searched(3) != searched(4)


def test_the_first_trials_leave_no_gap() -> None:
    """Of any 16 in a row, two fall into each eighth of each range, give or take one."""
    places = tuning.spread_out(2, seed=1)
    known = [next(places) for _ in range(64)]
    for axis in range(2):
        eighths = [int(8 * place[axis]) for place in known]
        assert all(6 <= eighths.count(i) <= 10 for i in range(8))


def test_a_choice_is_found_at_every_place() -> None:
    one = Dimension("x", choices=("a", "b", "c"))
    assert [one.at(place) for place in (0.0, 0.34, 0.99)] == ["a", "b", "c"]


def test_a_search_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats.qmc", None)
    done = tune("--policy", "utilization", "--trials", "4")
    assert done.exit_code == 2
    assert "the search needs scipy; install the extra 'lab'" in done.stderr


def test_an_interrupt_keeps_the_trials_made() -> None:
    batches = 0

    def evaluate(batch: Sequence[Values]) -> tuple[Sequence[Trial], bool]:
        nonlocal batches
        batches += 1
        found = [bowl(values) for values in batch]
        return (found, False) if batches < 3 else (found[:2], True)

    made, interrupted = tuning.search(
        [Dimension("x", 0.0, 10.0)], lambda values: values, evaluate,
        start={}, trials=80, allowed=0.05, rng=Random(1),
    )  # fmt: skip
    assert interrupted
    assert len(made) == 1 + 8 + 2


def test_the_front_and_the_best() -> None:
    cheap, good, worse, idle = (
        Trial({}, 1.0, 0.3, 1),
        Trial({}, 2.0, 0.04, 1),
        Trial({}, 2.5, 0.045, 1),
        Trial({}, 0.0, 1.0, 0, unserved=9),
    )
    made = (worse, idle, good, cheap)
    assert tuning.front(made) == (cheap, good)
    assert tuning.best(made, 0.05) is good
    assert tuning.best(made, 0.001) is good


@pytest.mark.parametrize("kind", sorted(policies()))
def test_ranges_of_every_policy_are_drawn_validly(kind: str) -> None:
    params = params_of(kind)
    try:
        dimensions = tuning.space(params, {}, {}, down_window=False)
        build(kind, {})
    except (ConfigurationError, ValueError):
        return  # nothing to search, or a parameter that must be given
    rng = Random(5)
    valid = 0
    for _ in range(100):
        values: dict[str, Any] = {one.name: one.at(rng.random()) for one in dimensions}
        near = {one.name: one.near(values[one.name], 0.1, rng) for one in dimensions}
        for drawn in (values, near):
            try:
                build(kind, drawn)
            except ValueError:
                continue
            valid += 1
    assert valid > 0  # some draw mostly values that contradict each other


def test_a_policy_is_tuned_and_its_snippet_is_a_configuration(tmp_path: Path) -> None:
    out, plot = tmp_path / "best.yaml", tmp_path / "front.svg"
    arguments = ["--policy", "utilization", "--trials", "12", "--out", str(out)]
    done = tune(*arguments, "--plot", str(plot))
    assert done.exit_code in (0, 1), done.output
    assert "12 trials" in done.stdout
    app = {"name": "sd15", "max_workers": 9, **yaml.safe_load(out.read_text())}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"apps": [app]}))
    (loaded,) = load(config, {}).apps
    assert loaded.policies[0].type == "utilization"
    circles = ET.fromstring(plot.read_text()).findall("{*}circle")  # noqa: S314 - our own
    assert len(circles) == 12 + 1
    again = tune(*arguments)
    assert again.stdout.replace(f"wrote {plot}\n", "") == done.stdout.replace(f"wrote {plot}\n", "")


def test_only_what_was_asked_for_is_searched(tmp_path: Path) -> None:
    out = tmp_path / "best.yaml"
    done = tune(
        "--policy", "utilization", "--set", "tolerance=0.2", "--range", "target=0.5:0.9",
        "--trials", "4", "--out", str(out),
    )  # fmt: skip
    assert done.exit_code in (0, 1), done.output
    (entry,) = yaml.safe_load(out.read_text())["policies"]
    assert entry["tolerance"] == 0.2
    assert set(entry) <= {"type", "target", "tolerance"}


def test_an_attainment_out_of_reach_is_said() -> None:
    done = tune("--policy", "fixed", "--set", "workers=0", "--range", "down_window=0,60",
                "--trials", "2")  # fmt: skip
    assert done.exit_code == 1
    assert "no trial kept 95.0% within 10 s" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "magic"], "no such policy"),
        (["--policy", "queue", "--range", "speed=1:2"], "--range speed: the policy has"),
        (["--policy", "queue", "--range", "target"], "must be name=low:high"),
        (["--policy", "queue", "--range", "target=a:2"], "is no number"),
        (["--policy", "queue", "--range", "target=3:2"], "low must not be above high"),
        (["--policy", "queue", "--range", "target=0:2:log"], "above 0 for ':log'"),
        (["--policy", "queue", "--set", "target=-1"], "target"),
        (["--policy", "queue", "--trace", "nowhere.csv"], "cannot be opened"),
    ],
)
def test_bad_input_is_named(arguments: list[str], words: str) -> None:
    done = tune(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
