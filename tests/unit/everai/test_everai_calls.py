from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from autoscaler.everai import TokenSource, parse_endpoint
from autoscaler.model import AppKey
from autoscaler.model.errors import ConfigurationError, Rejected
from autoscaler.ports import Platform

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, Seen, World

APP = AppKey("default", "sd15")
BASE = "/api/apps/v1/namespaces/default/apps/sd15"

Build = Callable[..., "Answer"]


async def test_the_three_calls_of_the_mission_as_sent(world: World, answer: Build) -> None:
    server = await world.serve(
        answer(200, {"workers": []}),
        answer(200, {"workers": []}),
        answer(200, {"workerIds": ["n1", "n2"]}),
        answer(200, {}),
    )
    client: Platform = await world.client(server)
    await client.list_workers(APP)
    await client.list_workers(APP, show_all=True, recent_days=1)
    assert await client.scale_up(APP, 2) == ("n1", "n2")
    await client.scale_down(APP, ("a", "b", "a"))
    assert [(seen.method, seen.target) for seen in server.seen] == [
        ("GET", f"{BASE}/workers"),
        ("GET", f"{BASE}/workers?showAll=true&recentDays=1"),
        ("POST", f"{BASE}/workers:scale-up"),
        ("POST", f"{BASE}/workers:scale-down"),
    ]
    assert json.loads(server.seen[2].body) == {"scaleUpWorkersNum": "2"}
    assert json.loads(server.seen[3].body) == {
        "scaleDownWorkersNum": "2",
        "workerIds": ["a", "b"],
    }
    assert [(operation, code) for operation, code, _ in world.calls] == [
        ("list_workers", "200"),
        ("list_workers", "200"),
        ("scale_up", "200"),
        ("scale_down", "200"),
    ]
    assert server.connections == 1


async def test_the_headers_of_a_request(world: World, answer: Build, secret: str) -> None:
    server = await world.serve(answer(200, {}))
    client = await world.client(server)
    await client.scale_up(APP, 1)
    headers = server.seen[0].headers
    assert headers["authorization"] == f"Bearer {secret}"
    assert headers["user-agent"].startswith("everai-worker-autoscaler/")
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json"


async def test_the_other_calls_as_sent(world: World, answer: Build) -> None:
    app = {"appV1alpha1": {"metadata": {"name": "sd15", "namespace": "default"}}}
    server = await world.serve(
        answer(200, {"queues": []}),
        answer(200, app),
        answer(200, {"apps": [app]}),
        answer(200, {"apps": [app]}),
    )
    client = await world.client(server)
    assert await client.request_queue(APP) == ()
    assert (await client.get_app(APP)).key == APP
    assert [info.key for info in await client.list_apps()] == [APP]
    assert [info.key for info in await client.list_apps("default")] == [APP]
    assert [seen.target for seen in server.seen] == [
        f"{BASE}/request_queues",
        BASE,
        "/api/apps/v1/apps",
        "/api/apps/v1/namespaces/default/apps",
    ]
    assert [operation for operation, _, _ in world.calls] == [
        "request_queue",
        "get_app",
        "list_apps",
        "list_apps",
    ]


async def test_names_are_quoted_and_a_prefix_is_kept(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, {}))
    server.url += "/prefix/"
    client = await world.client(server)
    await client.list_workers(AppKey("a/../b", "x?y#z %41ü"))
    assert server.seen[0].target == (
        "/prefix/api/apps/v1/namespaces/a%2F..%2Fb/apps/x%3Fy%23z%20%2541%C3%BC/workers"
    )


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_changes_the_path_is_not_sent(
    world: World, answer: Build, name: str
) -> None:
    server = await world.serve(answer(200, {}))
    client = await world.client(server)
    with pytest.raises(Rejected):
        await client.scale_up(AppKey("default", name), 1)
    with pytest.raises(Rejected):
        await client.list_workers(AppKey(name, "x"))
    assert server.seen == []


