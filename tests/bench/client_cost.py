"""CPU per poll of ten workers: our client beside httpx's default transport.

Run: ``python tests/bench/client_cost.py [polls]``. The server is a process of its own, so that its
work is not counted; the figures are CPU time of the polling process, not wall clock.
"""

from __future__ import annotations

import asyncio
import json
import random  # noqa: TID251 - the client is given its generator
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from autoscaler.everai import EverAIClient, TokenSource
from autoscaler.model import AppKey

APP = AppKey("default", "bench")
PATH = "/api/apps/v1/namespaces/default/apps/bench/workers"
CONCURRENCY = (1, 16, 64)
WORKER = {
    "id": "JYdCWQfbKLAhEf8WnZUY34",
    "deviceId": "95fa81d0-c46c-4d77-9194-20c65eb34733",
    "status": "STATUS_RUNNING",
    "detailStatus": "DETAIL_STATUS_FREE",
    "createdAt": "2024-09-29T09:35:18.362Z",
    "launchAt": "2024-09-29T09:35:23.443Z",
    "lastServeAt": "2024-09-29T09:36:02.218108Z",
    "successCount": 100,
    "failedCount": 3,
    "CPUs": 2,
    "memory": 1024,
    "GPUName": "NVIDIA GeForce RTX 4090",
    "GPUs": 1,
    "appId": "nmusD8nfVdsdc8q3cAmcbE",
    "appRevision": "7",
    "userId": "u" * 22,
    "requestId": "r" * 22,
    "gpuModel": "RTX 4090",
    "gpuNum": 1,
    "devicePublicAddress": "203.0.113.7",
}
BODY = json.dumps(
    {
        "workers": [WORKER | {"id": f"{WORKER['id']}{n}"} for n in range(10)],
        "queueSize": 3,
        "queueName": "q",
        "lastScaleUpTime": "2024-09-29T09:35:18.362Z",
        "maxWorkers": 20,
    }
).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sun, 29 Sep 2024 09:35:35 GMT\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)

Poll = Callable[[], Awaitable[object]]


class LoopClock:
    """The event loop's time as a clock."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Sink(asyncio.Protocol):
    """Answers every request with the same list."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(REPLY * data.count(b"\r\n\r\n"))


async def serve() -> None:
    """Serve until killed; the first line printed is the port."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def cpu_ms(poll: Poll, polls: int, concurrency: int) -> float:
    """Return milliseconds of CPU per poll."""

    async def several(count: int) -> None:
        for _ in range(count):
            await poll()

    await asyncio.gather(*(several(3) for _ in range(concurrency)))
    each = max(1, polls // concurrency)
    before = time.process_time()
    await asyncio.gather(*(several(each) for _ in range(concurrency)))
    return (time.process_time() - before) * 1000 / (each * concurrency)


def ours(url: str, transport: httpx.AsyncBaseTransport | None) -> EverAIClient:
    """Return our client, over its own transport or another."""
    return EverAIClient(
        url,
        TokenSource.from_value("bench"),
        clock=LoopClock(),
        rng=random.Random(1),
        transport=transport,
    )


async def measure(url: str, polls: int) -> dict[str, list[float]]:
    """Return CPU milliseconds per poll by way of polling, one figure for each concurrency."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with (
        ours(url, None) as client,
        ours(url, httpx.AsyncHTTPTransport(limits=limits)) as over_httpx,
        httpx.AsyncClient(limits=limits) as plain,
    ):

        async def plain_poll() -> object:
            reply = await plain.get(url + PATH, headers={"Authorization": "Bearer bench"})
            return reply.json()

        ways: dict[str, Poll] = {
            "EverAIClient (aiohttp transport)": lambda: client.list_workers(APP),
            "EverAIClient over httpx's default transport": lambda: over_httpx.list_workers(APP),
            "plain httpx.AsyncClient and json": plain_poll,
        }
        return {
            way: [await cpu_ms(poll, polls, concurrency) for concurrency in CONCURRENCY]
            for way, poll in ways.items()
        }


def table(figures: dict[str, list[float]]) -> str:
    """Return the figures as text, with the ratio to the first row in brackets."""
    first = next(iter(figures.values()))
    head = "".join(f"{f'{each} at once':>20}" for each in CONCURRENCY)
    lines = [f"{'CPU ms per poll (10 workers)':<46}{head}"]
    for way, row in figures.items():
        cells = (f"{ms:.2f} ({ms / base:.1f}x)" for ms, base in zip(row, first, strict=True))
        lines.append(f"{way:<46}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Start the server, measure, print."""
    polls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            sys.stdout.write(table(asyncio.run(measure(url, polls))))
        finally:
            server.terminate()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        main()
