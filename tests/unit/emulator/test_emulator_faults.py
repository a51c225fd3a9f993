"""Faults of the API, in virtual time: what the platform did, and what the caller learns of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from autoscaler.emulator.wire import rfc3339

MakeClient = Callable[..., Any]


@pytest.mark.parametrize(
    ("kind", "status", "then", "applied"),
    [
        ("delay", 200, "send", 1),
        ("hang", 0, "hang", 0),
        ("hang-after", 200, "hang", 1),
        ("reset-before", 0, "reset", 0),
        ("reset-after", 200, "reset", 1),
        ("401", 401, "send", 0),
        ("403", 403, "send", 0),
        ("404", 404, "send", 0),
        ("429", 429, "send", 0),
        ("500", 500, "send", 0),
        ("500-after", 500, "send", 1),
        ("503", 503, "send", 0),
        ("html", 502, "send", 0),
        ("html-after", 502, "send", 1),
        ("truncated", 200, "truncate", 1),
        ("garbage", 200, "send", 1),
    ],
)
def test_what_happens_to_a_scale_up(
    make_client: MakeClient, kind: str, status: int, then: str, applied: int
) -> None:
    client = make_client(faults=({"kind": kind, "operations": ["scale-up"]},))
    reply = client.scale_up(1)
    assert (reply.status, reply.then) == (status, then)
    assert len(client.demo.workers) == applied
    assert "workerIds" not in client.workers()
    assert client.app("GET", "/workers").status == 200  # other operations are not hit
    assert client.handler.injector.hits == {kind: 1}


def test_a_late_scale_up_comes_when_nobody_expects_it(make_client: MakeClient) -> None:
    client = make_client(cold_start=60, faults=({"kind": "late", "delay_s": 20, "times": 2},))
    begin = client.clock[0]
    assert client.scale_up(1).then == "hang"
    assert client.scale_up(1).then == "hang"
    client.wait(19)
    assert "workers" not in client.workers()
    client.wait(11)
    assert [row["createdAt"] for row in client.workers()["workers"]] == [rfc3339(begin + 20)] * 2
    assert client.app("GET", "/workers").then == "send"


def test_throttling_says_how_long(make_client: MakeClient) -> None:
    faults = (
        {"kind": "429", "retry_after_s": 7, "times": 1},
        {"kind": "503", "retry_after_s": None},
    )
    client = make_client(faults=faults)
    assert client.app("GET", "/workers").headers["retry-after"] == "7"
    second = client.app("GET", "/workers")
    assert second.status == 503
    assert "retry-after" not in second.headers


def test_a_delay_and_html(make_client: MakeClient) -> None:
    client = make_client(faults=({"kind": "delay", "delay_s": 30, "times": 1}, {"kind": "html"}))
    assert client.app("GET", "").delay_s == 30
    assert client.app("GET", "").headers["content-type"] == "text/html"


def test_garbage_is_no_json(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2, faults=({"kind": "garbage"},))
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(client.app("GET", "/workers").body)


def test_a_stale_list_is_an_earlier_one(make_client: MakeClient) -> None:
    stale = {"kind": "stale-list", "from_s": 50, "age_s": 30}
    client = make_client(initial_workers=1, faults=(stale,))
    first = client.workers()
    client.wait(20)
    client.scale_up(1)
    second = client.workers()
    client.wait(31)  # at 51 s: the list of 20 s is 31 s old
    client.scale_up(1)
    assert client.workers() == second
    assert first != second
    assert len(client.demo.workers) == 3


def test_rows_twice_unknown_enums_and_absurd_numbers(make_client: MakeClient) -> None:
    kinds = ("duplicate-rows", "unknown-enums", "absurd-numbers")
    faults = tuple({"kind": kind, "times": 1} for kind in kinds)
    client = make_client(initial_workers=20, faults=faults)
    rows = client.workers()["workers"]
    assert len({row["id"] for row in rows}) == 20 < len(rows)
    enums = {row["status"] for row in client.workers()["workers"]}
    assert enums - {"STATUS_RUNNING"}
    assert client.workers()["queueSize"] in (-1, -(2**63), "-5", 1e300)
    assert "queueSize" not in client.workers()


def test_contradictory_rows_justify_nothing(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, faults=({"kind": "contradictory-rows", "times": 1},))
    rows = client.workers()["workers"]
    assert {row["detailStatus"][14:] for row in rows} == {"BUSY", "FREE"}
    assert len({row["id"] for row in rows}) == 1
    client.scale_down(rows[0]["id"])
    assert client.broken() == ["removed-not-shown-free"]


def test_the_same_row_twice_still_shows_who_is_free(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, faults=({"kind": "duplicate-rows"},))
    client.scale_down(client.free_ids()[0])
    assert client.broken() == []


def test_only_shown_free_workers_are_excused_under_unknown_enums(make_client: MakeClient) -> None:
    client = make_client(initial_workers=20, faults=({"kind": "unknown-enums", "times": 1},))
    rows = client.workers()["workers"]
    odd = next(row["id"] for row in rows if "FREE" not in row["detailStatus"])
    client.scale_down(odd)
    assert client.broken() == ["removed-not-shown-free"]


def test_faults_hit_their_share_their_apps_and_their_time(make_client: MakeClient) -> None:
    client = make_client(
        faults=(
            {"kind": "500", "probability": 0.3, "until_s": 100},
            {"kind": "503", "apps": ["default/other"]},
            {"kind": "429", "from_s": 100, "until_s": 200},
        )
    )
    hit = sum(client.app("GET", "").status == 500 for _ in range(1000))
    assert 250 < hit < 350
    client.wait(150)
    assert client.app("GET", "").status == 429
    client.wait(100)
    assert client.app("GET", "").status == 200
    path = "/api/apps/v1/namespaces/default/apps/other"
    assert client.call("GET", path).status == 503


def test_the_same_seed_hits_the_same_requests(make_client: MakeClient) -> None:
    runs = []
    for _ in range(2):
        client = make_client(faults=({"kind": "500", "probability": 0.5},))
        runs.append([client.app("GET", "").status for _ in range(50)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_faults_are_switched_over_the_emulators_own_endpoint(make_client: MakeClient) -> None:
    client = make_client()
    token, client.headers = client.headers, {}
    wanted = {"faults": [{"kind": "500", "operations": ["list"]}]}
    assert client.call("PUT", "/emulator/faults", wanted).status == 200
    client.headers = token
    assert client.app("GET", "/workers").status == 500
    state = json.loads(client.call("GET", "/emulator/faults").body)
    assert (state["faults"][0]["kind"], state["hits"]) == ("500", {"500": 1})
    client.call("DELETE", "/emulator/faults")
    assert client.app("GET", "/workers").status == 200


def test_events_are_caused_over_the_emulators_own_endpoint(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2)
    path = "/emulator/apps/default/demo"
    assert client.call("POST", path, {"do": "crash", "value": 1}).status == 200
    assert client.demo.books.crashes == 1
    assert client.call("POST", "/emulator/apps/default/nobody", {"do": "pause"}).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/emulator/faults", {"faults": [{"kind": "flood"}]}, 400),
        ("PUT", "/emulator/faults", {"faults": [{"kind": "500", "apps": ["demo"]}]}, 400),
        ("PUT", "/emulator/faults", None, 400),
        ("POST", "/emulator/apps/default/demo", {"do": "explode"}, 400),
        ("GET", "/emulator/nothing", None, 404),
    ],
)
def test_own_endpoints_refuse_nonsense(
    make_client: MakeClient, method: str, path: str, body: Any, status: int
) -> None:
    reply = make_client().call(method, path, body)
    assert reply.status == status
    assert json.loads(reply.body)["message"]
