"""A list with the last one's bytes is not decoded again; nobody can tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoscaler.everai import wire_values
from autoscaler.everai.client import ROWS_AT_ONCE
from autoscaler.everai.unchanged import FORGET_AFTER_S, LastLists
from autoscaler.everai.wire import decode_workers
from autoscaler.model import AppKey, Observation

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

APP, OTHER = AppKey("default", "sd15"), AppKey("default", "other")
ROW = {
    "id": "a",
    "status": "STATUS_RUNNING",
    "detailStatus": "DETAIL_STATUS_FREE",
    "createdAt": "2024-09-29T09:35:18.362Z",
    "lastServeAt": "2024-09-29T09:36:02.218108Z",
    "successCount": "7",
}
LIST = {"workers": [ROW, {"status": "x"}], "queueSize": 3, "maxWorkers": 9}


def fresh(body: bytes, at: float, *, show_all: bool = False, app: AppKey = APP) -> Observation:
    return decode_workers(
        body,
        app,
        requested_at=at,
        received_at=at + 1,
        platform_now=at + 2,
        show_all=show_all,
    )


def again(lists: LastLists, body: bytes, at: float, **more: Any) -> Observation | None:
    app = more.pop("app", APP)
    return lists.same(
        app,
        lists.digest(body),
        requested_at=at,
        received_at=at + 1,
        platform_now=at + 2,
        show_all=more.get("show_all", False),
    )


@pytest.mark.parametrize("show_all", [False, True])
def test_the_same_bytes_at_another_time_are_as_if_decoded(*, show_all: bool) -> None:
    lists, body = LastLists(), json.dumps(LIST).encode()
    lists.keep(lists.digest(body), fresh(body, 100.0))
    for at in (115.0, 130.0):
        found = again(lists, body, at, show_all=show_all)
        assert found == fresh(body, at, show_all=show_all)
        assert type(found) is Observation


def test_other_bytes_or_another_app_are_not_the_same() -> None:
    lists, body = LastLists(), json.dumps(LIST).encode()
    lists.keep(lists.digest(body), fresh(body, 100.0))
    assert again(lists, body + b" ", 115.0) is None
    assert again(lists, body, 115.0, app=OTHER) is None


def test_an_app_that_is_listed_no_more_is_forgotten() -> None:
    lists, body = LastLists(), json.dumps(LIST).encode()
    lists.keep(lists.digest(body), fresh(body, 0.0))
    lists.keep(lists.digest(body), fresh(body, 0.0, app=OTHER))
    at = 0.0
    while at < 3 * FORGET_AFTER_S:
        at += FORGET_AFTER_S / 10
        assert again(lists, body, at) is not None
    assert again(lists, body, at, app=OTHER) is None
    assert len(lists._young) + len(lists._old) <= 2


async def test_the_client_sees_each_change_and_each_moment(
    world: World, answer: Callable[..., Answer]
) -> None:
    changed = {**LIST, "queueSize": 4}
    first, second = "Sun, 29 Sep 2024 09:35:35 GMT", "Sun, 29 Sep 2024 09:35:45 GMT"
    server = await world.serve(
        answer(200, LIST, Date=first), answer(200, LIST, Date=second), answer(200, changed)
    )
    client = await world.client(server)
    one, two, three = [await client.list_workers(APP) for _ in range(3)]
    assert two.workers is one.workers
    assert two.platform_now - one.platform_now == 10.0
    assert (one.queue_size, two.queue_size, three.queue_size) == (3, 3, 4)


DIGITS = st.text("0123456789", min_size=0, max_size=11)


@given(
    st.tuples(
        st.sampled_from(["2024-09-29T09:", "2024-02-30T09:", "1970-01-01T00:", "2024-09-29t23:"]),
        st.sampled_from(["35", "00", "59", "60", "5", "٣٥", " 1"]),
        st.sampled_from([":", ";", ""]),
        st.sampled_from(["35", "59", "60", "61", "3Z", "١٢"]),
        st.one_of(st.just(""), st.just("."), DIGITS.map(".{}".format), st.just(".1e3"), DIGITS),
        st.sampled_from(["Z", "z", "", "+00:00", "+08:00", "ZZ"]),
    ).map("".join)
)
@example("2024-09-29T09:35:35.387883192Z")
@example("2024-09-29T09:35:35.Z")
@example("2024-09-29T09:35:35._1Z")
def test_the_short_cut_reads_times_to_the_last_bit(text: str) -> None:
    def read(how: Callable[[str], float | None]) -> float | str | None:
        try:
            return how(text)
        except ValueError as error:
            return str(error)

    wire_values.time("2024-09-29T09:00:00Z")
    careful = read(wire_values._careful_time)
    assert read(wire_values.time) == careful
    assert read(wire_values.time) == careful


@pytest.mark.parametrize(("workers", "first"), [(ROWS_AT_ONCE + 1, "others"), (3, "list")])
async def test_a_long_list_lets_others_in_before_it_is_decided_on(
    world: World, answer: Callable[..., Answer], workers: int, first: str
) -> None:
    rows = [{**ROW, "id": f"w{number}"} for number in range(workers)]
    client = await world.client(await world.serve(answer(200, {"workers": rows})))
    order: list[str] = []
    loop = asyncio.get_running_loop()

    def called(operation: str, code: str, duration_s: float) -> None:
        loop.call_soon(order.append, "others")

    client._caller._on_call = called
    await client.list_workers(APP)
    order.append("list")
    assert order[0] == first


async def test_a_long_list_lets_others_in_while_it_is_read(
    world: World, answer: Callable[..., Answer]
) -> None:
    rows = [{**ROW, "id": f"w{number}"} for number in range(5 * ROWS_AT_ONCE)]
    rows.append(rows[0])
    client = await world.client(await world.serve(answer(200, {"workers": rows})))
    loop = asyncio.get_running_loop()
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    client._caller._on_call = lambda *_: turn()
    look = await client.list_workers(APP)
    assert turns >= 6  # one more before it is decided on
    assert len(look.workers) == 5 * ROWS_AT_ONCE
    assert look.oddities == ("worker w0 is listed twice, both times the same",)
