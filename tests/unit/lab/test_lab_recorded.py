"""A recorded past becomes a load, and the commands replay it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from autoscaler.cli import program
from autoscaler.cli.lab_options import trace_of
from autoscaler.ports import Sample
from autoscaler.simulator.lab.recorded import recorded_trace
from autoscaler.simulator.lab.trace import TraceError
from tests.fakes.clock import T0, ManualClock
from tests.fakes.past import look
from tests.fakes.stores import make_store

START = T0 - T0 % 60


def sample(minute: int, arrivals: float, served: int, mean_s: float) -> Sample:
    return Sample(START + 60 * minute, arrivals=arrivals, served=served, busy_s=served * mean_s)


def test_as_many_requests_come_as_were_recorded_and_take_as_long() -> None:
    samples = [sample(n, 10.5, 10, 20.0) for n in range(200)]
    trace = recorded_trace("past", samples, seed=1)
    arrivals = [arrival for arrival, _ in trace]
    assert len(arrivals) == 2100
    assert arrivals == sorted(arrivals)
    assert 0 <= arrivals[0] < 60
    assert 199 * 60 <= arrivals[-1] < 200 * 60
    mean = sum(service for _, service in trace) / len(arrivals)
    assert mean == pytest.approx(20.0, rel=0.1)
    assert recorded_trace("past", samples, seed=1).requests == trace.requests
    assert recorded_trace("past", samples, seed=2).requests != trace.requests


def test_a_changing_service_time_is_followed() -> None:
    samples = [sample(n, 10, 10, 5.0 if n < 300 else 50.0) for n in range(600)]
    requests = recorded_trace("past", samples, seed=1).requests
    late = [service for arrival, service in requests if arrival > 400 * 60]
    early = [service for arrival, service in requests if arrival < 300 * 60]
    assert sum(early) / len(early) == pytest.approx(5.0, rel=0.1)
    assert sum(late) / len(late) == pytest.approx(50.0, rel=0.1)


def test_a_gap_in_the_record_is_a_time_without_requests() -> None:
    samples = [sample(0, 5, 5, 1.0), sample(60, 5, 5, 1.0)]
    arrivals = [arrival for arrival, _ in recorded_trace("past", samples, seed=1)]
    assert sum(arrival < 60 for arrival in arrivals) == 5
    assert sum(arrival >= 3600 for arrival in arrivals) == 5


def test_nothing_recorded_is_said() -> None:
    with pytest.raises(TraceError, match="no request is recorded"):
        recorded_trace("past", [sample(0, 0.0, 0, 1.0)], seed=1)


@pytest.fixture
async def history(tmp_path: Path) -> Path:
    """Three hours of an app with two requests a minute."""
    file, clock = tmp_path / "history.db", ManualClock(START)
    store = make_store(f"sqlite:///{file}", clock, endpoint="http://platform.invalid")
    for n in range(720):
        clock.jump(15)
        store.recorder.observed(look(clock.now(), busy=1, free=1, served=n // 2))
        if n % 100 == 0:
            await store.flush()
    await store.close()
    return file


async def test_the_last_hours_only(history: Path) -> None:
    whole = trace_of(f"history:app=default/a,file={history}", 1)
    assert len(list(whole)) == pytest.approx(359, abs=2)
    part = trace_of(f"history:app=a,file={history},last=1h", 1)
    assert len(list(part)) == pytest.approx(120, abs=3)
    assert part.name == "history of default/a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("history:file=x", "say which app"),
        ("history:app=a,fiel=x", "'fiel=x' is none of"),
        ("history:app=a,last=long", "last=long"),
        ("history:app=a,last=", "last="),
        ("history:app=a,file=/nowhere/history.db", "/nowhere/history.db does not exist"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(TraceError, match=said):
        trace_of(text, 1)


async def test_an_app_or_platform_that_is_not_recorded(history: Path) -> None:
    with pytest.raises(TraceError, match="nothing is recorded"):
        trace_of(f"history:app=other,file={history}", 1)
    with pytest.raises(TraceError, match="nothing is recorded"):
        trace_of(f"history:app=a,file={history},endpoint=http://else", 1)
    (history.parent / "text.db").write_text("no database " * 100)
    with pytest.raises(TraceError, match="not a database"):
        trace_of(f"history:app=a,file={history.parent}/text.db", 1)


def test_backtest_replays_what_was_recorded_of_ones_own_app(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "everai": {"endpoint": "http://platform.invalid"},
                "history": {"path": str(history)},
                "apps": [{"name": "a", "max_workers": 5, "price_per_hour": 7.2}],
            }
        )
    )
    done = CliRunner().invoke(
        program, ["backtest", "a", "--config", str(config), "--json", "--jobs", "1"]
    )
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["trace"] for one in told] == ["history of default/a"] * 2
    assert told[0]["requests"] == pytest.approx(359, abs=2)
    for one in told:
        assert one["money"] == pytest.approx(one["cost_worker_s"] * 7.2 / 3600)
    assert (tmp_path / "backtest.html").exists()


def test_backtest_without_a_load_says_how_to_give_one() -> None:
    done = CliRunner().invoke(program, ["backtest"])
    assert done.exit_code == 2
    assert "--trace is missing" in done.stderr
