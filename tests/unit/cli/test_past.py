"""``explain --at``, ``history`` and ``cost`` against a real API with a past."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest
import yaml

from autoscaler.model import AppKey, Reason, ScaleUp
from autoscaler.ports import Event, EventKind, Sample
from tests.unit.cli.conftest import Run, Site

WEEK_S = 7 * 86_400.0


@pytest.fixture
def weeks(site: Site) -> Site:
    """A decision of eight days ago, one of six days ago, and one of now."""
    up = site.decided("sd15", Reason.LOAD_ABOVE_CAPACITY, action=ScaleUp(3), desired=5)
    site.told(up, site.now - WEEK_S - 86_400)
    site.told(site.decided("sd15", desired=7), site.now - WEEK_S + 86_400)
    site.decided("sd15", desired=2)
    return site


async def test_explain_answers_for_a_moment_a_week_back(weeks: Site, run: Run) -> None:
    shown = await run("explain", "sd15", "--at", "-7d")
    assert shown.exit_code == 0, shown.output
    assert "order 3 more, for 5 in all (LoadAboveCapacity)" in shown.stdout
    assert "was in force" in shown.stdout
    assert [line.split()[:2] for line in shown.stdout.splitlines() if "desired" in line] == [
        ["desired", "5"]
    ]
    data = json.loads((await run("explain", "sd15", "--at", "7d", "-o", "json")).stdout)
    assert (data["reason"], data["desired"]) == ("LoadAboveCapacity", 5)
    later = yaml.safe_load((await run("explain", "sd15", "--at", "5d", "-o", "yaml")).stdout)
    assert later["desired"] == 7


@pytest.mark.parametrize(
    ("at", "status", "words"),
    [
        ("9d", 4, "no decision of default/sd15 at or before"),
        ("soon", 2, "--at 'soon' is no time"),
        ("2999-01-01", 2, "lies in the future"),
    ],
)
async def test_moments_of_which_nothing_is_known(
    weeks: Site, run: Run, at: str, status: int, words: str
) -> None:
    shown = await run("explain", "sd15", "--at", at)
    assert (shown.exit_code, shown.stdout) == (status, "")
    assert words in shown.stderr


async def test_history_is_a_timeline_that_fits(weeks: Site, run: Run) -> None:
    app = AppKey("default", "sd15")
    more: tuple[tuple[EventKind, str, dict[str, Any]], ...] = (
        (EventKind.SCALE, "scale_up", {"outcome": "applied", "count": 3}),
        (EventKind.INTERVENTION, "", {"kind": "pause", "ended": ""}),
        (EventKind.INTERVENTION, "", {"kind": "pause", "ended": "resumed"}),
        (EventKind.RACED, "", {"worker_id": "w7"}),
    )
    for number, (kind, action, fields) in enumerate(more, 10):
        event = Event(number, app, weeks.now - 20 + number, kind, action, "", "why " * 20, fields)
        weeks.past.told.append(event)
    shown = await run("history", "sd15")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["TIME", "WHAT", "REASON", "MESSAGE"]
    words = [line[16:].split("  ")[0] for line in lines[1:] if line[:5].strip()]
    assert words == ["+3", "hold 7", "applied +3", "pause", "pause ended", "raced"]
    assert shown.stderr.startswith("times: UTC")


async def test_history_of_all_apps_and_the_platform(weeks: Site, run: Run) -> None:
    weeks.past.told.append(Event(9, None, weeks.now - 5, EventKind.TROUBLE, message="503s"))
    shown = await run("history")
    assert "(platform)" in shown.stdout
    assert "default/sd15" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], [1, 2]),
        (["--since", "7d"], [2]),
        (["--until", "7d"], [1]),
        (["--action", "scale_up"], [1]),
        (["--reason", "AtTarget", "--reason", "NoData"], [2]),
        (["--kind", "scale"], []),
        (["--limit", "1"], [2]),
    ],
)
async def test_history_is_filtered(
    weeks: Site, run: Run, arguments: list[str], ids: list[int]
) -> None:
    shown = await run("history", "sd15", "-o", "json", *arguments)
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)["items"]
    assert [each["id"] for each in found] == ids
    assert all("census" in each["fields"] for each in found), "data for programs is whole"


async def test_history_reads_as_many_pages_as_are_needed(site: Site, run: Run) -> None:
    decision = site.decided("sd15")
    for number in range(1200):
        site.told(decision, site.now - 5000 + number)
    shown = await run("history", "sd15", "-o", "json", "--limit", "1100")
    ids = [each["id"] for each in json.loads(shown.stdout)["items"]]
    assert ids == list(range(101, 1201))


async def test_nothing_of_the_kind(weeks: Site, run: Run) -> None:
    shown = await run("history", "sd15", "--kind", "raced")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "nothing of the kind happened" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["history", "sd16"], 4),
        (["history", "sd15", "--since", "1h", "--until", "2h"], 2),
        (["history", "sd15", "-f", "--until", "2h"], 2),
        (["history", "sd15", "--reason", "Nonsense"], 2),
        (["history", "sd15", "--limit", "0"], 2),
        (["cost", "sd16"], 4),
        (["cost", "--since", "1h", "--until", "2h"], 2),
        (["cost", "--fixed", "-1"], 2),
    ],
)
async def test_wrong_questions(weeks: Site, run: Run, arguments: list[str], status: int) -> None:
    shown = await run(*arguments)
    assert (shown.exit_code, shown.stdout) == (status, "")
    assert "Traceback" not in shown.stderr


async def test_a_history_that_cannot_be_read(weeks: Site, run: Run) -> None:
    weeks.past.broken = True
    for arguments in (["history"], ["cost"], ["explain", "sd15", "--at", "7d"]):
        shown = await run(*arguments)
        assert shown.exit_code == 1
        assert "The history cannot be read at the moment" in shown.stderr


def hour(at: float, workers: int) -> Sample:
    return Sample(at, 3600.0, 60, workers_max=workers, worker_s=3600.0 * workers, busy_s=1800.0)


async def test_cost_and_what_was_saved(weeks: Site, run: Run) -> None:
    weeks.decided("llama")
    weeks.past.stored = {
        AppKey("default", "sd15"): [hour(weeks.now - 7300, 2), hour(weeks.now - 3700, 4)],
        AppKey("default", "llama"): [hour(weeks.now - 7300, 1)],
    }
    shown = await run("cost", "sd15", "--since", "3h", "--fixed", "5")
    assert shown.exit_code == 0, shown.output
    assert max(map(len, shown.stdout.splitlines())) <= 80
    row = shown.stdout.splitlines()[1].split()
    assert row == [
        "default/sd15",
        "6.0",
        "17",
        "%",
        *["12.00", "32.00", "20.00", "20.00", "at", "5", "8.00"],
    ]
    every = json.loads((await run("cost", "--each", "--since", "3h", "-o", "json")).stdout)
    assert {each["app"]: each["cost"] for each in every["items"]} == {
        "default/sd15": 12.0,
        "default/llama": 2.0,
    }
    total = json.loads((await run("cost", "--since", "3h", "-o", "json")).stdout)
    assert (total["app"], total["cost"]) == (None, 14.0)
    assert [each.split()[0] for each in (await run("cost")).stdout.splitlines()] == ["APP", "all"]


async def test_cost_without_a_price(weeks: Site, run: Run) -> None:
    weeks.past.price = 0.0
    shown = await run("cost", "sd15")
    assert shown.exit_code == 0
    assert "set price_per_hour" in shown.stderr


async def test_following_tells_what_comes_and_ends_with_ctrl_c(
    weeks: Site, environ: dict[str, str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autoscaler", "history", "sd15", "-f", "-o", "json",
        "--interval", "0.2", "--url", weeks.url, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, **environ},
    )  # fmt: skip
    assert process.stdout is not None
    for known in (1, 2):
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert json.loads(line)["id"] == known
    weeks.told(weeks.decided("sd15", Reason.NO_DATA), weeks.now)
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    assert (json.loads(line)["id"], json.loads(line)["reason"]) == (3, "NoData")
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out, err) == (130, b"", b"")
