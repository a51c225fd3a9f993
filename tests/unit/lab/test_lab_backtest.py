from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from autoscaler.cli import program
from autoscaler.simulator.lab.replay import Course

RUNNER = CliRunner()
LOAD = "mmpp:rates=0.2/2,sojourns=900/300,duration=3000,service=6"
CONFIG = "apps: [{name: sd15, max_workers: 40, min_workers: 0, policies: [{type: queue}]}]"


def backtest(*arguments: str) -> Result:
    return RUNNER.invoke(program, ["backtest", "--jobs", "1", *arguments])


def data_of(page: str) -> Any:
    found = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found.group(1))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_app_is_put_beside_other_policies(tmp_path: Path, jobs: str) -> None:
    config, out = tmp_path / "c.yaml", tmp_path / "report.html"
    config.write_text(CONFIG)
    done = backtest(
        "sd15", "--config", str(config), "--trace", LOAD, "--policy", "slo",
        "--policy", "utilization:target=0.7,tolerance=0", "--out", str(out), "--jobs", jobs,
        "--cold-start", "20,40",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "sd15 as configured (queue)" in done.stdout
    page = out.read_text()
    assert len(page) < 1_000_000
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # works without a network
    found = data_of(page)
    names = [run["name"] for run in found["replays"]]
    assert names == [
        "sd15 as configured (queue)",
        "slo",
        "utilization:target=0.7,tolerance=0",
    ]
    for run in found["replays"]:
        assert len(run["workers"]) == len(run["busy"]) == len(run["queue"]) > 100
        assert max(run["workers"]) >= max(run["busy"]) > 0
        assert run["figures"]["cost_over_work"] > 1
    assert len({run["figures"]["cost_worker_s"] for run in found["replays"]}) == 3
    if importlib.util.find_spec("matplotlib"):
        assert (tmp_path / "report.png").stat().st_size > 1000


def test_json_lines(tmp_path: Path) -> None:
    out = str(tmp_path / "r.html")
    done = backtest("--trace", LOAD, "--policy", "queue", "--json", "--out", out)
    assert json.loads(done.stdout)["policy"] == "queue"


def test_a_name_cannot_end_the_data(tmp_path: Path) -> None:
    config, out = tmp_path / "c.yaml", tmp_path / "report.html"
    config.write_text(CONFIG.replace("type: queue", "type: queue, name: '</script><b>'"))
    done = backtest("--config", str(config), "--trace", LOAD, "--out", str(out))
    assert done.exit_code == 0, done.output
    assert data_of(out.read_text())["replays"][0]["name"] == "sd15 as configured (</script><b>)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--trace is missing"),
        (["sd15", "--trace", LOAD], "give --config"),
        (["--trace", LOAD, "--policy", "magic"], "no such policy"),
        (["--trace", LOAD, "--policy", "queue:target=-1"], "target"),
        (["--trace", LOAD, "--policy", "queue:target"], "must be name=value"),
        (["--trace", "nowhere.csv"], "cannot be opened"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = backtest(*arguments, "--out", str(tmp_path / "r.html"))
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_a_course_keeps_its_size_its_mean_and_its_peaks() -> None:
    course = Course(15.0, limit=10)
    for look in range(64):
        course.add(15.0 * look, workers=look, busy=1, queue=100 if look == 37 else 0)
    assert len(course.workers) <= 10
    assert course.width_s == 15.0 * 8
    assert course.workers == [3.5 + 8 * bin_ for bin_ in range(8)]
    assert max(course.queue) == 100
    assert set(course.busy) == {1.0}


def test_an_interrupt_keeps_the_policies_that_were_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["autoscaler.cli.backtest"]
    whole = module.replayed

    def interrupted_at_queue(contest: Any) -> Any:
        if contest.name == "queue":
            raise KeyboardInterrupt
        return whole(contest)

    monkeypatch.setattr(module, "replayed", interrupted_at_queue)
    out = tmp_path / "r.html"
    done = backtest("--trace", LOAD, "--policy", "slo", "--policy", "queue", "--out", str(out))
    assert done.exit_code == 130
    assert "interrupted: 1 of 2 policies are done" in done.stderr
    assert [run["name"] for run in data_of(out.read_text())["replays"]] == ["slo"]
