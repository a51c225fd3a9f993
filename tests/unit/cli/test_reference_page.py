"""docs/cli.md holds the reference that the program gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from autoscaler.cli import program
from autoscaler.cli.exits import MEANINGS
from autoscaler.cli.reference import commands_as_markdown, with_commands

PAGE = (Path(__file__).parents[3] / "docs/cli.md").read_text(encoding="utf-8")
ROOT = typer.main.get_command(program)


def test_the_page_is_in_step() -> None:
    assert with_commands(PAGE, ROOT) == PAGE, "run `make reference`"


def test_every_command_and_exit_status_is_there() -> None:
    text = commands_as_markdown(ROOT)
    for name in getattr(ROOT, "commands"):  # noqa: B009 - groups alone have it
        assert f"### `autoscaler {name}" in text
    for status in MEANINGS:
        assert f"| {status} | " in text


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="commands: begin"):
        with_commands("# A page", ROOT)


def test_the_command_prints_it_and_writes_it(tmp_path: Path) -> None:
    shown = CliRunner().invoke(program, ["schema", "--cli"])
    assert shown.stdout == commands_as_markdown(ROOT)
    page = tmp_path / "page.md"
    page.write_text("<!-- commands: begin -->\nof yesterday\n<!-- commands: end -->\n")
    assert CliRunner().invoke(program, ["schema", "--cli", "--into", str(page)]).exit_code == 0
    assert shown.stdout in page.read_text()
    assert "of yesterday" not in page.read_text()
