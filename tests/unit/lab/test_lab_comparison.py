from __future__ import annotations

import os
import signal
from importlib import import_module
from pathlib import Path

import pytest

from autoscaler.simulator.lab import comparison, page, tables
from autoscaler.simulator.lab.ablation import ABLATIONS, without
from autoscaler.simulator.lab.comparison import PARTS, SLO, Job, Load, Row, work
from autoscaler.simulator.lab.generators import mmpp, weekly
from autoscaler.simulator.lab.loads import DEVELOPMENT, HELD_OUT, generated
from autoscaler.simulator.lab.parallel import run_all

REQUESTS = tuple(mmpp((0.1, 1.0), (300.0, 200.0), 4000, seed=2))


def row(policy: str, cost: float, late: float, actions: int = 1, **more: str) -> Row:
    return Row(
        more.get("section", "shipped"),
        policy,
        more.get("setting", ""),
        more.get("trace", "t"),
        15.0,
        cost,
        late,
        1.0,
        actions,
    )


@pytest.fixture
def small(tmp_path: Path) -> Load:
    file = tmp_path / "small.csv"
    rows = "\n".join(f"{arrival},{service}" for arrival, service in REQUESTS)
    file.write_text(f"arrival_s,service_s\n{rows}\n")
    return Load("small", file)


def test_a_job_runs_by_itself_and_its_row_survives_a_file(small: Load, tmp_path: Path) -> None:
    job = Job("shipped", SLO, small, 15.0)
    found = work(job)
    assert found.key == job.key
    assert found.cost > 1
    comparison.save([found], tmp_path / "rows.json")
    assert comparison.saved(tmp_path / "rows.json") == (found,)
    assert comparison.saved(tmp_path / "none.json") == ()


def test_train_and_test_are_disjoint_and_start_at_nothing(small: Load) -> None:
    train, test = (
        Load("small", small.file, begin, end).requests().requests for _, begin, end in PARTS
    )
    assert len(train) + len(test) == len(REQUESTS)
    assert test[0][0] < 100


def test_loads_to_judge_on_and_held_out_ones_share_nothing() -> None:
    assert not DEVELOPMENT.keys() & HELD_OUT.keys()
    mine = {generated(name).seed for name in DEVELOPMENT}
    assert not mine & {generated(name).seed for name in HELD_OUT}


def test_office_hours_open_and_close_and_weekends_are_quieter() -> None:
    day_s = 86_400.0
    arrivals = [a for a, _ in weekly(0.001, 0.2, 7 * day_s, weekend=0.3, seed=5)]
    day = [sum(d <= a / day_s < d + 1 for a in arrivals) for d in range(7)]
    assert max(day[5:]) < 0.6 * min(day[:5])
    noon = sum(0.45 <= a % day_s / day_s < 0.55 for a in arrivals)
    night = sum(0.1 <= a % day_s / day_s < 0.2 for a in arrivals)
    assert night < noon / 20


def test_the_held_out_table_puts_train_test_and_made_up_side_by_side() -> None:
    split = [row("p", 1.1, 0.01, setting="train"), row("p", 1.3, 0.2, setting="test")]
    text = tables.held_out(split, [row("p", 2.0, 0.04)])
    assert "| p | 1.10 | 1 of 1 | 1.0% | 1.30 | 0 of 1 | 20.0% | 2.00 | 1 of 1 | 4.0% |" in text
    assert "| t | 15 s | 1.10 · 1.0% | *1.30 · 20.0%* |" in tables.split(
        [row(SLO.name, one.cost, one.late, setting=one.setting) for one in split]
    )


@pytest.mark.parametrize("name", [*DEVELOPMENT, *HELD_OUT])
def test_made_up_loads_are_the_same_each_time(name: str) -> None:
    assert Load(name).requests() == Load(name).requests()
    assert len(Load(name).requests().requests) > 500


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_changes_its_part_and_puts_it_back(name: str) -> None:
    one = ABLATIONS[name]
    module = import_module(f"autoscaler.policies.slo.{one.module}")
    whole = getattr(module, one.attribute)
    with without(name):
        assert getattr(module, one.attribute) is one.value
        assert one.value is not whole
    assert getattr(module, one.attribute) is whole