async def test_an_order_of_nothing_is_not_sent(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, {}))
    client = await world.client(server)
    with pytest.raises(Rejected, match="nothing was sent"):
        await client.scale_up(APP, 0)
    with pytest.raises(Rejected, match="nothing was sent"):
        await client.scale_down(APP, ())
    with pytest.raises(Rejected, match="nothing was sent"):
        await client.scale_down(APP, ("a", ""))
    assert server.seen == []


@pytest.mark.parametrize("body", [{}, {"workerIds": []}, {"new": 1}])
async def test_a_scale_up_reply_without_ids_is_no_error(
    world: World, answer: Build, body: object
) -> None:
    server = await world.serve(answer(200, body))
    assert await (await world.client(server)).scale_up(APP, 2) == ()


async def test_the_platforms_clock_comes_from_the_date_header(world: World, answer: Build) -> None:
    server = await world.serve(
        answer(200, {}, Date="Sun, 29 Sep 2024 09:35:35 GMT"),
        answer(200, {}, Date="yesterday"),
        answer(200, {}),
    )
    client = await world.client(server)
    seen = [await client.list_workers(APP) for _ in range(3)]
    assert seen[0].platform_now == 1727602535.0
    assert seen[1].platform_now == seen[1].received_at == world.clock.now()
    assert seen[2].platform_now == seen[2].received_at


async def test_the_times_of_a_list_are_those_of_the_try_that_brought_it(
    world: World, answer: Build
) -> None:
    server = await world.serve(answer(503, {}, Retry_After="9"), answer(200, {}))
    started = world.clock.now()

    def half_a_second_passes(_: Seen) -> None:
        world.clock.at += 0.5

    server.on_request = half_a_second_passes
    seen = await (await world.client(server)).list_workers(APP)
    assert seen.requested_at >= started + 9.5
    assert seen.received_at == seen.requested_at + 0.5
    assert world.calls[-1] == ("list_workers", "200", 0.5)


async def test_compressed_and_chunked_replies(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    body = json.dumps({"workers": [{"id": "a"}], "queueSize": 4}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:7], body[7:]))
    server = await world.serve(
        answer(200, raw=gzip.compress(body), Content_Encoding="gzip"),
        rude(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"),
    )
    client = await world.client(server)
    for _ in range(2):
        assert (await client.list_workers(APP)).queue_size == 4


async def test_ten_thousand_workers_arrive(world: World, answer: Build) -> None:
    row = {"status": "STATUS_RUNNING", "detailStatus": "DETAIL_STATUS_BUSY", "deviceId": "d" * 36}
    server = await world.serve(
        answer(200, {"workers": [{"id": f"w{n}", **row} for n in range(10_000)]})
    )
    seen = await (await world.client(server)).list_workers(APP)
    assert len(seen.workers) == 10_000


async def test_calls_of_many_apps_run_side_by_side(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, {}))
    client = await world.client(server)
    apps = [AppKey("default", f"a{n}") for n in range(20)]
    seen = await asyncio.gather(*(client.list_workers(app) for app in apps))
    assert [each.app for each in seen] == apps


async def test_cookies_are_not_kept(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, {}, Set_Cookie="session=1; Path=/"))
    client = await world.client(server)
    await client.list_workers(APP)
    await client.list_workers(APP)
    assert "cookie" not in server.seen[1].headers


async def test_an_app_may_have_a_token_of_its_own(world: World, answer: Build, secret: str) -> None:
    server = await world.serve(answer(200, {}))
    other = AppKey("default", "other")
    client = await world.client(server, app_tokens={other: TokenSource.from_value("second")})
    await client.list_workers(APP)
    await client.list_workers(other)
    assert [seen.headers["authorization"] for seen in server.seen] == [
        f"Bearer {secret}",
        "Bearer second",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "everai.com", "ftp://x", "https://", "https://h?x=1", "https://h#x", "https://h:port"],
)
def test_an_endpoint_that_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint"):
        parse_endpoint(text)


def test_an_endpoint_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_endpoint("https://me:pa55@host")
    assert "pa55" not in repr(caught.value)
