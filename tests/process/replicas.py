"""Several daemon processes, one emulator process, and a way to the lease that can be cut.

What happened is read from the platform's books: each scale call names its sender and his term.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.process.process_support import environ, eventually

APPS = ("steady", "waves")
MAX_WORKERS = 8
SENDER = re.compile(r"\((\S+); term (\d+)\)")
FAST = {"lease_duration": 4, "renew_deadline": 2, "retry_period": 0.4}
"""A lease for tests: short, and the margin longer than all that a busy machine may do."""


@dataclass(slots=True)
class Gate:
    """A TCP proxy: the way from one replica to the API server.

    Attributes:
        port: where it listens. cut: nothing gets through, neither way, and nobody is told.
    """

    port: int = 0
    cut: bool = False
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self, host: str, port: int) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection(host, port)
            except OSError:
                writer.close()
                return
            self._writers |= {writer, far_writer}
            for source, sink in ((reader, far_writer), (far_reader, writer)):
                task = asyncio.get_running_loop().create_task(self._carry(source, sink))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                while self.cut:
                    await asyncio.sleep(0.02)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    async def drop(self) -> None:
        """Break every connection that is open; new ones are let through."""
        for writer in tuple(self._writers):
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()


@dataclass(slots=True)
class Replica:
    """One daemon process. ``gate``: its way to the API server, where there is one."""

    name: str
    process: asyncio.subprocess.Process
    log_path: Path
    gate: Gate | None = None
    url: str = ""

    def events(self) -> list[dict[str, Any]]:
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events() if each["event"] == event]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def get(self, client: httpx.AsyncClient, path: str) -> httpx.Response:
        return await client.get(f"{self.url}{path}")

    async def leads(self, client: httpx.AsyncClient) -> bool:
        """Whether it may act now, as its metrics say; a process that does not answer does not."""
        try:
            text = (await self.get(client, "/metrics")).text
        except httpx.TransportError:
            return False
        return "\nautoscaler_leader 1.0\n" in text


@dataclass(slots=True)
class House:
    """An emulator and its replicas."""

    folder: Path
    endpoint: str
    client: httpx.AsyncClient
    stack: AsyncExitStack
    election: dict[str, Any]
    replicas: list[Replica] = field(default_factory=list)

    async def start(
        self, *, gate: Gate | None = None, store: str | None = "own", **variables: str
    ) -> Replica:
        """Start a replica with a store of its ``own``, a ``shared`` one or none, and await it."""
        name = f"r{len(self.replicas)}"
        path = {"own": f"{name}.db", "shared": "shared.db", None: None}[store]
        config = self._configured(name, None if path is None else self.folder / path)
        log_path = self.folder / f"{name}.log"
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "autoscaler", "run", "--config", str(config),
                stderr=log, env=environ(**variables),
            )  # fmt: skip
        replica = Replica(name, process, log_path, gate)
        self.replicas.append(replica)
        self.stack.push_async_callback(_end, replica)

        async def started() -> bool:
            assert process.returncode is None, log_path.read_text()
            replica.url = next((each["url"] for each in replica.said("started")), "")
            return bool(replica.url)

        await eventually(started)
        return replica

    async def once(self) -> tuple[int | None, str]:
        """Run one pass with ``--once``; return the exit status, and what was said for people."""
        config = self._configured("once", self.folder / "once.db")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoscaler", "run", "--config", str(config), "--once",
            stderr=asyncio.subprocess.PIPE, env=environ(),
        )  # fmt: skip
        _, said = await asyncio.wait_for(process.communicate(), 60)
        lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
        return process.returncode, " ".join(lines)

    def _configured(self, name: str, store: Path | None) -> Path:
        config = self.folder / f"{name}.yaml"
        settings = configuration(self.endpoint, store)
        settings["leader_election"] = {**self.election, "identity": name}
        config.write_text(yaml.safe_dump(settings))
        return config

    async def leader(self, *, besides: Replica | None = None, patience_s: float = 60.0) -> Replica:
        """Wait until a replica, not ``besides``, may act; return it."""
        found: list[Replica] = []

        async def one_leads() -> bool:
            for replica in self.replicas:
                running = replica is not besides and replica.process.returncode is None
                if running and await replica.leads(self.client):
                    found.append(replica)
                    return True
            return False

        await eventually(one_leads, patience_s=patience_s)
        return found[0]

    async def books(self) -> dict[str, Any]:
        return dict((await self.client.get(f"{self.endpoint}/emulator/books")).json()["apps"])

    async def calls(self) -> list[tuple[int, str]]:
        """Return term and sender of every scale call, by app and then by arrival."""
        return [
            (int(match[2]), match[1])
            for report in (await self.books()).values()
            for call in report["scale_log"]
            if (match := SENDER.search(call["caller"]))
        ]

    async def acts(self, replica: Replica, *, more_than: int = 0, patience_s: float = 60.0) -> None:
        """Wait until scale calls of this replica have arrived."""

        async def acted() -> bool:
            sent = [name for _, name in await self.calls() if name.startswith(f"{replica.name}_")]
            return len(sent) > more_than

        await eventually(acted, patience_s=patience_s)

    async def sent_by(self, replica: Replica) -> int:
        return sum(name.startswith(f"{replica.name}_") for _, name in await self.calls())

    async def judge(self) -> None:
        """Fail unless the books show one actor at a time, no rule broken, and nothing lost."""
        for app, report in (await self.books()).items():
            assert (app, report["broken"]) == (app, [])
            assert (app, report["requests"]["lost_to_scale_down"]) == (app, 0)
            senders = [SENDER.search(call["caller"]) for call in report["scale_log"]]
            assert all(senders), f"{app}: a scale call without a sender"
            terms = [(int(match[2]), match[1]) for match in senders if match]
            numbers = [number for number, _ in terms]
            assert numbers == sorted(numbers), f"{app}: a call of an older term came late: {terms}"
            assert len(set(terms)) == len(set(numbers)), f"{app}: two senders in one term: {terms}"


def configuration(endpoint: str, store: Path | None) -> dict[str, Any]:
    return {
        "everai": {
            "endpoint": endpoint, "connect_timeout": 0.5, "read_timeout": 0.5, "total_timeout": 1,
        },
        "state": {"path": None if store is None else str(store)},
        "server": {"listen": "127.0.0.1:0"},
        "log": {"format": "json"},
        "defaults": {
            "interval": 0.2,
            "min_workers": 1,
            "max_workers": MAX_WORKERS,
            "order_deadline": 1.5,
            "behavior": {"scale_down": {"stabilization_window": 0.5}},
        },
        "apps": [{"name": name} for name in APPS],
    }  # fmt: skip


def scenario(each_s: float = 1.5) -> dict[str, Any]:
    """Return load that goes up and down all the time, so that whoever may act does."""
    loads = {"steady": [6, 1, 4, 0.5], "waves": [0.5, 8, 1, 6]}
    return {
        "seed": 5,
        "apps": [
            {
                "name": name,
                "initial_workers": 1,
                "max_workers": MAX_WORKERS,
                "cold_start": {"type": "uniform", "low_s": 0.1, "high_s": 0.4},
                "removal_s": 0.2,
                "load": {
                    "phases": [
                        {"phase": "steps", "per_s": loads[name] * 300, "each_s": each_s}
                    ],
                    "service": {"type": "lognormal", "median_s": 0.4, "sigma": 0.3, "max_s": 1},
                },
                "rules": {"min_workers": 1, "max_workers": MAX_WORKERS},
            }
            for name in APPS
        ],
    }  # fmt: skip


@asynccontextmanager
async def house(folder: Path, election: dict[str, Any]) -> AsyncIterator[House]:
    """Run an emulator process until the end of the context, and whatever replicas are started."""
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario()))
    async with AsyncExitStack() as stack:
        emulator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autoscaler", "emulator", "--port", "0", "--scenario", str(path),
            env=environ(), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stack.push_async_callback(_terminate, emulator)
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=2.0))
        yield House(folder, await _endpoint(emulator), client, stack, election)


async def _endpoint(emulator: asyncio.subprocess.Process) -> str:
    assert emulator.stdout is not None
    async for line in emulator.stdout:
        if b"EVERAI_ENDPOINT=" in line:
            return line.decode().strip().partition("EVERAI_ENDPOINT=")[2]
    raise AssertionError("the emulator ended before it said where it listens")


async def _terminate(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    await process.wait()


async def _end(replica: Replica) -> None:
    if replica.process.returncode is None:
        replica.process.kill()
        await replica.process.wait()
    if replica.gate is not None:
        await replica.gate.close()


Fail = Callable[[House, Replica], Awaitable[Callable[[], Awaitable[None]]]]
"""Lets a leader fail; returns what puts it right again."""


async def _nothing() -> None:
    """Put nothing right: who has ended stays so."""


async def terminated(_: House, leader: Replica) -> Callable[[], Awaitable[None]]:
    leader.send(signal.SIGTERM)
    return _nothing


async def killed(_: House, leader: Replica) -> Callable[[], Awaitable[None]]:
    leader.send(signal.SIGKILL)
    return _nothing


async def stopped(_: House, leader: Replica) -> Callable[[], Awaitable[None]]:
    leader.send(signal.SIGSTOP)

    async def go_on() -> None:
        leader.send(signal.SIGCONT)

    return go_on


async def cut_off(_: House, leader: Replica) -> Callable[[], Awaitable[None]]:
    gate = leader.gate
    assert gate is not None
    gate.cut = True

    async def mend() -> None:
        gate.cut = False

    return mend
