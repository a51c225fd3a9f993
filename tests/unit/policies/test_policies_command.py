"""``autoscaler policies`` and ``autoscaler schedule preview``, through their real commands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from autoscaler.cli.policies import policies as command
from autoscaler.cli.policies import preview_lines, schedule
from autoscaler.policies import policies
from autoscaler.settings import load

CONFIG = """
apps:
- name: sd15
  max_workers: 9
  policies:
  - type: queue
  - type: schedule
    timezone: Europe/Berlin
    windows:
    - {name: office, cron: "* 9-17 * * 1-5", min_workers: 2}
    - {cron: "30 2 * * 0", duration: 1h, workers: 4, max_workers: 6}
- {name: plain, max_workers: 3}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "autoscaler.yaml"
    file.write_text(CONFIG)
    return file


def run(*arguments: str) -> Result:
    program = typer.Typer()
    program.command()(command)
    program.add_typer(schedule)
    return CliRunner().invoke(program, list(arguments), env={"COLUMNS": "300", "HOME": "/none"})


def test_every_policy_is_listed_with_its_parameters() -> None:
    shown = run("policies").output
    for kind, policy in policies().items():
        assert kind in shown
        for name, field in policy.Params.model_fields.items():
            assert name in shown
            assert (field.description or "")[:30] in shown
    assert "windows[].cron" in shown
    assert "steps[].change" in shown
    assert "120s" in shown  # a duration has its unit


def test_one_policy_or_an_unknown_one() -> None:
    shown = run("policies", "fixed")
    assert shown.exit_code == 0
    assert "required" in shown.output
    assert "drain_within" not in shown.output
    refused = run("policies", "fixt")
    assert refused.exit_code == 1
    assert "there is no policy 'fixt'" in refused.output


def test_the_preview_is_in_local_time_with_summer_time(config: Path) -> None:
    app = load(config, {"HOME": "/none"}).apps[0]
    lines = list(preview_lines(app, datetime(2026, 3, 27, 12, tzinfo=UTC), 3.0))
    day, gap, end = "Fri 2026-03-27", "Sun 2026-03-29", "Mon 2026-03-30"
    assert lines == [
        "schedule (Europe/Berlin), the next 3 days:",
        f"  {day} 13:00 +0100 to {day} 18:00 +0100  window office: min_workers 2",
        f"  {gap} 03:00 +0200 to {gap} 04:00 +0200  window 2: max_workers 6, workers 4",
        f"  {end} 09:00 +0200 to {end} 14:00 +0200  window office: min_workers 2",
    ]


def test_the_preview_command(config: Path) -> None:
    shown = run("schedule", "preview", "sd15", "--days", "14", "-c", str(config))
    assert shown.exit_code == 0
    assert shown.output.count("window office") in (10, 11)
    assert run("schedule", "preview", "default/sd15", "-c", str(config)).exit_code == 0


@pytest.mark.parametrize(
    ("app", "words"),
    [("plain", "has no policy of type schedule"), ("sd16", "is not configured; known: default/")],
)
def test_the_preview_command_refuses(config: Path, app: str, words: str) -> None:
    refused = run("schedule", "preview", app, "-c", str(config))
    assert refused.exit_code == 1
    assert words in refused.output


def test_the_preview_command_without_a_readable_file(tmp_path: Path) -> None:
    assert run("schedule", "preview", "a", "-c", str(tmp_path / "none.yaml")).exit_code == 2
    bad = tmp_path / "bad.yaml"
    bad.write_text("apps: [{name: a}]")
    assert run("schedule", "preview", "a", "-c", str(bad)).exit_code == 1
