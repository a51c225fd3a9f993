"""The live stream over real sockets: what is told, to how many, and what a slow client costs."""

from __future__ import annotations

import asyncio
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from autoscaler.model import AppKey, Decision, Reason
from autoscaler.web import Changes, WebServer
from autoscaler.web.api import live
from autoscaler.web.changes import LISTENERS_MAX

URL = "/api/v1/stream"
PATIENCE_S = 30.0
Event = tuple[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COALESCE_S", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.2)


async def events(reply: httpx.Response) -> AsyncIterator[Event]:
    kind = ""
    async for line in reply.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():
            await asyncio.sleep(0.01)


async def test_changes_are_told_as_rows_of_the_list(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision], app: AppKey
) -> None:
    headers = {"Last-Event-ID": "whatever"}
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL, headers=headers) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-store"
        told = events(reply)
        assert await anext(told) == ("hello", {"version": "1.2.3", "apps": 1})
        new = decide(reason=Reason.COOLDOWN, desired=3)
        for recorder in (parts.snapshot, parts.changes):
            recorder.decided(new)
        kind, row = await anext(told)
        assert (kind, row["name"], row["reason"], row["desired"]) == ("app", "sd15", "Cooldown", 3)
        listed = (await client.get("/api/v1/apps")).json()["items"][0]
        assert row.items() <= listed.items()
        for recorder in (parts.snapshot, parts.changes):
            recorder.forget(app)
        assert await anext(told) == ("gone", {"namespace": "default", "name": "sd15"})


async def test_many_changes_of_an_app_are_one(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision], app: AppKey
) -> None:
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL) as reply:
        told = events(reply)
        await anext(told)
        for number in range(100):
            for recorder in (parts.snapshot, parts.changes):
                recorder.decided(decide(desired=number))
        parts.changes.decided(decide(app=AppKey("default", "end")))
        seen = [await anext(told), await anext(told)]
        assert [row["desired"] for kind, row in seen if kind == "app"] == [99]
        assert seen[1][1]["name"] == "end"


async def test_only_the_apps_that_are_asked_for(
    client: httpx.AsyncClient, parts: Any, decide: Callable[..., Decision]
) -> None:
    wanted = {"namespace": "default", "name": "sd15"}
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL, params=wanted) as reply:
        told = events(reply)
        await anext(told)
        parts.changes.decided(decide(app=AppKey("default", "other"), desired=7))
        parts.changes.decided(decide(app=AppKey("other", "sd15"), desired=7))
        parts.changes.decided(decide(desired=7))
        _, row = await anext(told)
        assert (row["namespace"], row["name"]) == ("default", "sd15")


async def test_a_quiet_stream_has_a_heartbeat(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL) as reply:
        comments = 0
        async for line in reply.aiter_lines():
            comments += line.startswith(":")
            if comments == 2:
                return


async def test_places_are_bounded_and_freed(
    server: WebServer, parts: Any, client: httpx.AsyncClient
) -> None:
    writers = []
    for _ in range(LISTENERS_MAX):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET {URL} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        writers.append(writer)
    await until(lambda: len(parts.changes) == LISTENERS_MAX)
    full = await client.get(URL)
    assert full.status_code == 503
    assert full.headers["retry-after"] == "10"
    for writer in writers:
        writer.close()
    await until(lambda: len(parts.changes) == 0)
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL) as reply:
        assert reply.status_code == 200


async def test_head_takes_no_place(client: httpx.AsyncClient, parts: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        assert (await client.head(URL)).status_code == 200
    await until(lambda: len(parts.changes) == 0)


async def test_a_stop_ends_streams_at_once(
    server: WebServer, client: httpx.AsyncClient, parts: Any
) -> None:
    async with asyncio.timeout(PATIENCE_S), client.stream("GET", URL) as reply:
        told = events(reply)
        await anext(told)
        await server.stop()
        assert [event async for event in told] == []
    assert len(parts.changes) == 0


async def test_an_unknown_parameter_is_refused_and_takes_no_place(
    parts: Any, client: httpx.AsyncClient
) -> None:
    reply = await client.get(URL, params={"colour": "red"})
    assert reply.status_code == 422
    assert len(parts.changes) == 0


async def test_a_client_that_reads_nothing_costs_no_more_than_the_apps_there_are(
    server: WebServer, parts: Any, decide: Callable[..., Decision]
) -> None:
    apps = [AppKey("default", f"app-{number}") for number in range(200)]
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(f"GET {URL} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until(lambda: len(parts.changes) == 1)

    async def churn(rounds: int) -> None:
        for number in range(rounds):
            for place, app in enumerate(apps):
                made = decide(app=app, desired=number % 4, message="m" * 500 + str(place))
                for recorder in (parts.snapshot, parts.changes):
                    recorder.decided(made)
            await asyncio.sleep(0.02)

    await churn(50)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await churn(150)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2_000_000
    (listener,) = parts.changes._listeners
    assert len(listener._changed) <= len(apps)
    slow.close()
    await until(lambda: len(parts.changes) == 0)


async def test_a_client_that_takes_nothing_for_long_loses_its_place(
    server: WebServer, parts: Any, decide: Callable[..., Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_LIMIT_S", 0.3)
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(f"GET {URL} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await until(lambda: len(parts.changes) == 1)
        number = 0
        async with asyncio.timeout(PATIENCE_S):
            while len(parts.changes):
                number += 1
                for place in range(300):
                    made = decide(
                        app=AppKey("default", f"app-{place}"),
                        desired=number,
                        message="m" * 2000,
                    )
                    for recorder in (parts.snapshot, parts.changes):
                        recorder.decided(made)
                await asyncio.sleep(0.05)


async def test_whatever_was_decided_alike_is_told_once(decide: Callable[..., Decision]) -> None:
    changes = Changes()
    with changes.listener() as listener:
        changes.decided(decide())
        assert len(await listener.changed(1)) == 1
        changes.decided(decide(at=5.0))
        assert await listener.changed(0.05) == ()
        changes.decided(decide(queue_size=1))
        assert len(await listener.changed(1)) == 1
