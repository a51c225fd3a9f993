"""A platform that costs next to nothing, since its replies are made before. A process of its own.

    python tests/bench/fleet/server.py WORKERS still|lively [CERTIFICATE KEY]

*still*: every list is the same bytes, as of an app at rest. *lively*: no app gets the same list
twice in a row; a worker has served once more each time.

Prints its port. ``GET /stats`` answers how many lists were asked for so far.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import cast

import uvloop

VARIANTS = 97
"""Prime, so that an app that is asked for in turn with others meets another one each time."""
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
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def _reply(body: dict[str, object]) -> bytes:
    text = json.dumps(body).encode()
    return _HEAD % len(text) + text


def list_reply(workers: int, served: int = 100) -> bytes:
    """Return a list reply; all workers but one are busy, and nobody waits."""
    busy = WORKER | {"detailStatus": "DETAIL_STATUS_BUSY"}
    rows = [(WORKER if n == 0 else busy) | {"id": f"{WORKER['id']}{n}"} for n in range(workers)]
    rows[-1]["successCount"] = served
    return _reply(
        {
            "workers": rows,
            "queueSize": 0,
            "queueName": "q",
            "lastScaleUpTime": "2024-09-29T09:35:18.362Z",
            "maxWorkers": 2000,
        }
    )


class Platform(asyncio.Protocol):
    """Answers pipelined requests in order; looks only at the path."""

    polls = 0
    lists: Iterator[bytes] = iter(())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is one to write to without saying so
        self._transport = cast("asyncio.WriteTransport", transport)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in requests:
            self._transport.write(self._answer(request.split(b" ", 2)[1].partition(b"?")[0]))

    def _answer(self, path: bytes) -> bytes:
        if path == b"/stats":
            return _reply({"polls": Platform.polls})
        if path.endswith(b"/workers"):
            Platform.polls += 1
            return next(Platform.lists)
        name = path.rpartition(b"/")[2].decode()
        app = {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"autoscaler": {"manual": {}}},
            "status": {"status": "STATUS_DEPLOYED", "desiredWorker": 10, "readyWorker": 10},
        }
        return _reply({"appV1alpha1": app})


async def serve(workers: int, kind: str, certificate: list[str]) -> None:
    """Serve until killed."""
    variants = VARIANTS if kind == "lively" else 1
    Platform.lists = cycle([list_reply(workers, 100 + n) for n in range(variants)])
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Platform, "127.0.0.1", 0, ssl=context, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
