"""``autoscaler status`` against a real API: forms, widths, filters, what is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from autoscaler.model import InterventionKind, Reason, ScaleUp
from autoscaler.model.intervention import Intervention
from tests.unit.cli.conftest import READ_TOKEN, Run, Site

LONG = "whisper-large-v3-turbo-with-a-name-that-goes-on-and-on-and-on"


@pytest.fixture
def apps(site: Site) -> Site:
    site.decided("sd15", Reason.LOAD_ABOVE_CAPACITY, action=ScaleUp(3), queue=12, desired=5)
    site.decided("llama", Reason.CONTRADICTORY_OBSERVATION, desired=None)
    site.decided("sd15", namespace="team-b")
    return site


async def test_a_table_of_the_namespace(apps: Site, run: Run) -> None:
    shown = await run("status")
    assert shown.exit_code == 0, shown.output
    head, *rows = [line.split() for line in shown.stdout.splitlines()]
    assert head == ["NAME", "STATE", "WORKERS", "WANTED", "MAX", "QUEUE", "REASON", "AGE"]
    llama = ["llama", "troubled", "2", "-", "8", "0", "ContradictoryObservation"]
    assert [row[:-1] for row in rows] == [
        llama,
        ["sd15", "scaling", "2", "5", "8", "12", "LoadAboveCapacity"],
    ]
    assert all(row[-1].endswith("s") for row in rows)
    assert "\x1b" not in shown.stdout


async def test_every_namespace_and_another_one(apps: Site, run: Run) -> None:
    every = await run("status", "-A", "-o", "name")
    assert every.stdout.split() == ["default/llama", "default/sd15", "team-b/sd15"]
    for arguments in (("-n", "team-b"), ()):
        one = await run("status", *arguments, "-o", "name", env={"AUTOSCALER_NAMESPACE": "team-b"})
        assert one.stdout.split() == ["team-b/sd15"]


@pytest.mark.parametrize("form", ["table", "wide"])
async def test_nothing_is_cut_off_at_80_columns(site: Site, run: Run, form: str) -> None:
    site.decided(LONG, Reason.CONTRADICTORY_OBSERVATION, queue=123_456)
    shown = await run("status", "-A", "-o", form)
    lines = shown.stdout.splitlines()
    if form == "table":
        assert max(map(len, lines)) <= 80
        assert {"CONTRADICTORYOBSERVATION".lower(), "troubled", "123456"} <= {
            word.lower() for line in lines for word in line.split()
        }
        name = "".join(line.split()[0] for line in lines[1:])
        assert name.startswith("default/whisper-large")
        assert name.endswith("on-and-on")
    assert "…" not in shown.stdout


async def test_where_nobody_looks_a_row_is_a_line(site: Site, run: Run) -> None:
    site.decided(LONG, message="a word " * 60)
    shown = await run("status", "-o", "wide", env={"COLUMNS": ""})
    assert len(shown.stdout.splitlines()) == 2
    assert ("a word " * 60).strip() in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--state", "troubled"], ["llama"]),
        (["--state", "troubled", "--state", "scaling"], ["llama", "sd15"]),
        (["--reason", "LoadAboveCapacity"], ["sd15"]),
        (["--search", "LLA"], ["llama"]),
        (["--sort-by", "queue"], ["sd15", "llama"]),
        (["sd15", "llama", "--state", "scaling"], ["sd15"]),
    ],
)
async def test_filters(apps: Site, run: Run, arguments: list[str], names: list[str]) -> None:
    shown = await run("status", "-o", "name", *arguments)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.split() == [f"default/{name}" for name in names]


async def test_data_for_programs(apps: Site, run: Run) -> None:
    listed = json.loads((await run("status", "-o", "json")).stdout)
    assert listed["count"] == 2
    assert [each["name"] for each in listed["items"]] == ["llama", "sd15"]
    one = yaml.safe_load((await run("status", "sd15", "-o", "yaml")).stdout)
    assert (one["name"], one["status"], one["desired"]) == ("sd15", "scaling", 5)


async def test_wide_tells_of_orders_and_why(apps: Site, run: Run) -> None:
    pause = Intervention(InterventionKind.PAUSE, apps.now, None, "ops", "because", "down")
    await apps.orders.intervene(next(iter(apps.orders.apps)), pause)
    shown = await run("status", "-A", "-o", "wide", env={"COLUMNS": "300"})
    assert "pause down until resumed" in shown.stdout
    assert "as many workers as wanted" in shown.stdout


async def test_an_unknown_app_beside_a_known_one(apps: Site, run: Run) -> None:
    shown = await run("status", "sd15", "sd16")
    assert shown.exit_code == 4
    assert "sd15" in shown.stdout
    assert "default/sd16" in shown.stderr
    assert "sd16" not in shown.stdout
    alone = await run("status", "sd16")
    assert (alone.exit_code, alone.stdout) == (4, "")


async def test_nothing_to_show_is_said_apart_from_the_data(site: Site, run: Run) -> None:
    shown = await run("status")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "no apps match in namespace default; -A shows every namespace" in shown.stderr


async def test_headings_may_be_left_out(apps: Site, run: Run) -> None:
    assert (await run("status", "--no-headers")).stdout.startswith("llama")


async def test_all_pages_are_read(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoscaler.cli.remote.APPS_PER_PAGE", 3)
    for number in range(8):
        site.decided(f"app-{number}")
    shown = await run("status", "-o", "name")
    assert shown.stdout.split() == [f"default/app-{number}" for number in range(8)]


async def test_control_characters_do_not_reach_the_terminal(site: Site, run: Run) -> None:
    site.decided("sd15", message="red \x1b[31m alert \x07")
    shown = await run("status", "-o", "wide", env={"COLUMNS": ""})
    assert "\x1b" not in shown.stdout
    assert "\x07" not in shown.stdout


@pytest.mark.parametrize("name", ["", "a/b/c", "..", "a b", "default/"])
async def test_a_name_that_cannot_be_one(site: Site, run: Run, name: str) -> None:
    shown = await run("status", name)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "no app's name" in shown.stderr


async def test_colours_only_where_they_are_wanted(apps: Site, run: Run) -> None:
    colours: dict[str, Any] = {"NO_COLOR": "", "FORCE_COLOR": "1"}
    assert "\x1b[" in (await run("status", env=colours)).stdout
    assert "\x1b[3" not in (await run("status", env={**colours, "NO_COLOR": "1"})).stdout


async def test_reading_behind_a_token(site: Site, run: Run) -> None:
    site.decided("sd15")
    assert (await run("status", env={"AUTOSCALER_TOKEN": READ_TOKEN})).exit_code == 0
