"""A few seeds of the whole-system simulation; the big run is ``make soak``."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from autoscaler.cli.soak import soak
from autoscaler.simulator.soak import draw_apps, run_seed
from autoscaler.simulator.soak.plan import draw_plan
from autoscaler.simulator.soak.report import summarise
from autoscaler.simulator.soak.runner import replay_command, run_guarded
from autoscaler.simulator.soak.virtual_loop import DeadlockError, ProcessClock, run_virtual

SEEDS = range(1, 9)


def program() -> typer.Typer:
    made = typer.Typer()
    made.command()(soak)
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_holds(seed: int) -> None:
    report = run_seed(seed, 2.0)
    assert report.broken == (), f"replay: {replay_command(seed, 2.0)}"
    assert report.counts["passes"] > 100
    assert report.faults


def test_every_rule_holds_where_apps_at_rest_are_looked_at_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds, drawn = range(11, 17), draw_apps._draw_spec
    usual = sum(run_seed(seed, 2.0).counts["passes"] for seed in seeds)
    monkeypatch.setattr(
        draw_apps, "_draw_spec", lambda *told: replace(drawn(*told), interval_max_s=600.0)
    )
    reports = [run_seed(seed, 2.0) for seed in seeds]
    assert [report.broken for report in reports] == [()] * len(seeds)
    assert 100 < sum(report.counts["passes"] for report in reports) < usual


def test_the_seeds_see_scaling_faults_and_rest() -> None:
    summary = summarise(run_seed(seed, 1.0) for seed in SEEDS)
    assert summary.counts["scale_up applied"] > 0
    assert summary.counts["scale_down applied"] > 0
    assert summary.counts["rest: as wanted"] > 0
    assert len(summary.by_fault) > 15
    assert summary.hours == pytest.approx(len(SEEDS))


def test_a_seed_gives_the_same_events_twice() -> None:
    first: list[str] = []
    second: list[str] = []
    digests = {run_seed(7, 1.0, say).digest for say in (first.append, second.append)}
    assert first == second
    assert len(digests) == 1
    assert len(first) > 20


def test_another_seed_gives_other_events() -> None:
    assert run_seed(7, 1.0).digest != run_seed(8, 1.0).digest


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_same_events_in_another_process(hash_seed: str) -> None:
    code = "from autoscaler.simulator.soak import run_seed; print(run_seed(3, 1.0).digest)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == run_seed(3, 1.0).digest


def test_a_plan_is_all_drawn_beforehand() -> None:
    plan = draw_plan(11, 2.0)
    assert plan == draw_plan(11, 2.0) or repr(plan) == repr(draw_plan(11, 2.0))
    assert all(0 <= step.at_s <= plan.quiet_from_s < plan.end_s for step in plan.steps)


def test_a_crash_of_the_simulator_is_told_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(seed: int, hours: float) -> None:
        raise ZeroDivisionError(f"in seed {seed}")

    monkeypatch.setattr("autoscaler.simulator.soak.runner.run_seed", crash)
    report = run_guarded(5, 1.0)
    assert report.seed == 5
    assert "in seed 5" in report.broken[0].detail


def test_the_command_replays_a_seed_and_writes_json(tmp_path: Path) -> None:
    target = tmp_path / "soak.json"
    arguments = ["--seed", "3", "--hours", "1", "-v", "--json", str(target)]
    done = CliRunner().invoke(program(), arguments)
    assert done.exit_code == 0, done.output
    assert run_seed(3, 1.0).digest in done.output
    assert "p1 starts, memory new" in done.output
    content = json.loads(target.read_text())
    assert content["runs"] == 1
    assert content["broken"] == []


def test_the_command_runs_many_seeds_and_counts_faults() -> None:
    done = CliRunner().invoke(program(), ["--seeds", "2", "--hours", "0.5", "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "2 runs, 1.0 simulated hours" in done.output
    assert "what happened in the runs that had each fault" in done.output


def test_time_passes_without_waiting() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        ahead = ProcessClock(1000.0, 60.0)
        await asyncio.gather(asyncio.sleep(86_400.0), ahead.sleep(10.0))
        return loop.time(), ahead.now()

    assert run_virtual(main()) == pytest.approx((86_400.0, 87_460.0))


def test_a_deadlock_is_told() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError):
        run_virtual(main())
