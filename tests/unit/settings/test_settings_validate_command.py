from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from autoscaler.cli.schema import schema
from autoscaler.cli.validate import validate
from autoscaler.settings import reference

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    program = typer.Typer()
    program.command()(validate)
    program.command()(schema)
    monkeypatch.setenv("HOME", "/home/somebody")

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(program, args)

    return invoke


def write(tmp_path: Path, text: str) -> str:
    file = tmp_path / "autoscaler.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_good_has_a_line_per_app(run: Run, tmp_path: Path) -> None:
    text = "apps:\n- {name: sd15, max_workers: 8}\n- {name: b, max_workers: 2, paused: down}\n"
    result = run("validate", write(tmp_path, text))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "default/sd15: 1 to 8 workers, every 15s, queue",
        "default/b: 1 to 2 workers, every 15s, queue, paused: down",
    ]


def test_bad_prints_every_problem_to_standard_error(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "log: {level: loud}\napps: [{name: sd15, max_worker: 8}]\n")
    result = run("validate", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f'error: {file}:1: log.level = "loud": must be one of debug, info, warning, error',
        f"error: {file}:2: apps[0].max_worker: unknown key (did you mean max_workers?)",
        f"error: {file}:2: apps[0].max_workers: is required (give it here or under defaults)",
        "3 errors, 0 warnings",
    ]


def test_warnings_do_not_make_it_bad(run: Run, tmp_path: Path) -> None:
    text = "everai: {endpoint: 'http://gpu.example'}\napps: [{name: sd15, max_workers: 8}]\n"
    result = run("validate", write(tmp_path, text))
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "0 errors, 1 warning" in result.stderr
    assert result.stdout.startswith("default/sd15:")


def test_unreadable_is_told_apart(run: Run, tmp_path: Path) -> None:
    result = run("validate", str(tmp_path / "none.yaml"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be read: No such file" in result.stderr


def test_no_colour_when_it_is_not_wanted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run("validate", write(tmp_path, "apps: []"))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run("validate", write(tmp_path, "apps: []"))
    assert "\x1b[1;31m" in coloured.stderr
    assert "31m" not in plain.stderr


def test_markup_in_a_value_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    result = run("validate", write(tmp_path, "apps: [{name: '[red]', max_workers: 8}]"))
    assert 'apps[0].name = "[red]"' in result.stderr


def test_schema_prints_json_or_the_reference(run: Run) -> None:
    assert json.loads(run("schema").stdout)["title"] == "autoscaler configuration"
    assert run("schema", "--markdown").stdout == reference() + "\n"
