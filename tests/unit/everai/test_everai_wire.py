from __future__ import annotations

import json
from typing import Any

import pytest

from autoscaler.everai import wire_values
from autoscaler.everai.wire import (
    decode_object,
    decode_queue,
    decode_scale_up,
    decode_workers,
    error_message,
)
from autoscaler.everai.wire_apps import decode_app, decode_apps
from autoscaler.model import AppKey, AppStatus, NoData, Observation, Scaler, WorkerState
from autoscaler.model.errors import MalformedReply

APP = AppKey("default", "sd15")
FREE = {"status": "STATUS_RUNNING", "detailStatus": "DETAIL_STATUS_FREE"}
BUSY = {"status": "STATUS_RUNNING", "detailStatus": "DETAIL_STATUS_BUSY"}


def decode(body: Any, **options: Any) -> Observation:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_workers(raw, APP, requested_at=1.0, received_at=2.0, platform_now=3.0, **options)


def test_the_documented_sample_is_read_whole() -> None:
    seen = decode(
        {
            "workers": [
                {
                    "id": "JYdC",
                    "deviceId": "95fa",
                    **FREE,
                    "createdAt": "2024-09-29T09:35:18.362Z",
                    "launchAt": "2024-09-29T09:35:23.443Z",
                    "lastServeAt": "2024-09-29T09:36:02.218108Z",
                    "successCount": 1,
                    "failedCount": "2",
                    "sessionNumber": 3.0,
                    "CPUs": 2,
                    "memory": 1024,
                    "appId": "nmus",
                    "appRevision": "r7",
                    "replaceWorkerId": "old",
                    "gpuModel": "RTX",
                    "gpuNum": 4,
                }
            ],
            "queueSize": "7",
            "queueName": "q",
            "lastScaleUpTime": "2024-09-29T09:35:18Z",
            "lastScaleDownDeleteTime": "0001-01-01T00:00:00Z",
            "maxWorkers": "12",
        },
        show_all=True,
    )
    worker = seen.workers[0]
    assert (worker.id, worker.state, worker.app_revision) == ("JYdC", WorkerState.FREE, "r7")
    assert worker.created_at == pytest.approx(1727602518.362)
    assert worker.last_serve_at == pytest.approx(1727602562.218108)
    assert (worker.success_count, worker.failed_count, worker.session_number) == (1, 2, 3)
    assert (worker.replace_worker_id, worker.gpu_model, worker.gpu_num) == ("old", "RTX", 4)
    assert (seen.queue_size, seen.max_workers) == (7, 12)
    assert (seen.last_scale_up_at, seen.last_scale_down_at) == (1727602518.0, None)
    assert (seen.requested_at, seen.received_at, seen.platform_now) == (1.0, 2.0, 3.0)
    assert seen.show_all
    assert (seen.problems, seen.oddities) == ((), ())


@pytest.mark.parametrize("body", [{}, {"workers": None, "queueSize": None}, {"newField": [1]}])
def test_left_out_fields_are_zero_and_the_maximum_unknown(body: dict[str, Any]) -> None:
    seen = decode(body)
    assert (seen.workers, seen.queue_size, seen.max_workers) == ((), 0, None)
    assert seen.problems == ()


def test_a_maximum_of_zero_is_what_proto3_leaves_out() -> None:
    assert decode({"maxWorkers": 0}).max_workers is None


@pytest.mark.parametrize(
    "value", [-1, "-5", 1.5, True, "x", 10**10, "9" * 30, 10**30, [], {}, "1e3"]
)
def test_a_senseless_queue_is_no_data(value: object) -> None:
    seen = decode({"queueSize": value})
    assert isinstance(seen.queue_size, NoData)
    assert "queueSize" in seen.queue_size.why
    assert len(seen.queue_size.why) < 100


@pytest.mark.parametrize("value", [-1, "-5", 1.5, False, 10**10, {"a": 1}])
def test_a_senseless_maximum_is_a_problem(value: object) -> None:
    seen = decode({"maxWorkers": value})
    assert seen.max_workers is None
    assert len(seen.problems) == 1
    assert "maxWorkers" in seen.problems[0]


def test_a_worker_without_an_id_is_a_problem() -> None:
    seen = decode({"workers": [FREE, {"id": "", **FREE}, {"id": "a\nb"}, {"id": "x" * 300}]})
    assert seen.workers == ()
    assert len(seen.problems) == 3


@pytest.mark.parametrize("name", ["successCount", "failedCount", "sessionNumber", "gpuNum"])
def test_a_senseless_count_of_a_worker_is_a_problem(name: str) -> None:
    seen = decode({"workers": [{"id": "a", **FREE, name: -1}]})
    assert seen.problems == (f"worker a: {name} -1 is negative",)


