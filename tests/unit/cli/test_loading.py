"""What a daemon loads it keeps for weeks: ``run`` brings nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from autoscaler import cli

UNUSED = ("aiohttp", "alembic", "autoscaler.emulator", "autoscaler.simulator", "numpy")


def test_a_daemon_loads_no_more_than_it_uses() -> None:
    code = f"import sys, autoscaler.cli.run; print([m for m in {UNUSED} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_run_alone_is_the_run_of_the_whole_program() -> None:
    alone, whole = (
        CliRunner().invoke(program, ["run", "--help"], env={"COLUMNS": "100", "TERM": "dumb"})
        for program in (cli._only_run(), cli.program)
    )
    assert "Usage: autoscaler run [OPTIONS]" in alone.output
    assert alone.output == whole.output


@pytest.mark.parametrize("arguments", [["run", "--help"], ["--version"], ["status", "--help"]])
def test_the_console_script_finds_its_command(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["autoscaler", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "autoscaler" in capsys.readouterr().out


def test_it_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cli.nonsense
