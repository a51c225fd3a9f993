"""Portraits: the same picture every time, of what the pipeline really does."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoscaler.cli import program
from autoscaler.simulator.portraits import LOADS, SITTERS, DrawingError, draw, sit

BY_KIND = {sitter.kind: sitter for sitter in SITTERS}
STEP, RAMP, BURST = LOADS


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    for file in (first, second):
        draw(BY_KIND["queue"], file)
    assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()


def test_a_load_is_what_its_name_says() -> None:
    arrivals = [at_s for at_s, _ in STEP.requests()]
    assert arrivals == sorted(arrivals)
    calm = sum(1800 <= at_s < 2400 for at_s in arrivals)
    busy = sum(2400 <= at_s < 3600 for at_s in arrivals)
    assert (calm, busy) == (40, 320)  # 2 and 8 at a time, 30 s each
    assert sum(at_s == 2400 for at_s, _ in BURST.requests()) >= 24
    assert RAMP.mean(600.0, 1800.0) == pytest.approx(6.0, abs=0.01)
    assert BURST.mean(600.0, 1200.0) == pytest.approx(2.0 + 24 * 30 / 600)


@pytest.mark.parametrize("kind", sorted(BY_KIND.keys() - {"fixed", "everai-class"}))
@pytest.mark.parametrize("load", LOADS, ids=("step", "ramp", "burst"))
def test_every_policy_rises_and_comes_back(kind: str, load: object) -> None:
    (chosen,) = (each for each in LOADS if each is load)
    points = sit(BY_KIND[kind], chosen)
    assert points[0].at_s == 0.0
    assert points[-1].at_s == 3600.0
    peak = max(point.wanted for point in points)
    assert peak >= 6
    assert points[-1].wanted < peak
    assert points[-1].waiting == 0
    assert all(1 <= point.wanted <= 20 for point in points)


def test_a_schedule_and_a_forecast_bring_workers_before_the_load() -> None:
    open_at = {p.at_s: p.wanted for p in sit(BY_KIND["schedule"], BURST)}
    assert open_at[1185.0] < 6 <= open_at[1200.0]
    before = {p.at_s: p.ready for p in sit(BY_KIND["predictive"], STEP)}
    assert before[585.0] == 8


def test_the_command_draws_and_says_where(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run = CliRunner().invoke(program, ["policies", "fixed", "--plot", str(tmp_path / "new")])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "new/fixed.svg").exists()
    assert "wrote" in run.output


def test_what_cannot_be_made_here_is_left_out_with_a_note(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    if importlib.util.find_spec("everai_autoscaler") is not None:
        pytest.skip("the platform's package is installed, so its picture can be drawn")
    run = CliRunner().invoke(program, ["policies", "everai-class", "--plot", str(tmp_path)])
    assert run.exit_code == 0
    assert "note: everai-class was not drawn: the package everai-autoscaler" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def missing(name: str, package: str | None = None) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, package)

    drawing = real("autoscaler.simulator.portraits.drawing")
    monkeypatch.setattr(drawing, "import_module", missing)
    with pytest.raises(DrawingError, match=r"everai-worker-autoscaler\[lab\]"):
        draw(BY_KIND["queue"], tmp_path / "a.svg")
    run = CliRunner().invoke(program, ["policies", "--plot", str(tmp_path)])
    assert run.exit_code == 1
    assert "pip install" in run.stderr
    assert list(tmp_path.iterdir()) == []