def test_leaving_an_ingredient_out_changes_what_is_decided() -> None:
    load = Load("dev: bursts")
    whole = work(Job("shipped", SLO, load, 60.0))
    name = "backlog net of what drains"
    ablated = work(Job("ablation", SLO, load, 60.0, name, ablation=name))
    assert ablated.actions != whole.actions


def test_an_unknown_ingredient_is_refused() -> None:
    with pytest.raises(KeyError), without("magic"):
        pass


def _square(number: int) -> int:
    return number * number


def _square_until_interrupted(number: int) -> int:
    if number == 3:
        signal.raise_signal(signal.SIGINT)
    return number * number


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_jobs(processes: int) -> None:
    told: list[int] = []
    found = run_all(_square, [5, 1, 4], processes, told.append)
    assert found.results == (25, 1, 16)
    assert sorted(told) == [1, 16, 25]
    assert not found.interrupted


def test_an_interrupt_keeps_what_is_done() -> None:
    found = run_all(_square_until_interrupted, [1, 2, 3, 4], 1)
    assert found.done == ((1, 1), (2, 4))
    assert found.interrupted


def test_an_interrupt_between_processes_keeps_what_is_done() -> None:
    def interrupt(_: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    found = run_all(_square, list(range(200)), 2, interrupt)
    assert found.interrupted
    assert 1 <= len(found.results) <= 200
    assert all(result == job**2 for job, result in found.done)


def test_within_the_slo_comes_first_then_the_cost() -> None:
    rows = [row("p", 1.2, 0.30), row("p", 2.0, 0.04), row("p", 1.8, 0.05)]
    assert tables.tuned_per_scenario(rows) == (rows[2],)
    assert "| p | 1.80 | 1 of 1 | 5.0% | 5.0% | 1 |" in tables.summary(rows[2:])
    assert "| t | 15 s | *1.20 · 30.0%* |" in tables.scenarios(rows[:1])


def test_one_setting_for_all_is_the_one_that_keeps_the_most_promises() -> None:
    rows = [
        row("p", 1.1, 0.2, setting="a"),
        row("p", 1.1, 0.01, setting="a", trace="u"),
        row("p", 3.0, 0.01, setting="b"),
        row("p", 3.0, 0.01, setting="b", trace="u"),
        row("p", 1.0, 0.0, setting="c"),  # was not run everywhere
    ]
    assert {found.setting for found in tables.tuned_for_all(rows)} == {"b"}


def test_a_table_says_which_traces_are_not_there() -> None:
    text = tables.missing([row("p", 1.0, 0.0, trace="azure23_llm_code")])
    assert "gentd26_lora_a" in text
    assert "azure23_llm_code" not in text


def test_a_page_is_filled_between_its_marks() -> None:
    begin, end = "<!-- lab: shipped: begin -->\n", "<!-- lab: shipped: end -->\n"
    filled = page.filled(f"a\n{begin}old\n{end}b\n", {"shipped": "new\n"})
    assert filled == f"a\n{begin}new\n{end}b\n"
    with pytest.raises(ValueError, match="there are no lines"):
        page.filled("a page without marks", {"shipped": "new\n"})


def test_the_reference_is_put_over_the_certified_bound() -> None:
    pytest.importorskip("scipy")
    jobs = list(comparison.bound_jobs([]))
    assert {job.load.name for job in jobs} == {"dev: sparse"}  # the recorded ones are not there
    found = work(jobs[0])
    assert 1.0 <= found.cost < 1.5
    assert f"| dev: sparse | {found.setting} | {found.cost:.3f} |  |  |" in tables.bound([found])
