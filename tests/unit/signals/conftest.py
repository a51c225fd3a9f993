"""A web server over a real socket that answers as told and remembers what it was asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
import trustme

from autoscaler.model import Observation
from autoscaler.signals import SignalFetcher
from autoscaler.testing import Scene, observe


@dataclass
class Site:
    """Answers every request with ``reply`` (raw bytes after the status line is up to the test)."""

    status: int = 200
    body: bytes = b"{}"
    hang: bool = False
    location: str = ""
    endless: bool = False
    port: int = 0
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(x.split(":")[1]) for x in head.lower().splitlines() if "content-length" in x), 0
        )
        self.requests.append(head + (await reader.readexactly(length)).decode())
        if self.hang:
            await reader.read()
            return
        extra = f"Location: {self.location}\r\n" if self.location else ""
        size = "" if self.endless else f"Content-Length: {len(self.body)}\r\n"
        writer.write(f"HTTP/1.1 {self.status} X\r\n{extra}{size}Connection: close\r\n\r\n".encode())
        writer.write(self.body)
        while self.endless:
            writer.write(b" " * 65536)
            await writer.drain()
        await writer.drain()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Serve on a free port of this machine."""
    made = Site()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


@pytest.fixture
async def fetcher() -> AsyncIterator[SignalFetcher]:
    """Return the real thing, closed at the end."""
    made = SignalFetcher()
    yield made
    await made.aclose()


@pytest.fixture
def look() -> Callable[..., Observation]:
    """Return an observation of a scene."""
    return lambda **counts: observe(Scene(**counts)).observation


@pytest.fixture
def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
async def tls_site() -> AsyncIterator[str]:
    """Serve TLS with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(Site().serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
