from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from autoscaler.cli import program
from autoscaler.simulator.lab import comparison

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


def lab(*arguments: str) -> Result:
    return RUNNER.invoke(program, ["lab", "--jobs", "1", *arguments])


def test_a_quick_lab_writes_tables_rows_and_plots(trace: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "out", tmp_path / "page.md"
    marks = "".join(
        f"<!-- lab: {name}: begin -->\n<!-- lab: {name}: end -->\n"
        for name in ("shipped", "bands", "scenarios", "missing")
    )
    page.write_text(marks)
    arguments = ["--quick", "--traces", str(trace.parent), "--out", str(out)]
    done = lab(*arguments, "--into", str(page))
    assert done.exit_code == 0, done.output
    text = (out / "tables.md").read_text()
    assert "**slo (this project)**" in text
    assert "HPA v2" in text
    assert "without rows here: azure23_llm_code" in text
    assert "**slo (this project)**" in page.read_text()
    rows = (out / "results.json").read_bytes()
    assert len(json.loads(rows)["rows"]) == 8
    assert lab(*arguments).exit_code == 0
    assert (out / "results.json").read_bytes() == rows
    if importlib.util.find_spec("matplotlib"):
        assert (out / "cost-and-waiting.svg").stat().st_size > 1000


def test_a_lab_resumes_from_the_rows_that_are_there(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--quick", "--traces", str(trace.parent), "--out", str(out)]
    assert lab(*arguments).exit_code == 0
    file = out / "results.json"
    known = json.loads(file.read_text())
    known["rows"][0][5] = 99.0
    known["rows"].pop()
    file.write_text(json.dumps(known))
    assert lab(*arguments, "--resume").exit_code == 0
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 8
    assert rows[0][5] == 99.0


def test_a_page_without_marks_is_refused(trace: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    done = lab(
        "--quick", "--traces", str(trace.parent), "--out", str(tmp_path), "--into", str(page)
    )
    assert done.exit_code == 2
    assert "there are no lines" in done.stderr


def test_a_lab_without_traces_says_so(tmp_path: Path) -> None:
    done = lab("--traces", str(tmp_path))
    assert done.exit_code == 2
    assert "no trace in" in done.stderr


def test_an_interrupted_lab_keeps_its_runs_and_resumes(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = comparison.work, 0

    def interrupted_at_the_third(job: comparison.Job) -> comparison.Row:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(job)

    monkeypatch.setattr(comparison, "work", interrupted_at_the_third)
    out = tmp_path / "out"
    arguments = ["--quick", "--traces", str(trace.parent), "--out", str(out)]
    done = lab(*arguments)
    assert done.exit_code == 130
    assert "--resume goes on" in done.stderr
    assert len(json.loads((out / "results.json").read_text())["rows"]) == 2
    assert "slo (this project)" in (out / "tables.md").read_text()
    assert lab(*arguments, "--resume").exit_code == 0
    assert calls == 3 + 6
    assert len(json.loads((out / "results.json").read_text())["rows"]) == 8
