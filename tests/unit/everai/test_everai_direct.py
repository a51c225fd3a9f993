"""Our own connections, against servers that keep to HTTP and servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import json
import random  # noqa: TID251 - seeded
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest

from autoscaler.everai import EverAIClient, Pool, TimeLimits
from autoscaler.everai.connection import HEAD_BYTES_MAX
from autoscaler.everai.direct import DirectWay
from autoscaler.model import AppKey
from autoscaler.model.errors import PlatformError, Unreachable

if TYPE_CHECKING:
    from tests.unit.everai.conftest import Answer, World

pytestmark = pytest.mark.parametrize("world", ["direct"], indirect=True)

APP = AppKey("default", "sd15")
ONCE = TimeLimits(connect_s=2, read_s=2, total_s=4, budget_s=60, attempts=1)
HURRY = TimeLimits(connect_s=0.2, read_s=0.2, total_s=0.4, budget_s=60, attempts=1)
OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b'{"queueSize":5}'

Build = Callable[..., "Answer"]


def sized(body: bytes = FIVE) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def way_of(client: EverAIClient) -> DirectWay:
    return cast("DirectWay", client._way)


async def queue_size(client: EverAIClient) -> object:
    return (await client.list_workers(APP)).queue_size


GOOD = {
    "sized": sized(),
    "chunked": OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\na\r\nueSize":5}\r\n0\r\n\r\n',
    "chunked with a trailer": (
        OK + b"Transfer-Encoding: chunked\r\n\r\nf\r\n" + FIVE + b"\r\n0\r\nX-Sum: 1\r\n\r\n"
    ),
    "after 100 and 103": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + sized()
    ),
    "lower case and spaces": OK + b"content-length:   15  \r\n\r\n" + FIVE,
    "gzip": (
        OK
        + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(FIVE))
        + gzip.compress(FIVE)
    ),
}


@pytest.mark.parametrize("kind", GOOD)
async def test_a_good_reply_is_read_and_the_connection_kept(
    world: World, rude: type[Answer], kind: str
) -> None:
    server = await world.serve(rude(GOOD[kind]))
    client = await world.client(server, limits=ONCE)
    assert [await queue_size(client) for _ in range(3)] == [5, 5, 5]
    assert server.connections == 1


@pytest.mark.parametrize("kind", GOOD)
async def test_a_reply_may_come_byte_by_byte(world: World, kind: str) -> None:
    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in GOOD[kind]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    _, port = await world.listen(dribble)
    client = await world.client(f"http://127.0.0.1:{port}", limits=ONCE)
    assert await queue_size(client) == 5


ONE_USE = {
    "ended by closing": (OK + b"\r\n" + FIVE, "close"),
    "connection: close": (OK + b"Connection: close\r\nContent-Length: 15\r\n\r\n" + FIVE, "keep"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 15\r\n\r\n" + FIVE, "keep"),
    "garbage behind": (sized() + b"garbage", "keep"),
    "another reply behind": (sized() + sized(b'{"queueSize":666}'), "keep"),
    "half a reply behind": (sized() + b"HTTP/1.1 200 OK\r\nContent-Le", "keep"),
}


@pytest.mark.parametrize("kind", ONE_USE)
async def test_a_connection_that_cannot_be_trusted_further_is_not_used_again(
    world: World, rude: type[Answer], kind: str
) -> None:
    data, then = ONE_USE[kind]
    server = await world.serve(rude(data, then))  # type: ignore[arg-type] # a Literal in a table
    client = await world.client(server, limits=ONCE)
    assert [await queue_size(client) for _ in range(3)] == [5, 5, 5]
    assert server.connections == 3
    assert way_of(client)._slots == Pool().max_connections


async def test_what_nobody_asked_for_answers_nobody(world: World) -> None:
    spoken = asyncio.Event()

    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sized())
        await spoken.wait()
        writer.write(sized(b'{"queueSize":666}'))
        await reader.read()

    _, port = await world.listen(chatter)
    client = await world.client(f"http://127.0.0.1:{port}", limits=ONCE)
    assert await queue_size(client) == 5
    spoken.set()
    while way_of(client)._idle:
        await asyncio.sleep(0.01)
    assert await queue_size(client) == 5


async def test_a_kept_connection_that_was_closed_costs_a_read_nothing(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(answer(200), rude(b"", "close"), answer(200, {"queueSize": 2}))
    client = await world.client(server, limits=ONCE)
    await queue_size(client)
    assert await queue_size(client) == 2
    assert (server.connections, len(server.seen)) == (2, 3)
    assert [code for _, code, _ in world.calls] == ["200", "200"]
    assert world.clock.sleeps == []


async def test_a_read_is_asked_again_once_only(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(answer(200), rude(b"", "close"))
    client = await world.client(server, limits=ONCE)
    await queue_size(client)
    with pytest.raises(Unreachable, match="closed before a reply"):
        await queue_size(client)
    assert len(server.seen) == 3


async def test_a_read_that_was_answered_in_part_is_not_asked_again_below(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(answer(200), rude(b"HTTP/1.1 2", "close"))
    client = await world.client(server, limits=ONCE)
    await queue_size(client)
    with pytest.raises(Unreachable, match="closed before a reply"):
        await queue_size(client)
    assert len(server.seen) == 2


AMBIGUOUS = {
    "length and chunks": OK + b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n" + FIVE,
    "two lengths": OK + b"Content-Length: 15\r\nContent-Length: 14\r\n\r\n" + FIVE,
    "a length that is none": OK + b"Content-Length: 0x0f\r\n\r\n" + FIVE,
    "another protocol": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a header without a name": OK + b": 15\r\n\r\n" + FIVE,
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
async def test_an_ambiguous_reply_is_refused(world: World, rude: type[Answer], kind: str) -> None:
    server = await world.serve(rude(AMBIGUOUS[kind]))
    client = await world.client(server, limits=ONCE)
    with pytest.raises(PlatformError) as read:
        await client.list_workers(APP)
    with pytest.raises(PlatformError) as scaled:
        await client.scale_up(APP, 1)
    assert isinstance(read.value, Unreachable)
    assert (read.value.maybe_applied, scaled.value.maybe_applied) == (False, True)


@pytest.mark.parametrize("line", [b"X-Filler: " + b"x" * 1000 + b"\r\n", b"x" * 5000])
async def test_an_endless_head_is_refused(world: World, line: bytes) -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"X")
        while not writer.is_closing() and sent < 100 * HEAD_BYTES_MAX:
            writer.write(line)
            sent += len(line)
            await writer.drain()

    _, port = await world.listen(talk)
    client = await world.client(f"http://127.0.0.1:{port}", limits=ONCE)
    with pytest.raises(Unreachable, match="head is larger than 64 KiB"):
        await client.list_workers(APP)
    assert sent < 100 * HEAD_BYTES_MAX


async def test_a_gzip_bomb_is_refused(world: World, rude: type[Answer]) -> None:
    bomb = gzip.compress(b" " * (40 * 2**20))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    server = await world.serve(rude(head + bomb))
    with pytest.raises(PlatformError, match="larger than 32 MiB"):
        await (await world.client(server, limits=ONCE)).list_workers(APP)


async def test_half_of_a_gzip_is_broken_compression(world: World, rude: type[Answer]) -> None:
    half = gzip.compress(FIVE)[:-6]
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(half)
    server = await world.serve(rude(head + half))
    with pytest.raises(PlatformError, match="compression is broken"):
        await (await world.client(server, limits=ONCE)).list_workers(APP)


async def test_who_gets_no_connection_in_time_was_never_sent(
    world: World, rude: type[Answer]
) -> None:
    server = await world.serve(rude(b"", "hang"))
    slow = TimeLimits(connect_s=0.2, read_s=30, total_s=30, budget_s=60, attempts=1)
    client = await world.client(server, limits=slow, pool=Pool(max_connections=1))
    first = asyncio.create_task(client.list_workers(APP))
    await server.reached.wait()
    with pytest.raises(Unreachable, match=r"no connection within 0\.2 s") as caught:
        await client.scale_up(APP, 1)
    assert not caught.value.maybe_applied
    assert len(server.seen) == 1
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_cancelled_call_gives_its_turn_to_the_next(
    world: World, answer: Build, rude: type[Answer]
) -> None:
    server = await world.serve(rude(b"", "hang"), answer(200, {"queueSize": 7}))
    client = await world.client(server, limits=ONCE, pool=Pool(max_connections=1))
    first = asyncio.create_task(client.list_workers(APP))
    await server.reached.wait()
    second = asyncio.create_task(queue_size(client))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 7


async def test_an_idle_connection_grows_old(world: World, answer: Build) -> None:
    server = await world.serve(answer(200))
    client = await world.client(server, limits=ONCE, pool=Pool(keepalive_s=0.05))
    await queue_size(client)
    while way_of(client)._open:
        await asyncio.sleep(0.01)
    await queue_size(client)
    assert server.connections == 2


async def test_closing_ends_the_calls_under_way(world: World, rude: type[Answer]) -> None:
    server = await world.serve(rude(b"", "hang"))
    client = await world.client(server, limits=ONCE, pool=Pool(max_connections=1))
    calls = [asyncio.create_task(client.scale_up(APP, 1)) for _ in range(2)]
    await server.reached.wait()
    await client.aclose()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [Unreachable, Unreachable]
    assert [end.maybe_applied for end in ends if isinstance(end, Unreachable)] == [True, False]


async def test_a_deadline_in_the_head_and_in_the_body(world: World, rude: type[Answer]) -> None:
    for begun in (b"HTTP/1.1 200 OK\r\n", OK + b"Content-Length: 50\r\n\r\n{"):
        server = await world.serve(rude(begun, "hang"))
        client = await world.client(server, limits=HURRY)
        with pytest.raises(Unreachable, match=r"no reply within 0\.2 s"):
            await client.list_workers(APP)


class Moody:
    """A server that answers with the number in the app's name, in many ways, or not at all."""

    def __init__(self) -> None:
        self.rng = random.Random(5)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._one(reader, writer):
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        whole = sized(json.dumps({"queueSize": int(target.split("/")[-2])}).encode())
        await asyncio.sleep(self.rng.random() * 0.003)
        moods = ["silent", "abort", "half", "garbage", "leave", "good", "good", "good"]
        mood = self.rng.choice(moods)
        if mood == "abort":
            writer.transport.abort()
        elif mood == "half":
            writer.write(whole[: self.rng.randrange(len(whole))])
        elif mood != "silent":
            writer.write(whole + (b"HTTP/1.1 200 OK\r\n" if mood == "garbage" else b""))
        return mood in ("good", "garbage")


async def test_no_connection_is_lost_whatever_happens(world: World) -> None:
    """Faults, cancellations and good calls at random; afterwards every slot is there again."""
    moody = Moody()
    rng = moody.rng
    _, port = await world.listen(moody.serve)
    limits = TimeLimits(connect_s=5, read_s=5, total_s=5, budget_s=60, attempts=1)
    client = await world.client(f"http://127.0.0.1:{port}", limits=limits, pool=Pool(4))

    async def ask(number: int) -> bool:
        call = asyncio.create_task(client.list_workers(AppKey("default", str(number))))
        if rng.random() < 0.2:
            await asyncio.sleep(rng.random() * 0.004)
            call.cancel()
        try:
            assert (await call).queue_size == number
        except (Unreachable, asyncio.CancelledError):
            return False
        return True

    good = 0
    for turn in range(20):
        good += sum(await asyncio.gather(*(ask(20 * turn + n) for n in range(20))))
    way = way_of(client)
    assert good > 50
    assert way._slots + len(way._open) == 4
    assert len(way._idle) == len(way._open)
    assert not [waiter for waiter in way._waiting if not waiter.done()]
