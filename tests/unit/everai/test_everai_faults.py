from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from autoscaler.everai import EverAIClient, TimeLimits
from autoscaler.model import AppKey
from autoscaler.model.errors import (
    AppNotFound,
    Forbidden,
    MalformedReply,
    PlatformError,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

APP = AppKey("default", "sd15")
HURRY = TimeLimits(connect_s=0.3, read_s=0.3, total_s=0.6, budget_s=60, attempts=1)
ONCE = TimeLimits(attempts=1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"

Build = Callable[..., "Answer"]


async def provoke(client: EverAIClient) -> tuple[PlatformError, PlatformError]:
    """Return the errors of a read and of a scale-up."""
    with pytest.raises(PlatformError) as read:
        await client.list_workers(APP)
    with pytest.raises(PlatformError) as scaled:
        await client.scale_up(APP, 1)
    return read.value, scaled.value


@pytest.mark.parametrize(
    ("status", "kind", "maybe_applied"),
    [
        (400, Rejected, False),
        (401, Unauthorized, False),
        (402, Rejected, False),
        (403, Forbidden, False),
        (404, AppNotFound, False),
        (407, Rejected, False),
        (408, Unreachable, False),
        (409, Rejected, False),
        (429, Throttled, False),
        (500, ServerFault, True),
        (501, ServerFault, True),
        (502, ServerFault, True),
        (503, ServerFault, True),
        (504, ServerFault, True),
        (599, ServerFault, True),
        (301, Rejected, False),
        (303, Rejected, True),
        (308, Rejected, False),
    ],
)
async def test_a_status_decides_the_error(
    world: World, answer: Build, status: int, kind: type[PlatformError], *, maybe_applied: bool
) -> None:
    server = await world.serve(answer(status, {"code": 1, "message": "so says the platform"}))
    read, scaled = await provoke(await world.client(server, limits=ONCE))
    assert (type(read), type(scaled)) == (kind, kind)
    assert (read.maybe_applied, scaled.maybe_applied) == (False, maybe_applied)
    assert read.status == status
    assert "so says the platform" in str(read)
    assert "default/sd15" in str(read)
    assert str(status) in str(read)
    if status != 401:
        assert len(server.seen) == 2
        assert world.calls[1][:2] == ("scale_up", str(status))


RESETS = {
    "reset before the reply": (b"", "reset"),
    "closed before the reply": (b"", "close"),
    "reset in the head": (b"HTTP/1.1 200 OK\r\nContent-Le", "reset"),
    "reset in the body": (HEAD + b'{"workers":[', "reset"),
    "closed in the body": (HEAD + b'{"workers":[', "close"),
    "no reply": (b"", "hang"),
    "hangs in the head": (b"HTTP/1.1 200 OK\r\n", "hang"),
    "hangs in the body": (HEAD + b'{"workers":[', "hang"),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "close"),
    "cut chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", "close"),
    "broken chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{", "close"),
}


@pytest.mark.parametrize("kind", RESETS)
async def test_a_lost_reply_may_have_been_applied(
    world: World, rude: type[Answer], kind: str
) -> None:
    data, then = RESETS[kind]
    server = await world.serve(rude(data, then))  # type: ignore[arg-type] # a Literal in a table
    read, scaled = await provoke(await world.client(server, limits=HURRY))
    assert isinstance(read, Unreachable)
    assert isinstance(scaled, Unreachable)
    assert not read.maybe_applied
    assert scaled.maybe_applied
    posts = [seen for seen in server.seen if seen.method == "POST"]
    assert len(posts) == 1
    assert world.calls[-1][:2] == ("scale_up", "Unreachable")


async def test_a_reset_on_a_kept_connection_is_not_taken_for_unsent(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(answer(200, {}), rude(b"", "reset"))
    client = await world.client(server)
    await client.list_workers(APP)
    with pytest.raises(Unreachable) as caught:
        await client.scale_down(APP, ("a",))
    assert caught.value.maybe_applied
    assert [seen.method for seen in server.seen] == ["GET", "POST"]


async def test_a_slow_trickle_meets_the_total_limit(world: World) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.05)

    _, port = await world.listen(trickle)
    limits = TimeLimits(total_s=0.6, attempts=1)
    read, scaled = await provoke(await world.client(f"http://127.0.0.1:{port}", limits=limits))
    assert "no whole reply within 0.6 s" in str(read)
    assert scaled.maybe_applied


