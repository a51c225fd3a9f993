"""``autoscaler explain``: real decisions in words, and the command against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from autoscaler.cli import program
from autoscaler.cli.explain import table
from autoscaler.decision.spec import Direction
from autoscaler.model import NoData, Reason
from autoscaler.policies import Policy, policies
from autoscaler.telemetry import Metrics
from autoscaler.telemetry.explanation import paragraph
from autoscaler.telemetry.serialize import decision_fields
from autoscaler.web import (
    Access,
    Changes,
    ConfigurationView,
    Doorkeeper,
    Health,
    Snapshot,
    Sources,
    WebServer,
    build_app,
)
from tests.fakes.clock import ManualClock
from tests.fakes.stories import Story, spec, worker

WINDOW = Direction(stabilization_window_s=300.0)
ALWAYS = {"cron": "* * * * *", "min_workers": 3, "max_workers": 6}


def policy(kind: str, **params: Any) -> Policy:
    cls = policies()[kind]
    return cls(cls.Params.model_validate(params))


def story(*kinds: Policy, **fields: Any) -> Story:
    return Story(spec(policies=kinds or (policy("queue"),), **fields))


def scale_up() -> Story:
    return story().at(0).sees(free=2, busy=1, queue=4)


def capped() -> Story:
    told = story(policy("queue"), policy("free-workers"), max_workers=8)
    return told.at(0).sees(busy=3, queue=40)


def stabilizing() -> Story:
    told = story(down=WINDOW).at(0).sees(busy=4)
    return told.at(300).sees(busy=4).at(315).sees(free=3, busy=1)


def down() -> Story:
    older = worker("b", last_serve_at=ManualClock().now() - 900.0)
    newer = worker("c", last_serve_at=ManualClock().now() - 60.0)
    return story().at(0).sees("a busy", older, newer)


def no_data() -> Story:
    return story().at(0).sees(free=2, busy=1, queue=NoData("queueSize -1 makes no sense"))


def unreachable() -> Story:
    return story().at(0).sees_nothing(Reason.PLATFORM_UNREACHABLE)


def outcome_unknown() -> Story:
    told = story().at(0).sees(busy=1, queue=2).sends("lost")
    return told.at(15).sees(busy=1, queue=2)


def fleet_limit() -> Story:
    told = story()
    told.memory = replace(told.memory, fleet_share=2)
    return told.at(0).sees(busy=1, queue=4)


def bounded_by_policies() -> Story:
    told = story(policy("queue"), policy("schedule", windows=[ALWAYS]), policy("predictive"))
    return told.at(0).sees(busy=1, queue=1)


def still_starting() -> Story:
    starting = worker("b", "in_flight", at=-20)
    return story().at(0).sees("a busy", starting, queue=1, fields={"max_workers": None})


BEGIN = "2025-11-24T16:00:00.000Z default/sd15: "
GOLDEN = {
    scale_up: (
        BEGIN + "order 2 more, for 5 in all (LoadAboveCapacity). It saw 2 free, 1 busy, and 4"
        " requests waiting. queue wants 5: 1 busy + 4 queued at 1 per worker need 5.",
        [
            ("queue", "5", "1 busy + 4 queued at 1 per worker need 5"),
            ("combined", "5", ""),
            (
                "desired",
                "5",
                (
                    "5 wanted, 3 there or on order: order 2"
                    " (queue: 1 busy + 4 queued at 1 per worker need 5)"
                ),
            ),
        ],
    ),
    capped: (
        BEGIN + "order 5 more, for 8 in all (LoadAboveCapacity). It saw 3 busy, and 40 requests"
        " waiting. queue wants 43: 3 busy + 40 queued at 1 per worker need 43. free-workers wants"
        " 44: 3 busy + 40 queued + a buffer of 1 free need 44. AtMaximum changed 44 to 8: the"
        " maximum is 8.",
        [
            ("queue", "43", "3 busy + 40 queued at 1 per worker need 43"),
            ("free-workers", "44", "3 busy + 40 queued + a buffer of 1 free need 44"),
            ("combined", "44", ""),
            ("AtMaximum", "44 → 8", "the maximum is 8"),
            (
                "desired",
                "8",
                (
                    "8 wanted, 3 there or on order: order 5"
                    " (free-workers: 3 busy + 40 queued + a buffer of 1 free need 44)"
                ),
            ),
        ],
    ),
    stabilizing: (
        (
            "2025-11-24T16:05:15.000Z default/sd15: hold at 4 (Stabilizing). It saw 3 free, 1 busy,"
            " and no requests waiting. queue wants 1: 1 busy + 0 queued at 1 per worker need 1."
            " Stabilizing changed 1 to 4: scale-down window still holds a recommendation of 4."
        ),
        [
            ("queue", "1", "1 busy + 0 queued at 1 per worker need 1"),
            ("combined", "1", ""),
            ("Stabilizing", "1 → 4", "scale-down window still holds a recommendation of 4"),
            (
                "desired",
                "4",
                (
                    "1 wanted, but scale-down window still holds a recommendation of 4"
                    " (queue: 1 busy + 0 queued at 1 per worker need 1)"
                ),
            ),
        ],
    ),
    down: (
        BEGIN + "remove 2, leaving 1 (LoadBelowCapacity). It saw 2 free, 1 busy, and no requests"
        " waiting. queue wants 1: 1 busy + 0 queued at 1 per worker need 1."
        " b goes: free, idle 900 s. c goes: free, idle 60 s.",
        [
            ("queue", "1", "1 busy + 0 queued at 1 per worker need 1"),
            ("combined", "1", ""),
            (
                "desired",
                "1",
                "1 wanted, 3 there: remove 2 (queue: 1 busy + 0 queued at 1 per worker need 1)",
            ),
        ],
    ),
    no_data: (
        BEGIN + "hold at 3 (NoData). It saw 2 free, 1 busy, and an unknown number of requests"
        " waiting. queue had no data: queueSize -1 makes no sense.",
        [
            ("queue", "-", "queueSize -1 makes no sense"),
            ("NoData", "3 → 3", "queue: queueSize -1 makes no sense"),
            ("desired", "3", "queue: queueSize -1 makes no sense"),
        ],
    ),
    unreachable: (
        BEGIN + "hold (PlatformUnreachable). Nothing was observed: told to fail.",
        [("desired", "-", "told to fail")],
    ),
    outcome_unknown: (
        (
            "2025-11-24T16:00:15.000Z default/sd15: hold at 3 (OutcomeUnknown). An order's reply"
            " was lost; waiting for the list to show what came of it. It saw 1 busy, 2 on order,"
            " and 2 requests waiting. queue wants 3: 1 busy + 2 queued at 1 per worker need 3."
        ),
        [
            ("queue", "3", "1 busy + 2 queued at 1 per worker need 3"),
            ("combined", "3", ""),
            (
                "desired",
                "3",
                (
                    "an order's reply was lost; waiting for the list to show what came of it"
                    " (queue: 1 busy + 2 queued at 1 per worker need 3)"
                ),
            ),
        ],
    ),
    fleet_limit: (
        BEGIN + "order 1 more, for 2 in all (LoadAboveCapacity). It saw 1 busy, and 4 requests"
        " waiting. queue wants 5: 1 busy + 4 queued at 1 per worker need 5. FleetLimit changed 5"
        " to 2: the ceilings over all apps leave 1.",
        [
            ("queue", "5", "1 busy + 4 queued at 1 per worker need 5"),
            ("combined", "5", ""),
            ("FleetLimit", "5 → 2", "the ceilings over all apps leave 1"),
            (
                "desired",
                "5",
                (
                    "5 wanted, 1 there or on order: order 1"
                    " (queue: 1 busy + 4 queued at 1 per worker need 5)"
                ),
            ),
        ],
    ),
    bounded_by_policies: (
        BEGIN + "order 2 more, for 3 in all (LoadAboveCapacity). It saw 1 busy, and 1 request"
        " waiting. queue wants 2: 1 busy + 1 queued at 1 per worker need 2. schedule wants at"
        " least 3 and at most 6: window 1 is open: min_workers 3, max_workers 6. predictive"
        " abstains: no forecast: 0 days seen, too few to test a forecast on. RaisedToFloor changed"
        " 2 to 3: the floor of schedule is 3.",
        [
            ("queue", "2", "1 busy + 1 queued at 1 per worker need 2"),
            ("schedule", "at least 3, at most 6", "window 1 is open: min_workers 3, max_workers 6"),
            ("predictive", "-", "no forecast: 0 days seen, too few to test a forecast on"),
            ("combined", "3", ""),
            ("RaisedToFloor", "2 → 3", "the floor of schedule is 3"),
            (
                "desired",
                "3",
                (
                    "3 wanted, 1 there or on order: order 2"
                    " (schedule: window 1 is open: min_workers 3, max_workers 6)"
                ),
            ),
        ],
    ),
    still_starting: (
        BEGIN + "hold at 2 (OrderPending). 2 wanted, 1 of them still starting. It saw 1 busy, 1 in"
        " flight, and 1 request waiting. queue wants 2: 1 busy + 1 queued at 1 per worker need 2."
        " Note: the platform's maxWorkers is not known; the configured maximum holds.",
        [
            ("queue", "2", "1 busy + 1 queued at 1 per worker need 2"),
            ("combined", "2", ""),
            (
                "desired",
                "2",
                (
                    "2 wanted, 1 of them still starting"
                    " (queue: 1 busy + 1 queued at 1 per worker need 2)"
                ),
            ),
        ],
    ),
}


@pytest.mark.parametrize("situation", GOLDEN, ids=lambda situation: situation.__name__)
def test_a_decision_in_words(situation: Any) -> None:
    words, rows = GOLDEN[situation]
    fields = json.loads(json.dumps(decision_fields(situation().decision)))
    assert paragraph(fields) == words
    columns = [[str(cell) for cell in column.cells] for column in table(fields).columns]
    assert list(zip(*columns, strict=True)) == rows


def test_of_many_who_go_five_are_named() -> None:
    told = paragraph(decision_fields(story().at(0).sees(free=9, busy=1).decision))
    assert told.count(" goes: ") == 5
    assert "4 more go likewise." in told


@pytest.fixture
def snapshot() -> Snapshot:
    return Snapshot()


@pytest.fixture
async def server(snapshot: Snapshot) -> AsyncIterator[WebServer]:
    clock = ManualClock()
    sources = Sources(
        snapshot=snapshot,
        health=Health(clock, beat_limit_s=30.0),
        clock=clock,
        version="1.2.3",
        started_at=clock.now(),
        configuration=ConfigurationView(),
        changes=Changes(),
        doorkeeper=Doorkeeper(Access(), clock),
    )
    site = build_app(metrics=Metrics(version="1.2.3", dry_run=False), sources=sources)
    async with WebServer(site, "127.0.0.1", 0) as running:
        yield running


async def explain(server: str, *arguments: str) -> Result:
    given = ["explain", *arguments, "--url", server]
    env = {"COLUMNS": "160", "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"}
    return await asyncio.to_thread(CliRunner().invoke, program, given, env=env)


async def test_the_command_prints_the_paragraph_and_the_table(
    server: WebServer, snapshot: Snapshot
) -> None:
    snapshot.decided(scale_up().decision)
    for app in ("sd15", "default/sd15"):
        shown = await explain(server.url, app)
        assert shown.exit_code == 0, shown.output
        assert GOLDEN[scale_up][0] in shown.stdout
        assert "combined" in shown.stdout
        assert "The last time it acted" not in shown.stdout
    snapshot.decided(stabilizing().decision)
    shown = await explain(server.url, "sd15")
    assert f"The last time it acted: {GOLDEN[scale_up][0]}" in shown.stdout


async def test_the_command_prints_json(server: WebServer, snapshot: Snapshot) -> None:
    decision = capped().decision
    snapshot.decided(decision)
    shown = await explain(server.url, "sd15", "-o", "json")
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == decision_fields(decision)
    assert (await explain(server.url, "sd15", "-o", "xml")).exit_code == 2


async def test_an_app_that_is_not_known_or_not_decided_upon(
    server: WebServer, snapshot: Snapshot
) -> None:
    snapshot.observed(scale_up().observation)
    unknown = await explain(server.url, "sd16")
    assert (unknown.exit_code, unknown.stdout) == (4, "")
    assert "No app default/sd16 is known" in unknown.stderr
    undecided = await explain(server.url, "sd15")
    assert undecided.exit_code == 4
    assert "not been decided upon yet" in undecided.stderr


async def test_no_daemon_or_another_server(server: WebServer) -> None:
    port = server.port
    await server.stop()
    silent = await explain(f"http://127.0.0.1:{port}", "sd15")
    assert silent.exit_code == 1
    assert f"no daemon answers at http://127.0.0.1:{port}" in silent.stderr
    assert (await explain("nonsense", "sd15")).exit_code == 2


def test_a_shadow_is_told_beside_what_those_that_act_want() -> None:
    eager = policies()["queue"]
    told = story(
        policy("queue"),
        shadow=(eager(eager.Params.model_validate({"target": 0.5}), "eager"), policy("queue-age")),
    )
    told.at(0).sees(free=2, busy=1, queue=4)
    fields = decision_fields(told.decision)
    text = paragraph(fields)
    assert "In shadow, eager would want 10, 5 more: " in text
    assert "In shadow, queue-age had no data: " in text
    assert "order 2 more" in text
    column = [str(cell) for cell in table(fields).columns[0].cells]
    assert "eager (shadow)" in column
