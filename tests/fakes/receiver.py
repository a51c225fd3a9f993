"""A receiver of webhooks over a real socket: it answers as told and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Answer = int | Literal["hang", "reset", "endless", "redirect"]
_CHUNK = b" " * 65_536


@dataclass
class Received:
    """One request: its first line's address, its headers, its JSON."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Receiver:
    """Answers with each of ``answers`` in turn, then with 200; ``reply``: the JSON of a 2xx."""

    answers: list[Answer] = field(default_factory=list)
    reply: Any = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/key-to-it"

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event of the generic form, in order."""
        return [event for each in self.requests for event in each.body["events"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._exchange(reader, writer)
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        content = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(Received(first.split()[1], headers, json.loads(content)))
        answer = self.answers.pop(0) if self.answers else 200
        match answer:
            case "hang":
                await reader.read()
            case "reset":
                writer.transport.abort()
            case "endless":
                writer.write(b"HTTP/1.1 200 X\r\n\r\n")
                while True:
                    writer.write(_CHUNK)
                    await writer.drain()
            case "redirect":
                await self._write(writer, 302, f"Location: {self.url}\r\n")
            case _:
                await self._write(writer, answer)

    async def _write(self, writer: asyncio.StreamWriter, status: int, extra: str = "") -> None:
        body = json.dumps(self.reply).encode()
        head = f"HTTP/1.1 {status} X\r\n{extra}Content-Length: {len(body)}\r\nConnection: close"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve on a free port of this machine."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
