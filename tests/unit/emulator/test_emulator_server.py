"""The emulator over real sockets: what a client meets, good and bad."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from autoscaler.emulator import Emulator, Scenario

WORKERS = "/api/apps/v1/namespaces/default/apps/demo/workers"


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def now(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def platform(clock: HandClock) -> AsyncIterator[Emulator]:
    app = {"name": "demo", "initial_workers": 2, "cold_start": 20}
    scenario = Scenario.model_validate({"apps": [app], "speed": 10})
    async with Emulator(scenario, now=clock.now, token="secret") as emulator:
        yield emulator


@pytest.fixture
async def client(platform: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer secret", "User-Agent": "test"}
    async with httpx.AsyncClient(
        base_url=platform.address, headers=headers, timeout=10, trust_env=False
    ) as client:
        yield client


async def switch(client: httpx.AsyncClient, **fault: Any) -> None:
    reply = await client.put("/emulator/faults", json={"faults": [fault]})
    assert reply.status_code == 200


async def test_time_runs_by_the_speed_and_dates_agree(
    client: httpx.AsyncClient, clock: HandClock, platform: Emulator
) -> None:
    reply = await client.post(WORKERS + ":scale-up", json={"scaleUpWorkersNum": "1"})
    (worker_id,) = reply.json()["workerIds"]
    clock.now_s += 1.9
    rows = {row["id"]: row for row in (await client.get(WORKERS)).json()["workers"]}
    assert rows[worker_id]["detailStatus"] == "DETAIL_STATUS_IN_FLIGHT"
    clock.now_s += 0.2
    reply = await client.get(WORKERS)
    rows = {row["id"]: row for row in reply.json()["workers"]}
    assert rows[worker_id]["detailStatus"] == "DETAIL_STATUS_FREE"
    assert reply.headers.get_list("date") == ["Tue, 14 Nov 2023 22:13:41 GMT"]
    assert platform.books()["apps"]["default/demo"]["workers"]["started"] == 3


async def test_books_over_http_and_in_process_are_the_same(
    client: httpx.AsyncClient, platform: Emulator
) -> None:
    assert (await client.get("/emulator/books")).json() == platform.books()


async def test_a_query_and_an_unknown_token(client: httpx.AsyncClient) -> None:
    reply = await client.get(WORKERS, params={"showAll": "true", "recentDays": "x"})
    assert reply.json()["code"] == 3
    reply = await client.get(WORKERS, headers={"Authorization": "Bearer other"})
    assert (reply.status_code, reply.json()["code"]) == (401, 16)


@pytest.mark.parametrize("kind", ["reset-before", "reset-after"])
async def test_a_reset_is_a_reset(client: httpx.AsyncClient, platform: Emulator, kind: str) -> None:
    await switch(client, kind=kind, operations=["scale-up"])
    with pytest.raises(httpx.ReadError):
        await client.post(WORKERS + ":scale-up", json={"scaleUpWorkersNum": "1"})
    workers = (await client.get(WORKERS)).json()["workers"]
    assert len(workers) == (3 if kind == "reset-after" else 2)


async def test_a_reset_sends_no_orderly_end(platform: Emulator, client: httpx.AsyncClient) -> None:
    await switch(client, kind="reset-before")
    host, port = platform.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {WORKERS} HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"Authorization: Bearer secret\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_a_truncated_body_ends_too_early(client: httpx.AsyncClient) -> None:
    await switch(client, kind="truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(WORKERS)


async def test_a_hanging_request_never_ends_and_does_not_stop_others(
    client: httpx.AsyncClient,
) -> None:
    await switch(client, kind="hang", operations=["list"])
    hanging = asyncio.create_task(client.get(WORKERS))
    reply = await client.get("/api/apps/v1/apps")
    assert reply.status_code == 200
    assert not hanging.done()
    hanging.cancel()


async def test_a_hanging_request_does_not_stop_the_end(clock: HandClock) -> None:
    scenario = Scenario.model_validate({"apps": [{"name": "demo"}], "faults": [{"kind": "hang"}]})
    async with (
        httpx.AsyncClient(headers={"Authorization": "Bearer secret"}, trust_env=False) as client,
        asyncio.timeout(20),
    ):
        emulator = Emulator(scenario, now=clock.now, token="secret")
        await emulator.start()
        hanging = asyncio.create_task(client.get(emulator.address + WORKERS))
        while not emulator.handler.injector.hits:
            await asyncio.sleep(0.01)
        await emulator.stop()
        with pytest.raises(httpx.TransportError):
            await hanging


async def test_a_delay_is_played_at_the_fleets_speed(client: httpx.AsyncClient) -> None:
    await switch(client, kind="delay", delay_s=1)
    begin = asyncio.get_running_loop().time()
    assert (await client.get(WORKERS)).status_code == 200
    assert asyncio.get_running_loop().time() - begin >= 0.09


async def test_html_and_garbage_arrive_as_they_are(client: httpx.AsyncClient) -> None:
    await switch(client, kind="html")
    reply = await client.get(WORKERS)
    assert (reply.status_code, reply.headers["content-type"]) == (502, "text/html")


async def test_own_endpoints_are_for_loopback_only(clock: HandClock) -> None:
    scenario = Scenario.model_validate({"apps": [{"name": "demo"}]})
    emulator = Emulator(scenario, now=clock.now, token="secret", host="0.0.0.0")  # noqa: S104
    assert emulator.handler.handle("GET", "/emulator/books", {}, {}, b"").status == 401
    assert "secret" not in repr(emulator)


async def test_two_at_a_time_take_two_ports(clock: HandClock) -> None:
    scenario = Scenario.model_validate({"apps": [{"name": "demo"}]})
    make: Callable[[], Emulator] = lambda: Emulator(scenario, now=clock.now, token="t")  # noqa: E731
    async with make() as one, make() as two:
        assert one.address != two.address
