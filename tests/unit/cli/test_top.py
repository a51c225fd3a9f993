"""``autoscaler top``: what the screen shows, and what keys do."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from autoscaler.cli.top_view import LINES_AROUND, View, sparkline
from autoscaler.model import AppKey, Reason
from autoscaler.ports import Sample
from tests.unit.cli.conftest import Run, Site


def app(name: str, queue: int | None = 0, **fields: Any) -> dict[str, Any]:
    return {
        "namespace": "default",
        "name": name,
        "status": "steady",
        "workers": 2,
        "desired": 2,
        "queue_size": queue,
        "reason": "AtTarget",
        **fields,
    }


def view(*apps: dict[str, Any]) -> View:
    made = View("http://127.0.0.1:8080")
    made.take(list(apps), extend=True)
    return made


def lines(shown: View, width: int = 80, height: int | None = 24) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(shown.render(0.0, width, height))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_longest_queue_comes_first_and_s_changes_the_order() -> None:
    shown = view(app("b", 1), app("a", 5), app("c", None, status="troubled"))
    assert [each["name"] for each in shown.visible(24)] == ["a", "b", "c"]
    orders = {}
    for _ in range(4):
        orders[shown.order] = [each["name"] for each in shown.visible(24)]
        shown.press("s", 24)
    assert orders["state"][0] == "c"
    assert orders["name"] == ["a", "b", "c"]
    assert shown.order == "queue"
    shown.press("r", 24)
    assert shown.visible(24)[-1]["name"] == "a"


def test_arrows_scroll_and_stop_at_both_ends() -> None:
    shown = view(*(app(f"app-{number:02}") for number in range(30)))
    height = 10 + LINES_AROUND
    shown.press("up", height)
    assert shown.first == 0
    shown.press("page down", height)
    shown.press("down", height)
    assert shown.visible(height)[0]["name"] == "app-11"
    for _ in range(9):
        shown.press("page down", height)
    assert shown.visible(height)[-1]["name"] == "app-29"
    shown.press("home", height)
    assert shown.first == 0


def test_it_fits_80_columns_and_says_what_is_wanted() -> None:
    name = "whisper-large-v3-turbo-of-the-speech-team"
    shown = view(app(name, 1234, desired=12, reason="ContradictoryObservation"))
    text = lines(shown)
    assert max(map(len, text)) <= 80
    assert "2 → 12" in "\n".join(text)
    assert "ContradictoryObservation" in "\n".join(text)
    assert any("COURSE OF WORKERS" in line for line in lines(shown, 120))


def test_trouble_takes_the_place_of_the_keys() -> None:
    shown = view(app("a"))
    assert lines(shown)[-1].startswith("q quit")
    shown.trouble = "no daemon answers"
    assert lines(shown)[-1] == "no daemon answers"
    shown.take([app("a")], extend=True)
    assert lines(shown)[-1].startswith("q quit")


@pytest.mark.parametrize(
    ("numbers", "bars"),
    [([], ""), ([0, 0], "▁▁"), ([0, 7, 3.5, None, 1], "▁█▅ ▂"), ([None], " ")],
)
def test_a_course(numbers: list[float | None], bars: str) -> None:
    assert sparkline(numbers, "▁▂▃▄▅▆▇█") == bars


async def test_without_a_terminal_it_prints_once_with_the_history_s_course(
    site: Site, run: Run
) -> None:
    site.decided("sd15", Reason.AT_MAXIMUM, queue=9)
    site.decided("llama")
    samples = [Sample(site.now - 600 + 60 * each, looks=30, queue=each) for each in range(8)]
    site.past.stored = {AppKey("default", "sd15"): samples}
    shown = await run("top")
    assert shown.exit_code == 0, shown.output
    assert "2 apps, 1 limited, 1 steady; 4 workers, 9 requests waiting" in shown.stdout
    assert "▁▂▃▄▅▆▇█" in shown.stdout
    assert "last 30 minutes" in shown.stdout
    rows = [line.split()[0] for line in shown.stdout.splitlines()[4:]]
    assert rows == ["sd15", "llama"]


async def test_it_does_without_a_history(site: Site, run: Run) -> None:
    site.decided("sd15")
    site.past.broken = True
    shown = await run("top", "--sort", "name")
    assert shown.exit_code == 0
    assert "since the start" in shown.stdout


async def test_an_order_that_there_is_not(site: Site, run: Run) -> None:
    assert (await run("top", "--sort", "size")).exit_code == 2
