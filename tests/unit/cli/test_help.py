"""Every command says what it does, and how it ends."""

from __future__ import annotations

import re

import pytest
import typer
from typer.testing import CliRunner

from autoscaler.cli import program

ROOT = typer.main.get_command(program)
ENV = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "EVERAI_TOKEN": "very-secret-token"}
SILENT: set[tuple[str, ...]] = {(), ("notify",), ("schedule",), ("schema",), ("emulator",)}
"""Groups, and commands that have no exit status of their own."""


def commands() -> list[tuple[str, ...]]:
    """Return every command and group, as one would type it."""
    found: list[tuple[str, ...]] = []

    def walk(command: object, path: tuple[str, ...]) -> None:
        found.append(path)
        for name, each in getattr(command, "commands", {}).items():
            walk(each, (*path, name))

    walk(ROOT, ())
    return found


@pytest.mark.parametrize("path", commands(), ids=lambda path: " ".join(path) or "autoscaler")
def test_help_runs_and_reads_well(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(program, [*path, "--help"], env=ENV)
    assert shown.exit_code == 0, shown.output
    text = shown.output
    assert "Usage: " in text
    assert " ".join(path) in text
    assert "very-secret-token" not in text
    assert "Traceback" not in text
    assert not re.search(r"\bargs:|Args:|Raises:|:func:|:class:|``", text), "internals in the help"
    assert max(len(line) for line in text.splitlines()) <= 100
    assert re.search(r"[A-Z][^.]+\.", text), "no sentence says what it does"


@pytest.mark.parametrize("path", commands(), ids=lambda path: " ".join(path) or "autoscaler")
def test_every_option_is_described(path: tuple[str, ...]) -> None:
    command: object = ROOT
    for name in path:
        command = getattr(command, "commands")[name]  # noqa: B009 - groups alone have it
    silent = [
        each.name
        for each in getattr(command, "params", [])
        if not getattr(each, "hidden", False) and not getattr(each, "help", None)
    ]
    assert silent == []


@pytest.mark.parametrize("path", [path for path in commands() if path not in SILENT])
def test_every_command_names_its_exit_statuses(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(program, [*path, "--help"], env=ENV).output
    assert "Exit status" in shown


def test_no_arguments_show_the_help_and_the_version_is_told() -> None:
    assert "Usage: " in CliRunner().invoke(program, [], env=ENV).output
    shown = CliRunner().invoke(program, ["--version"], env=ENV)
    assert (shown.exit_code, bool(re.fullmatch(r"autoscaler \S+\n", shown.output))) == (0, True)


def test_the_root_lists_every_command() -> None:
    shown = CliRunner().invoke(program, ["--help"], env=ENV).output
    for path in commands():
        if len(path) == 1:
            assert re.search(rf"^\W*{re.escape(path[0])}\s+\S", shown, re.MULTILINE), path[0]


def test_a_misspelt_command_is_refused_with_a_hint() -> None:
    refused = CliRunner().invoke(program, ["explian"], env=ENV)
    assert refused.exit_code == 2
    assert "explain" in refused.output