@pytest.mark.parametrize("name", ["createdAt", "deletedAt", "lastServeAt"])
def test_an_unreadable_time_of_a_worker_is_a_problem(name: str) -> None:
    seen = decode({"workers": [{"id": "a", **FREE, name: "yesterday"}]})
    assert seen.problems == (f"worker a: {name} 'yesterday' is no RFC 3339 time",)


def test_an_unreadable_scale_time_is_a_problem() -> None:
    assert len(decode({"lastScaleUpTime": "x", "lastScaleDownDeleteTime": "y"}).problems) == 2


def test_a_worker_listed_twice_is_odd_where_alike_and_a_problem_where_not() -> None:
    alike = decode({"workers": [{"id": "a", **FREE}, {"id": "a", **FREE, "area": "x"}]})
    assert len(alike.workers) == 1
    assert alike.problems == ()
    assert "listed twice" in alike.oddities[0]
    differing = decode({"workers": [{"id": "a", **FREE}, {"id": "a", **BUSY}]})
    assert len(differing.workers) == 1
    assert "listed twice" in differing.problems[0]


def test_unknown_enums_are_unknown_workers_and_noted_once() -> None:
    new = {"status": "STATUS_RUNNING", "detailStatus": "DETAIL_STATUS_NAPPING"}
    seen = decode({"workers": [{"id": "a", **new}, {"id": "b", **new}, {"id": "c"}]})
    assert [worker.state for worker in seen.workers] == [WorkerState.UNKNOWN] * 3
    assert seen.oddities == ("unknown detailStatus 'DETAIL_STATUS_NAPPING'",)
    assert decode({"workers": [{"id": "a", "status": "S\x1b[31m"}]}).oddities == (
        "unknown status 'S [31m'",
    )


def test_a_deleted_worker_is_gone_unless_it_failed() -> None:
    when = "2024-09-29T09:35:18Z"
    seen = decode(
        {
            "workers": [
                {"id": "a", **FREE, "deletedAt": when},
                {"id": "b", "status": "STATUS_TERMINATED"},
                {"id": "c", "status": "STATUS_ERROR", "deletedAt": when},
                {"id": "d", **FREE, "deletedAt": "0001-01-01T00:00:00Z"},
            ]
        }
    )
    states = [worker.state for worker in seen.workers]
    assert states == [WorkerState.GONE, WorkerState.GONE, WorkerState.ERROR, WorkerState.FREE]


def test_a_worker_that_is_still_stopping_takes_a_place_though_its_deletion_has_a_time() -> None:
    when = "2024-09-29T09:35:18Z"
    stopping = {"status": "STATUS_TERMINATING", "detailStatus": "DETAIL_STATUS_REMOVE"}
    seen = decode({"workers": [{"id": "a", **stopping, "deletedAt": when}]})
    assert [worker.state for worker in seen.workers] == [WorkerState.REMOVING]


def test_notes_are_no_more_than_people_can_read() -> None:
    seen = decode({"workers": [{"id": f"w{n}", "createdAt": "x"} for n in range(1000)]})
    assert len(seen.problems) == 21
    assert seen.problems[-1] == "and 980 more"


def test_ten_thousand_workers_are_read() -> None:
    seen = decode({"workers": [{"id": f"w{n}", **FREE} for n in range(10_000)]})
    assert len({worker.id for worker in seen.workers}) == 10_000


BAD = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"<!DOCTYPE html><html>502</html>",
    b'{"workers":[{"id":"a"',
    b'{"queueSize":NaN}',
    b'{"workers":{}}',
    b'{"workers":[7]}',
    b'{"workers":[{"id":7}]}',
    b'{"workers":[{"id":"a","successCount":true}]}',
    b'{"workers":[{"id":"a","createdAt":7}]}',
    b'{"x":' + b"[" * 100_000,
    b'{"workers":[{"id":"\xff"}]}',
    b'{"workers":[{"id":"\\ud800"}]}',
    b'{"code":5,"message":"no"}',
    b'{"error":"no"}',
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:24].decode("latin-1"))
def test_what_is_not_the_promised_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        decode(body)


def test_html_is_called_by_its_name() -> None:
    with pytest.raises(MalformedReply, match="HTML"):
        decode(b" <html>")


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("2024-09-29T09:35:35.387883192Z", 1727602535.387883192),
        ("2024-09-29t09:35:35z", 1727602535.0),
        ("2024-09-29T17:35:35+08:00", 1727602535.0),
        ("2024-09-29T05:05:35.5-04:30", 1727602535.5),
        ("2016-12-31T23:59:60Z", 1483228800.0),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00.000Z", None),
        ("", None),
        (None, None),
    ],
)
def test_times(text: str | None, epoch_s: float | None) -> None:
    assert wire_values.time(text) == (None if epoch_s is None else pytest.approx(epoch_s, abs=1e-6))


