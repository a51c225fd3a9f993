"""How long is the gap between the last look at the lease and the first byte of a scale call?

    python tests/bench/fence_gap.py [CALLS] [--into docs/failover.md]

No client can close it: a process that is frozen in it sends its call when it wakes up. The
platform is a server in a process of its own; calls go over a connection that stands already, then
each over a new one.
"""

from __future__ import annotations

import asyncio
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random  # noqa: TID251 - an instance to inject
from typing import Any

from aiohttp.http_writer import StreamWriter

from autoscaler.app.clock import SystemClock
from autoscaler.everai import EverAIClient, Pool, TokenSource
from autoscaler.model import AppKey

APP = AppKey("default", "a")
MARKS = ("<!-- gap: begin -->\n", "<!-- gap: end -->\n")
SERVER = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = next(
                (int(l.split(b":")[1]) for l in head.lower().split(b"\\r\\n")
                 if l.startswith(b"content-length")), 0)
            await reader.readexactly(length)
            writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 14\\r\\n\\r\\n{"workers":[]}')
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class Stamps:
    """When the fence was asked, and when bytes were first handed to the socket after that."""

    def __init__(self) -> None:
        self.early_ns = self.late_ns = 0
        self.early_gaps_s: list[float] = []
        self.late_gaps_s: list[float] = []

    def may_send(self, _: object) -> bool:
        self.late_ns = time.perf_counter_ns()
        return True

    def wrote(self) -> None:
        if self.late_ns:
            now = time.perf_counter_ns()
            self.early_gaps_s.append((now - self.early_ns) / 1e9)
            self.late_gaps_s.append((now - self.late_ns) / 1e9)
            self.late_ns = 0


@contextmanager
def watched(stamps: Stamps) -> Iterator[None]:
    """Stamp the moment right before aiohttp hands bytes to the transport."""
    write, writelines = StreamWriter._write, StreamWriter._writelines

    def stamped(self: StreamWriter, chunk: Any) -> None:
        stamps.wrote()
        write(self, chunk)

    def stamped_lines(self: StreamWriter, chunks: Any) -> None:
        stamps.wrote()
        writelines(self, chunks)

    StreamWriter._write = stamped  # type: ignore[method-assign]  # a bench looks inside
    StreamWriter._writelines = stamped_lines  # type: ignore[method-assign]  # as above
    try:
        yield
    finally:
        StreamWriter._write = write  # type: ignore[method-assign]  # put back
        StreamWriter._writelines = writelines  # type: ignore[method-assign]  # put back


async def measure(port: int, calls: int, *, fresh: bool) -> Stamps:
    stamps = Stamps()
    with watched(stamps):
        for _ in range(calls if fresh else 1):
            client = EverAIClient(
                f"http://127.0.0.1:{port}",
                TokenSource.from_value("a-token"),
                clock=SystemClock(),
                rng=Random(1),
                may_send=stamps.may_send,
                pool=Pool(8),
            )
            async with client:
                if not fresh:
                    await client.list_workers(APP)
                for _ in range(1 if fresh else calls):
                    stamps.early_ns = time.perf_counter_ns()
                    await client.scale_up(APP, 1)
    return stamps


def quantile_us(values_s: list[float], share: float) -> float:
    return 1e6 * sorted(values_s)[min(len(values_s) - 1, int(share * len(values_s)))]


def row(name: str, values_s: list[float]) -> str:
    cells = (f"{quantile_us(values_s, share):,.0f}" for share in (0.5, 0.99, 1.0))
    return f"| {name} | {len(values_s):,} | {' | '.join(cells)} |"


async def run(port: int, calls: int) -> list[str]:
    warm = await measure(port, calls, fresh=False)
    cold = await measure(port, calls, fresh=True)
    return [
        row("last look, connection stands", warm.late_gaps_s),
        row("last look, new connection", cold.late_gaps_s),
        row("actuator's look, connection stands", warm.early_gaps_s),
        row("actuator's look, new connection", cold.early_gaps_s),
    ]


def main() -> None:
    words = sys.argv[1:]
    into = Path(words[words.index("--into") + 1]) if "--into" in words else None
    calls = int(words[0]) if words and words[0].isdigit() else 2000
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        rows = asyncio.run(run(int(server.stdout.readline()), calls))
    finally:
        server.terminate()
        server.wait()
    head = "| to the first byte, µs | calls | p50 | p99 | max |\n|---|---:|---:|---:|---:|"
    what = f"`python tests/bench/fence_gap.py {calls}`, Python {platform.python_version()}:"
    text = f"{what}\n\n" + "\n".join([head, *rows]) + "\n"
    sys.stdout.write(text)
    if into is not None:
        before, _, rest = into.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        into.write_text(before + MARKS[0] + text + MARKS[1] + after)


if __name__ == "__main__":
    main()
