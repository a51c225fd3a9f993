from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.everai.wire import (
    decode_object,
    decode_queue,
    decode_scale_up,
    decode_workers,
    error_message,
)
from autoscaler.everai.wire_apps import decode_app, decode_apps
from autoscaler.model import AppKey, Observation, WorkerState
from autoscaler.model.errors import MalformedReply

APP = AppKey("default", "sd15")
RUNNING, FREE = "STATUS_RUNNING", "DETAIL_STATUS_FREE"


def workers(body: bytes) -> Observation:
    return decode_workers(body, APP, requested_at=1, received_at=2, platform_now=3)


DECODERS: tuple[Callable[[bytes], object], ...] = (
    workers,
    decode_scale_up,
    decode_object,
    decode_queue,
    lambda body: decode_app(body, APP),
    lambda body: decode_apps(body, None),
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from([RUNNING, FREE, "", "-1", "7", "2024-09-29T09:35:35Z", 10**30, -0.0]),
)
FIELDS = """
    workers id status detailStatus createdAt deletedAt lastServeAt successCount failedCount
    sessionNumber queueSize maxWorkers lastScaleUpTime lastScaleDownDeleteTime workerIds queues
    reason createAt appV1alpha1 apps metadata spec autoscaler name labels desiredWorker
"""
KEYS = st.sampled_from(FIELDS.split())
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner),
    max_leaves=20,
)
WORKER = st.fixed_dictionaries(
    {"id": st.sampled_from("abcd")},
    optional={
        "status": st.sampled_from([RUNNING, "STATUS_PENDING", "STATUS_ERROR", "STATUS_NEW"]),
        "detailStatus": st.sampled_from([FREE, "DETAIL_STATUS_BUSY", "DETAIL_STATUS_NEW"]),
        "deletedAt": st.sampled_from(["", "2024-09-29T09:35:35Z"]),
        "successCount": st.integers(0, 9) | st.sampled_from(["3"]),
        "createdAt": st.sampled_from(["2024-09-29T09:35:18.362Z"]),
    },
)
LISTS = st.fixed_dictionaries(
    {"workers": st.lists(WORKER, max_size=5)},
    optional={"queueSize": st.integers(0, 9), "maxWorkers": st.integers(0, 9)},
)


def survives(body: bytes) -> None:
    """Fail on any exception but the typed one."""
    for decode in DECODERS:
        said = ""
        try:
            decode(body)
        except MalformedReply as error:
            said = str(error)
        assert len(said) < 400
        assert said.isprintable()
    assert isinstance(error_message(body), str)


@given(st.binary(max_size=200))
def test_random_bytes_raise_the_typed_error_only(body: bytes) -> None:
    survives(body)


@given(JSON)
@settings(max_examples=300)
def test_random_json_raises_the_typed_error_only(value: Any) -> None:
    survives(json.dumps(value).encode())


def free_by_the_json(value: Any) -> set[str]:
    """Return the ids that the JSON itself, read by another parser, shows FREE."""
    rows = value.get("workers") or []
    return {
        row.get("id")
        for row in rows
        if row.get("status") == RUNNING and row.get("detailStatus") == FREE
    }


@given(LISTS, st.data())
@settings(max_examples=400)
def test_a_mutated_list_shows_no_worker_free_that_its_json_does_not(
    original: dict[str, Any], data: st.DataObject
) -> None:
    body = bytearray(json.dumps(original).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        kind = data.draw(st.sampled_from(["flip", "drop", "cut", "double"]))
        if kind == "flip":
            body[at] = data.draw(st.integers(0, 255))
        elif kind == "drop":
            del body[at]
        elif kind == "double":
            body[at:at] = body[max(0, at - 9) : at]
        if kind == "cut" or not body:
            body = body[:at] or bytearray(b"{")
    survives(bytes(body))
    try:
        seen = workers(bytes(body))
    except MalformedReply:
        return
    free = {worker.id for worker in seen.workers if worker.state is WorkerState.FREE}
    assert free <= free_by_the_json(json.loads(body.decode("utf-8", errors="replace")))


@given(LISTS)
def test_a_list_cut_anywhere_is_malformed(original: dict[str, Any]) -> None:
    body = json.dumps(original).encode()
    for at in range(len(body)):
        try:
            workers(body[:at])
        except MalformedReply:
            continue
        raise AssertionError(body[:at])