@pytest.mark.parametrize(
    "text",
    [
        "2024-09-29",
        "2024-09-29T09:35:35",
        "2024-13-29T09:35:35Z",
        "2024-09-29T24:00:00Z",
        "2024-09-29T09:35:61Z",
        "20240929T093535Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٤-09-29T09:35:35Z",
        " 2024-09-29T09:35:35Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        wire_values.time(text)


def test_scale_up_replies() -> None:
    assert decode_scale_up(b'{"workerIds":["a","b","a",""]}') == ("a", "b")
    assert decode_scale_up(b"{}") == ()
    assert decode_scale_up(b'{"workerIds":null}') == ()
    for body in (b"", b"[]", b'{"workerIds":"a"}', b'{"workerIds":[1]}'):
        with pytest.raises(MalformedReply):
            decode_scale_up(body)


def test_scale_down_replies() -> None:
    decode_object(b"{}")
    decode_object(b'{"new":1}')
    for body in (b"", b"[]", b"<html>", b"{"):
        with pytest.raises(MalformedReply):
            decode_object(body)


def test_request_queues() -> None:
    row = {"index": "1", "reason": "QueueReasonWorkerBusy", "createAt": "2024-09-29T09:35:35Z"}
    body = json.dumps({"queues": [row]}).encode()
    assert [(q.created_at, q.reason) for q in decode_queue(body)] == [
        (1727602535.0, "QueueReasonWorkerBusy")
    ]
    assert decode_queue(b"{}") == ()
    unspecified = decode_queue(b'{"queues":[{"createAt":"2024-09-29T09:35:35Z"}]}')
    assert unspecified[0].reason == "QueueReasonUnspecified"
    for bad in (b'{"queues":[{}]}', b'{"queues":[{"createAt":"x"}]}', b'{"message":"no"}', b"[]"):
        with pytest.raises(MalformedReply):
            decode_queue(bad)


def app_body(**parts: Any) -> bytes:
    app = {"metadata": {"name": "sd15", "namespace": "default"}} | parts
    return json.dumps({"appV1alpha1": app}).encode()


def test_an_app() -> None:
    info = decode_app(
        app_body(
            metadata={"name": "sd15", "labels": {"team": "x", "odd": 7}},
            spec={"autoscaler": {"manual": {"defaultWorkerNum": 1}}, "image": "i"},
            status={"desiredWorker": "3", "readyWorker": 2, "status": "STATUS_PAUSED"},
        ),
        APP,
    )
    assert (info.key, info.scaler, info.status) == (APP, Scaler.MANUAL, AppStatus.PAUSED)
    assert (info.labels, info.desired_worker, info.ready_worker) == ({"team": "x"}, 3, 2)


@pytest.mark.parametrize(
    ("autoscaler", "scaler"),
    [
        ({"builtin": {}}, Scaler.BUILTIN),
        ({"container": {}}, Scaler.CONTAINER),
        ({"thirdParty": {}}, Scaler.THIRD_PARTY),
        ({"manual": {}, "builtin": {}}, Scaler.BUILTIN),
        ({"manual": {}, "builtin": None}, Scaler.MANUAL),
        ({"quantum": {}}, Scaler.UNKNOWN),
        (None, Scaler.UNKNOWN),
    ],
)
def test_who_scales_an_app(autoscaler: object, scaler: Scaler) -> None:
    assert decode_app(app_body(spec={"autoscaler": autoscaler}), APP).scaler is scaler


def test_an_app_of_unknown_status() -> None:
    assert decode_app(app_body(status={"status": "STATUS_NEW"}), APP).status is AppStatus.UNKNOWN
    assert decode_app(app_body(), APP).status is AppStatus.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"code":5,"message":"x"}',
        app_body(metadata={"name": "other", "namespace": "default"}),
        app_body(status={"desiredWorker": -1}),
    ],
)
def test_an_app_that_is_none(body: bytes) -> None:
    with pytest.raises(MalformedReply):
        decode_app(body, APP)


def test_a_list_of_apps() -> None:
    one = json.loads(app_body())
    body = json.dumps({"apps": [one, {"appV2": {}}]}).encode()
    assert [info.key for info in decode_apps(body, None)] == [APP]
    assert decode_apps(b"{}", None) == ()
    for bad in (b'{"apps":[{"appV1alpha1":{}}]}', b'{"code":16,"message":"x"}', b"[]"):
        with pytest.raises(MalformedReply):
            decode_apps(bad, None)


def test_error_bodies() -> None:
    assert error_message(b'{"code":5,"message":"app not found","details":[]}') == "app not found"
    for other in (b"", b"<html>", b'{"message":7}', b"[" * 100_000, b'{"code":5}'):
        assert error_message(other) == ""
