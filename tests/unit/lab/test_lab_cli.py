from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaler.cli import program

RUNNER = CliRunner()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "load.csv"
    rows = "\n".join(f"{i * 3},{5 + i % 4}" for i in range(400))
    file.write_text(f"arrival_s,service_s\n{rows}\n")
    return file


def test_one_json_object(trace: Path) -> None:
    done = RUNNER.invoke(
        program,
        ["simulate", "--trace", str(trace), "--cold-start", "60", "--interval", "15", "--policy",
         "slo", "--set", "target_wait=10", "--set", "attainment=0.95", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["trace"], figures["policy"], figures["requests"]) == ("load", "slo", 400)
    assert figures["cold_start_s"] == 60.0
    assert figures["cost_over_work"] > 1


def test_a_table_for_people(trace: Path) -> None:
    done = RUNNER.invoke(program, ["simulate", "--trace", str(trace), "--policy", "queue"])
    assert done.exit_code == 0
    assert "cost_over_clairvoyant" in done.stdout


@pytest.mark.parametrize(
    "kind", ["poisson:rate=1", "mmpp", "diurnal", "flash:peak=3", "ramp:end=1"]
)
def test_generators(kind: str) -> None:
    text = kind + ("," if ":" in kind else ":") + "duration=900,service=3"
    done = RUNNER.invoke(program, ["simulate", "--trace", text, "--json", "--seed", "3"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["requests"] > 0


def test_cold_starts_are_drawn_from_a_list(trace: Path) -> None:
    done = RUNNER.invoke(
        program, ["simulate", "--trace", str(trace), "--cold-start", "10,20,60", "--json"]
    )
    assert json.loads(done.stdout)["cold_start_s"] == 30.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "magic"], "--policy magic: no such policy"),
        (["--set", "attainment"], "--set attainment: must be name=value"),
        (["--set", "speed=1"], "speed"),
        (["--set", "attainment=2"], "attainment"),
        (["--cold-start", "soon"], "--cold-start soon"),
        (["--cold-start", "-5"], "--cold-start -5"),
        (["--dispatch", "alphabetical"], "--dispatch alphabetical"),
        (["--trace", "poisson:speed=1"], "'speed=1' is none of"),
        (["--trace", "poisson:rate=fast"], "rate 'fast' is no number"),
        (["--trace", "nowhere.csv"], "nowhere.csv cannot be opened"),
    ],
)
def test_bad_input_is_named(trace: Path, arguments: list[str], words: str) -> None:
    done = RUNNER.invoke(program, ["simulate", "--trace", str(trace), *arguments])
    assert done.exit_code == 2
    assert words in done.stderr


def test_the_lab_writes_its_tables(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = RUNNER.invoke(
        program, ["lab", "--traces", str(trace.parent), "--out", str(out), "--jobs", "1"]
    )
    assert done.exit_code == 0, done.output
    text = (out / "comparison.md").read_text()
    assert "slo (this project)" in text
    assert "HPA v2" in text
    assert "Not there, so not in the tables: azure23_llm_code" in text


def test_a_lab_without_traces_says_so(tmp_path: Path) -> None:
    done = RUNNER.invoke(program, ["lab", "--traces", str(tmp_path)])
    assert done.exit_code == 2
    assert "no trace in" in done.stderr
