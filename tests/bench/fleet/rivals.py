"""What the same polling costs with the given libraries used naively, and at the physical limit.

    python tests/bench/fleet/rivals.py naive|limit URL SECONDS CONCURRENCY [CA]

Prints one JSON object: polls, CPU seconds and wall seconds. Neither decides anything.

* naive: one APScheduler job per app, httpx's defaults, pydantic models of a whole worker.
* limit: a bare asyncio protocol per connection, one request in flight on each, and msgspec.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from datetime import UTC
from typing import cast
from urllib.parse import urlsplit

import httpx
import msgspec
import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from pydantic import BaseModel, Field

PATH = "/api/apps/v1/namespaces/default/apps/{name}/workers"
NAIVE_APPS = 200
TOKEN = "bench"


class PydanticWorker(BaseModel):
    """A worker with every field that the platform documents."""

    id: str
    device_id: str = Field(alias="deviceId")
    status: str
    detail_status: str = Field(alias="detailStatus")
    created_at: str = Field(alias="createdAt")
    launch_at: str = Field(alias="launchAt")
    last_serve_at: str = Field(alias="lastServeAt")
    success_count: int = Field(alias="successCount")
    failed_count: int = Field(alias="failedCount")
    cpus: int = Field(alias="CPUs")
    memory: int
    gpu_name: str = Field(alias="GPUName")
    gpus: int = Field(alias="GPUs")
    app_id: str = Field(alias="appId")
    app_revision: str = Field(alias="appRevision")
    user_id: str = Field(alias="userId")
    request_id: str = Field(alias="requestId")
    gpu_model: str = Field(alias="gpuModel")
    gpu_num: int = Field(alias="gpuNum")


class PydanticList(BaseModel):
    workers: list[PydanticWorker]
    queue_size: int = Field(alias="queueSize")


class LimitWorker(msgspec.Struct, rename="camel"):
    id: str
    status: str
    detail_status: str
    created_at: str
    last_serve_at: str
    success_count: int
    failed_count: int


class LimitList(msgspec.Struct, rename="camel"):
    workers: list[LimitWorker]
    queue_size: int


async def naive(url: str, seconds: float, _: int, ca: str | None) -> int:
    """Poll with one job per app, each due ten times a second: more than it can do."""
    polls = 0
    async with httpx.AsyncClient(
        base_url=url,
        verify=True if ca is None else ssl.create_default_context(cafile=ca),
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:

        async def poll(name: str) -> None:
            nonlocal polls
            reply = await client.get(PATH.format(name=name))
            PydanticList.model_validate_json(reply.content)
            polls += 1

        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        for number in range(NAIVE_APPS):
            name = f"app{number}"
            scheduler.add_job(poll, "interval", [name], seconds=0.1, id=name)
        scheduler.start()
        await asyncio.sleep(seconds)
        done = polls
        scheduler.shutdown(wait=False)
    return done


class Asker(asyncio.Protocol):
    """Sends a request, reads the reply, decodes it, sends the next."""

    polls = 0

    def __init__(self, host: str) -> None:
        self._request = (
            f"GET {PATH.format(name='app0')} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n"
        ).encode()
        self._decoder = msgspec.json.Decoder(LimitList)
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is one to write to without saying so
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.rpartition(b"Content-Length: ")[2].split()[0]):
            return
        self._decoder.decode(body)
        Asker.polls += 1
        self._data = b""
        self._transport.write(self._request)


async def limit(url: str, seconds: float, concurrency: int, ca: str | None) -> int:
    """Poll over ``concurrency`` connections as fast as they go."""
    parts = urlsplit(url)
    context = None if ca is None else ssl.create_default_context(cafile=ca)
    loop = asyncio.get_running_loop()
    for _ in range(concurrency):
        await loop.create_connection(
            lambda: Asker(parts.netloc), str(parts.hostname), int(parts.port or 0), ssl=context
        )
    await asyncio.sleep(seconds)
    return Asker.polls


def main() -> None:
    """Run one rival and print what it did."""
    kind, url, seconds, concurrency, *ca = sys.argv[1:]
    rival = {"naive": naive, "limit": limit}[kind]
    started, used = time.perf_counter(), time.process_time()
    polls = uvloop.run(rival(url, float(seconds), int(concurrency), ca[0] if ca else None))
    spent = {"cpu_s": time.process_time() - used, "wall_s": time.perf_counter() - started}
    sys.stdout.write(json.dumps({"polls": polls, **spent}) + "\n")


if __name__ == "__main__":
    main()
