"""The API in virtual time: wire format, lists, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from autoscaler.emulator.wire import rfc3339

MakeClient = Callable[..., Any]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z")


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        (1_700_000_000.0, "2023-11-14T22:13:20Z"),
        (1_700_000_000.5, "2023-11-14T22:13:20.500Z"),
        (1_700_000_000.015625, "2023-11-14T22:13:20.015625Z"),
        (1_700_000_000.0000002, "2023-11-14T22:13:20.000000238Z"),
        (None, ""),
    ],
)
def test_times_have_as_many_digits_as_they_need(epoch_s: float | None, text: str) -> None:
    assert rfc3339(epoch_s) == text


def test_zero_values_are_left_out(make_client: MakeClient) -> None:
    assert make_client().workers() == {"queueName": "default.demo"}


def test_a_worker_row_through_its_life(make_client: MakeClient) -> None:
    client = make_client(cold_start=100, removal_s=10, max_workers=4)
    (worker_id,) = json.loads(client.scale_up(1).body)["workerIds"]
    seen = []
    for wait_s in (5, 10, 30, 60):
        client.wait(wait_s)
        (row,) = client.workers()["workers"]
        seen.append((row["status"], row["detailStatus"], "launchAt" in row, "lastServeAt" in row))
    assert seen == [
        ("STATUS_INITIALIZED", "DETAIL_STATUS_IN_FLIGHT", False, False),
        ("STATUS_CREATED", "DETAIL_STATUS_IN_FLIGHT", False, False),
        ("STATUS_PENDING", "DETAIL_STATUS_IN_FLIGHT", True, False),
        ("STATUS_RUNNING", "DETAIL_STATUS_FREE", True, True),
    ]
    assert row["id"] == worker_id
    assert "successCount" not in row
    assert row["createdAt"] == rfc3339(client.clock[0] - 105)
    assert row["lastServeAt"] == rfc3339(client.clock[0] - 5)
    client.demo.send(service_s=2)
    (row,) = client.workers()["workers"]
    assert row["detailStatus"] == "DETAIL_STATUS_BUSY"
    client.wait(3)
    (row,) = client.workers()["workers"]
    assert (row["detailStatus"], row["successCount"]) == ("DETAIL_STATUS_FREE", 1)
    client.scale_down(worker_id)
    content = client.workers()
    (row,) = content["workers"]
    assert (row["status"], row["detailStatus"]) == ("STATUS_TERMINATING", "DETAIL_STATUS_REMOVE")
    assert RFC3339.fullmatch(row["deletedAt"])
    assert content["lastScaleUpTime"] == rfc3339(client.clock[0] - 108)
    assert content["lastScaleDownDeleteTime"] == rfc3339(client.clock[0])
    assert content["maxWorkers"] == 4


def test_who_is_in_which_list(make_client: MakeClient) -> None:
    client = make_client(initial_workers=3, removal_s=0)
    removed, crashed, _ = client.free_ids()
    client.scale_down(removed)
    client.demo.crash(crashed)
    client.wait(1)
    assert len(client.workers()["workers"]) == 1
    every = {row["id"]: row["status"] for row in client.workers(showAll="true")["workers"]}
    assert every[removed] == "STATUS_TERMINATED"
    assert every[crashed] == "STATUS_ERROR"
    client.wait(2 * 86400)
    assert len(client.workers(showAll="true", recentDays="1")["workers"]) == 1
    assert len(client.workers(showAll="true", recentDays="3")["workers"]) == 3


def test_failed_workers_may_be_in_the_default_list(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, hide_failed=False)
    client.demo.crash(client.free_ids()[0])
    assert [row["status"] for row in client.workers()["workers"]] == ["STATUS_ERROR"]


def test_a_new_worker_shows_only_after_the_lag(make_client: MakeClient) -> None:
    client = make_client(list_lag_s=4, cold_start=60)
    client.scale_up(1)
    client.wait(3.9)
    assert "workers" not in client.workers()
    assert "lastScaleUpTime" in client.workers()
    client.wait(0.1)
    assert len(client.workers()["workers"]) == 1


def test_sessions_and_outages_show(make_client: MakeClient) -> None:
    client = make_client(initial_workers=2)
    one, other = client.demo.workers.values()
    one.sessions.append(client.clock[0] + 10)
    client.demo.interrupt(other.id, 10)
    rows = {row["id"]: row for row in client.workers()["workers"]}
    assert rows[one.id]["sessionNumber"] == 1
    assert rows[other.id]["status"] == "STATUS_UNAVAILABLE"
    client.wait(11)
    rows = {row["id"]: row for row in client.workers()["workers"]}
    assert "sessionNumber" not in rows[one.id]
    assert rows[other.id]["status"] == "STATUS_RUNNING"


@pytest.mark.parametrize("detail", ["rollin", "in-flight"])
def test_a_roll_out_names_whom_it_replaces(make_client: MakeClient, detail: str) -> None:
    client = make_client(initial_workers=1, rollin_detail=detail)
    client.demo.update()
    old, new = client.workers()["workers"]
    assert new["replaceWorkerId"] == old["id"]
    assert new["appRevision"] != old["appRevision"]
    assert new["detailStatus"] == f"DETAIL_STATUS_{detail.upper().replace('-', '_')}"


def test_counts_may_be_strings(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, max_workers=5, counts_as_strings=True)
    client.demo.send(service_s=1)
    client.demo.send(service_s=9)
    client.demo.send(service_s=9)
    client.wait(2)
    content = client.workers()
    assert (content["queueSize"], content["maxWorkers"]) == ("1", "5")
    assert content["workers"][0]["successCount"] == "1"


def test_the_date_follows_the_fleets_clock(make_client: MakeClient) -> None:
    client = make_client()
    client.wait(12345.6)
    reply = client.app("GET", "/workers")
    assert parsedate_to_datetime(reply.headers["date"]).timestamp() == int(client.clock[0])


def test_queue_app_events_and_statistic(make_client: MakeClient) -> None:
    client = make_client(labels={"team": "x"}, default_workers=2)
    client.demo.send(service_s=1)
    (entry,) = json.loads(client.app("GET", "/request_queues").body)["queues"]
    assert entry == {"reason": "QueueReasonNotDispatch", "createAt": rfc3339(client.clock[0])}
    client.scale_up(1)
    client.wait(60)
    body = json.loads(client.app("GET", "").body)["appV1alpha1"]
    assert body["metadata"]["labels"] == {"team": "x"}
    assert body["spec"]["autoscaler"] == {"manual": {"defaultWorkerNum": 2}}
    assert body["status"] == {"desiredWorker": 1, "readyWorker": 1, "status": "STATUS_DEPLOYED"}
    events = json.loads(client.app("GET", "/events").body)["events"]
    assert events[0]["message"].endswith("is ready now")
    reply = client.app("GET", "/request_statistic", interval="INTERVAL_DAY")
    (rows,) = json.loads(reply.body)["requestStatistic"].values()
    assert rows["requestStatistics"] == [{"totalRequest": 1, "successRequest": 1}]


def test_apps_of_a_namespace_and_of_all(make_client: MakeClient) -> None:
    client = make_client(scaler="builtin")
    for path in ("/api/apps/v1/apps", "/api/apps/v1/namespaces/default/apps"):
        (app,) = json.loads(client.call("GET", path).body)["apps"]
        assert app["appV1alpha1"]["metadata"]["name"] == "demo"
        assert "builtin" in app["appV1alpha1"]["spec"]["autoscaler"]
    assert client.call("GET", "/api/apps/v1/namespaces/other/apps").body == b"{}"


def test_pause_and_resume(make_client: MakeClient) -> None:
    client = make_client(initial_workers=1, removal_s=0)
    assert client.app("POST", ":pause").body == b"{}"
    client.wait(1)
    assert "workers" not in client.workers()
    assert "STATUS_PAUSED" in client.app("GET", "").body.decode()
    client.app("POST", ":resume")
    assert len(client.workers()["workers"]) == 1


@pytest.mark.parametrize(
    ("method", "suffix", "body", "query", "status", "code"),
    [
        ("POST", "/workers:scale-up", {"scaleUpWorkersNum": "two"}, {}, 400, 3),
        ("POST", "/workers:scale-up", {"scaleUpWorkersNum": True}, {}, 400, 3),
        ("POST", "/workers:scale-up", {"scaleUpWorkersNum": "0"}, {}, 400, 3),
        ("POST", "/workers:scale-up", {"scaleUpWorkersNum": "-1"}, {}, 400, 3),
        ("POST", "/workers:scale-up", {"scaleUpWorkersNum": "999999999"}, {}, 400, 3),
        ("POST", "/workers:scale-up", {}, {}, 400, 3),
        ("POST", "/workers:scale-up", [], {}, 400, 3),
        ("POST", "/workers:scale-down", {"scaleDownWorkersNum": "0"}, {}, 400, 3),
        ("POST", "/workers:scale-down", {"scaleDownWorkersNum": 1, "workerIds": [1]}, {}, 400, 3),
        ("GET", "/workers", None, {"showAll": "true", "recentDays": "many"}, 400, 3),
        ("GET", "/request_statistic", None, {"interval": "INTERVAL_WEEK"}, 400, 3),
        ("DELETE", "/workers", None, {}, 501, 12),
        ("GET", "/nothing", None, {}, 501, 12),
    ],
)
def test_requests_that_make_no_sense(
    make_client: MakeClient, method: str, suffix: str, body: Any, query: dict[str, str],
    status: int, code: int,
) -> None:  # fmt: skip
    client = make_client()
    reply = client.app(method, suffix, body, **query)
    assert reply.status == status
    error = json.loads(reply.body)
    assert (error["code"], error["details"]) == (code, [])
    assert client.demo.workers == {}


def test_a_body_that_is_no_json(make_client: MakeClient) -> None:
    client = make_client()
    path = "/api/apps/v1/namespaces/default/apps/demo/workers:scale-up"
    reply = client.handler.handle("POST", path, {}, client.headers, b"\xff{")
    assert reply.status == 400


def test_unknown_apps_paths_and_workers(make_client: MakeClient) -> None:
    client = make_client(unknown_ids="reject", initial_workers=1)
    path = "/api/apps/v1/namespaces/default/apps/nobody/workers"
    assert json.loads(client.call("GET", path).body)["code"] == 5
    assert client.call("GET", path).status == client.call("GET", "/").status == 404
    (only,) = client.free_ids()
    assert client.scale_down(only, "nobody").status == 404
    assert client.demo.healthy() == 1


@pytest.mark.parametrize("header", ["", "Bearer wrong", "secret", "bearer secret", "Bearer ümlaut"])
def test_without_the_token_nothing_is_answered(make_client: MakeClient, header: str) -> None:
    client = make_client()
    client.headers = {"authorization": header} if header else {}
    reply = client.app("GET", "/workers")
    assert (reply.status, json.loads(reply.body)["code"]) == (401, 16)
    assert client.app("GET", "/nothing").status == 401


def test_scale_down_without_ids_takes_some_by_chance(make_client: MakeClient) -> None:
    client = make_client(initial_workers=5)
    client.app("POST", "/workers:scale-down", {"scaleDownWorkersNum": "2"})
    assert client.demo.healthy() == 3