async def test_a_refused_connection_was_never_applied(world: World) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = await world.client(f"http://127.0.0.1:{unused.getsockname()[1]}", limits=HURRY)
        read, scaled = await provoke(client)
    assert isinstance(scaled, Unreachable)
    assert not scaled.maybe_applied
    assert "cannot connect to 127.0.0.1" in str(read)


async def test_an_unknown_host_was_never_applied(world: World) -> None:
    client = await world.client("http://no-such-host.invalid", limits=HURRY)
    _, scaled = await provoke(client)
    assert isinstance(scaled, Unreachable)
    assert not scaled.maybe_applied


async def test_a_connection_that_does_not_come_about_was_never_applied(world: World) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        await asyncio.sleep(0.05)
        _, scaled = await provoke(await world.client(f"http://127.0.0.1:{port}", limits=HURRY))
        for filler in fillers:
            filler.close()
    assert isinstance(scaled, Unreachable)
    assert not scaled.maybe_applied
    assert "no connection within 0.3 s" in str(scaled)


MALFORMED = {
    "html": b"<html><body>Bad gateway</body></html>",
    "empty": b"",
    "array": b"[]",
    "truncated": b'{"workers":[{"id":"a"',
    "control characters": b"\x1b[31mred\x00\r\nline",
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_good_status_with_a_bad_body_may_have_been_applied(
    world: World, answer: Build, kind: str
) -> None:
    server = await world.serve(answer(200, raw=MALFORMED[kind]))
    client = await world.client(server)
    read, scaled = await provoke(client)
    with pytest.raises(MalformedReply) as removed:
        await client.scale_down(APP, ("a",))
    assert isinstance(read, MalformedReply)
    assert isinstance(scaled, MalformedReply)
    assert scaled.maybe_applied
    assert removed.value.maybe_applied
    assert not read.maybe_applied
    assert str(read).isprintable()
    assert len(str(read)) < 500


async def test_html_is_quoted(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, raw=MALFORMED["html"]))
    with pytest.raises(MalformedReply, match=r"HTML.*Bad gateway"):
        await (await world.client(server)).list_workers(APP)


async def test_broken_compression_is_malformed(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, raw=b"no gzip", Content_Encoding="gzip"))
    _, scaled = await provoke(await world.client(server, limits=ONCE))
    assert isinstance(scaled, MalformedReply)
    assert scaled.maybe_applied


async def test_an_endless_reply_is_cut_off(world: World) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" " * 2**20)
            await writer.drain()

    _, port = await world.listen(flood)
    client = await world.client(f"http://127.0.0.1:{port}")
    with pytest.raises(MalformedReply, match="larger than 32 MiB"):
        await client.list_workers(APP)


async def test_a_redirect_is_not_followed_and_named(world: World, answer: Build) -> None:
    elsewhere = await world.serve(answer(200, {}))
    server = await world.serve(answer(302, Location=f"{elsewhere.url}/login?next=secret"))
    read, _ = await provoke(await world.client(server, limits=ONCE))
    assert f"redirects to {elsewhere.url}/login;" in str(read)
    assert "everai.endpoint" in str(read)
    assert elsewhere.seen == []


async def test_a_foreign_404_points_to_the_endpoint(world: World, answer: Build) -> None:
    server = await world.serve(
        answer(404, raw=b"<html>nginx</html>"), answer(404, {"code": 5, "message": "no app"})
    )
    client = await world.client(server)
    with pytest.raises(AppNotFound, match=r"everai\.endpoint"):
        await client.list_workers(APP)
    with pytest.raises(AppNotFound, match="namespace and name"):
        await client.list_workers(APP)


async def test_after_closing_nothing_is_sent(world: World, answer: Build) -> None:
    server = await world.serve(answer(200, {}))
    client = await world.client(server)
    await client.list_workers(APP)
    await client.aclose()
    with pytest.raises(Unreachable, match="closed") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert len(server.seen) == 1


async def test_cancelling_a_call_leaves_the_client_usable(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(rude(HEAD, "hang"), answer(200, {"queueSize": 3}))
    client = await world.client(server)
    task = asyncio.create_task(client.list_workers(APP))
    await server.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.calls == []
    assert (await client.list_workers(APP)).queue_size == 3
