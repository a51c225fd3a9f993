"""Scenario files."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.emulator import Fleet, default_scenario, load_scenario
from autoscaler.model.errors import ConfigurationError


def refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "scenario.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_scenario(file)
    assert str(file) in str(error.value)
    return str(error.value)


def test_the_default_has_one_app_with_a_worker_and_gentle_load(epoch_s: float) -> None:
    fleet = Fleet(default_scenario(), epoch_s=epoch_s)
    fleet.advance(epoch_s + 3600)
    demo = fleet.app("demo", "default")
    assert demo.healthy() == 1
    assert 250 < demo.books.arrived < 470
    assert demo.books.served > 200


def test_every_error_at_once_with_path_and_value(tmp_path: Path) -> None:
    message = refused(
        tmp_path,
        "apps: [{name: demo, max_workers: -3, cold_strat: 5}, {name: two, cold_start: soon}]\n"
        "speed: 0\n",
    )
    for part in ("apps.0.max_workers", "-3", "apps.0.cold_strat", "apps.1.cold_start", "soon"):
        assert part in message
    assert "speed" in message


def test_an_app_given_twice(tmp_path: Path) -> None:
    assert "default/demo is given twice" in refused(tmp_path, "apps: [{name: demo}, {name: demo}]")


@pytest.mark.parametrize("text", ["", "apps: []", "apps: [", "[1, 2]"])
def test_files_that_are_no_scenario(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_scenario(tmp_path / "none.yaml")


def test_a_trace_beside_the_file_is_found(tmp_path: Path, epoch_s: float) -> None:
    (tmp_path / "load.csv").write_text("1,2\n5,2\n")
    file = tmp_path / "scenario.yaml"
    file.write_text("apps: [{name: demo, initial_workers: 1, load: {trace: load.csv}}]")
    fleet = Fleet(load_scenario(file), epoch_s=epoch_s)
    fleet.advance(epoch_s + 10)
    assert fleet.app("demo").books.served == 2


def test_apps_do_not_touch_each_other(tmp_path: Path, epoch_s: float) -> None:
    file = tmp_path / "scenario.yaml"
    one = "{name: demo, load: {phases: [{phase: plateau, per_s: 1}]}}"
    two = "{name: two, namespace: other, load: {phases: [{phase: plateau, per_s: 5}]}}"
    file.write_text(f"apps: [{one}]")
    alone = Fleet(load_scenario(file), epoch_s=epoch_s)
    file.write_text(f"apps: [{two}, {one}]")
    together = Fleet(load_scenario(file), epoch_s=epoch_s)
    for fleet in (alone, together):
        fleet.advance(epoch_s + 600)
    assert alone.app("demo").books.arrived == together.app("demo").books.arrived
    assert [app.label for app in together.apps("other")] == ["other/two"]
    assert together.visit("other", "demo", epoch_s + 700) is None
