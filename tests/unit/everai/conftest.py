"""A server on loopback that does exactly what a test says, and clients to talk to it."""

from __future__ import annotations

import asyncio
import json
import random  # noqa: TID251 - the client is given its generator
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import pytest

from autoscaler.everai import EverAIClient, Pool, TimeLimits, TokenSource, parse_endpoint
from autoscaler.everai.call import always
from autoscaler.everai.transport import make_transport

SECRET = "tok-5ecret/of+the=account"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """Raw bytes, and what happens to the connection after them."""

    data: bytes = b""
    then: Literal["keep", "close", "reset", "hang"] = "keep"


def http(
    status: int = 200, body: Any = None, *, raw: bytes | None = None, **headers: str
) -> Answer:
    """Return a whole HTTP answer; keyword names become headers (``Retry_After``)."""
    data = raw if raw is not None else json.dumps({} if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Answer("\r\n".join([*lines, "", ""]).encode() + data)


@dataclass
class Server:
    """Answers the n-th request with the n-th answer; the last one is repeated."""

    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    on_request: Callable[[Seen], None] | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while await self._one(reader, writer):
            pass

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value for name, value in (h.split(": ", 1) for h in head[1:] if h)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen.append(Seen(method, target, headers, body))
        self.reached.set()
        if self.on_request is not None:
            self.on_request(self.seen[-1])
        answer = self.answers[min(len(self.seen), len(self.answers)) - 1]
        writer.write(answer.data)
        await writer.drain()
        match answer.then:
            case "hang":
                await reader.read()
            case "reset":
                writer.transport.abort()
        return answer.then == "keep"


@dataclass
class SteppingClock:
    """A clock that moves only while somebody sleeps on it, and remembers the sleeps."""

    at: float = 1_800_000_000.0
    sleeps: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


@dataclass
class World:
    """Starts servers and clients, and ends them with the test."""

    stack: AsyncExitStack
    way: Literal["direct", "httpx"] = "direct"
    clock: SteppingClock = field(default_factory=SteppingClock)
    calls: list[tuple[str, str, float]] = field(default_factory=list)

    async def serve(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> Server:
        server = Server(list(answers))
        _, port = await self.listen(server.serve, tls=tls)
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return server

    async def listen(
        self,
        handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        tls: ssl.SSLContext | None = None,
    ) -> tuple[str, int]:
        handlers: set[asyncio.Task[None]] = set()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            handlers.add(task)
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await handler(reader, writer)
                    writer.close()
                    await writer.wait_closed()
            except asyncio.CancelledError:
                pass  # asyncio's own callback would log a cancelled handler as an error
            finally:
                writer.transport.abort()

        listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)

        async def close() -> None:
            listening.close()
            for task in handlers:
                task.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)
            await asyncio.sleep(0)

        self.stack.push_async_callback(close)
        host, port = listening.sockets[0].getsockname()
        return host, port

    async def client(
        self, server: Server | str, tokens: TokenSource | None = None, **options: Any
    ) -> EverAIClient:
        options.setdefault("limits", TimeLimits(connect_s=2, read_s=2, total_s=4, budget_s=60))
        endpoint = server if isinstance(server, str) else server.url
        if self.way == "httpx":
            options.setdefault("transport", _by_httpx(endpoint, options))
        client = EverAIClient(
            endpoint,
            tokens or TokenSource.from_value(SECRET),
            clock=self.clock,
            rng=random.Random(7),
            on_call=lambda *call: self.calls.append(call),
            **options,
        )
        return await self.stack.enter_async_context(client)


def _by_httpx(endpoint: str, options: dict[str, Any]) -> httpx.AsyncBaseTransport:
    """Return the transport that is taken where a proxy lies between."""
    return make_transport(
        parse_endpoint(endpoint),
        ca_bundle=options.get("ca_bundle"),
        pool=options.get("pool") or Pool(),
        may_send=options.get("may_send", always),
    )


@pytest.fixture(params=["direct", "httpx"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Give a world; each test runs over both ways to the platform."""
    async with AsyncExitStack() as stack:
        yield World(stack, request.param)


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """Build a whole HTTP answer: ``answer(status, body, Header="…")``."""
    return http


@pytest.fixture
def rude() -> type[Answer]:
    """Build raw bytes with an ending: ``rude(b"…", "reset")``."""
    return Answer


@pytest.fixture
def secret() -> str:
    return SECRET
