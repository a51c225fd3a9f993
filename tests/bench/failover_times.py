"""How long a failover takes, on a real API server with the default lease; writes the table.

    KUBEBUILDER_ASSETS="$(.ci/kubernetes-assets)" python tests/bench/failover_times.py \
        --runs 20 --side-by-side 5 --into docs/failover.md

Each run has an emulator process and two daemons with a store each; runs of a kind go side by side.
Every run's books are judged as in the tests: one actor at a time, no rule broken, nothing lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from autoscaler.app.clock import SystemClock
from tests.kubernetes.api_server import ApiServer, api_server
from tests.kubernetes.failures import Replicas, frozen_server, replicas
from tests.process.replicas import Fail, Replica, cut_off, killed, stopped, terminated

LEASE = {"lease_duration": 15, "renew_deadline": 10, "retry_period": 2}
PATIENCE_S = 90.0
MARKS = ("<!-- failover: begin -->\n", "<!-- failover: end -->\n")
POLL_S = 0.02
KINDS: dict[str, Fail | None] = {
    "SIGTERM to the leader": terminated,
    "SIGKILL": killed,
    "SIGSTOP": stopped,
    "leader cut off from the API server": cut_off,
    "API server frozen for 20 s": None,
}
FROZEN_S = 20.0
_clock = SystemClock()


@dataclass(slots=True)
class Times:
    """Seconds of each run: from the fault (or its end) to each thing."""

    stopped_s: list[float] = field(default_factory=list)
    taken_s: list[float] = field(default_factory=list)
    may_act_s: list[float] = field(default_factory=list)
    acted_s: list[float] = field(default_factory=list)


async def first_time(what: Callable[[], Awaitable[bool]]) -> float:
    """Return when something is first true, our clock."""
    async with asyncio.timeout(PATIENCE_S):
        while not await what():
            await asyncio.sleep(POLL_S)
    return _clock.now()


async def settle(cluster: Replicas) -> Replica:
    for _ in range(2):
        await cluster.start()
    leader = await cluster.home.leader()
    await cluster.home.acts(leader)
    return leader


async def measure(cluster: Replicas, leader: Replica, fail: Fail, times: Times) -> None:
    """Let the leader fail, and see how long it takes until another leads, may act and acts."""
    home = cluster.home
    follower = next(each for each in home.replicas if each is not leader)

    async def silent() -> bool:
        return not await leader.leads(home.client)

    async def may_act() -> bool:
        return await follower.leads(home.client)

    at = _clock.now()
    put_right = await fail(home, leader)
    if fail is cut_off:
        times.stopped_s.append(await first_time(silent) - at)
    times.may_act_s.append(await first_time(may_act) - at)
    await home.acts(follower)
    _note_taken(times, follower, at)
    await _note_acted(times, cluster, follower, at)
    await put_right()
    await home.acts(follower, more_than=await home.sent_by(follower))
    await home.judge()


async def measure_frozen(
    server: ApiServer, clusters: list[Replicas], leaders: list[Replica], times: Times
) -> None:
    """Freeze the server for all at once; count from the freezing, then from the thaw."""

    async def one(cluster: Replicas, leader: Replica, thaw: asyncio.Event) -> None:
        async def silent() -> bool:
            return not await leader.leads(cluster.home.client)

        times.stopped_s.append(await first_time(silent) - at)
        sent = len(await cluster.home.calls())
        await thaw.wait()
        assert len(await cluster.home.calls()) == sent, "somebody acted without a lease"
        thawed_at = _clock.now()

        async def anyone() -> bool:
            return any([await each.leads(cluster.home.client) for each in cluster.home.replicas])

        times.may_act_s.append(await first_time(anyone) - thawed_at)
        leads = await cluster.home.leader()
        await cluster.home.acts(leads, more_than=await cluster.home.sent_by(leads))
        _note_taken(times, leads, thawed_at)
        await _note_acted(times, cluster, leads, thawed_at)
        await cluster.home.judge()

    thaw = asyncio.Event()
    at = _clock.now()
    wake = frozen_server(server)
    pairs = zip(clusters, leaders, strict=True)
    tasks = [asyncio.create_task(one(*pair, thaw)) for pair in pairs]
    try:
        await asyncio.sleep(FROZEN_S)
    finally:
        await wake()
        thaw.set()
    await asyncio.gather(*tasks)


def _note_taken(times: Times, replica: Replica, since: float) -> None:
    moments = [_epoch(each["time"]) for each in replica.said("leading")]
    times.taken_s.append(min(at for at in moments if at >= since) - since)


async def _note_acted(times: Times, cluster: Replicas, replica: Replica, since: float) -> None:
    calls = [
        call["at"]
        for report in (await cluster.home.books()).values()
        for call in report["scale_log"]
        if f"({replica.name}_" in call["caller"] and call["at"] >= since
    ]
    times.acted_s.append(min(calls) - since)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def run_kind(
    server: ApiServer, folder: Path, fail: Fail | None, runs: int, wide: int
) -> Times:
    times = Times()
    for first in range(0, runs, wide):
        async with AsyncExitStack() as stack:
            clusters = []
            for number in range(first, min(first + wide, runs)):
                home = folder / f"run-{number}"
                home.mkdir()
                clusters.append(await stack.enter_async_context(replicas(server, home, LEASE)))
            leaders = await asyncio.gather(*map(settle, clusters))
            if fail is None:
                await measure_frozen(server, clusters, list(leaders), times)
            else:
                pairs = zip(clusters, leaders, strict=True)
                await asyncio.gather(*(measure(*pair, fail, times) for pair in pairs))
    return times


@contextmanager
def a_server() -> Iterator[ApiServer]:
    with (
        TemporaryDirectory() as folder,
        api_server(Path(os.environ["KUBEBUILDER_ASSETS"]), Path(folder)) as server,
    ):
        yield server


def row(kind: str, times: Times) -> str:
    cells = [
        f"{median(values):.1f} / {max(values):.1f}" if values else ""
        for values in (times.stopped_s, times.taken_s, times.may_act_s, times.acted_s)
    ]
    return f"| {kind} | {len(times.may_act_s)} | {' | '.join(cells)} |"


def table(rows: list[str], command: str) -> str:
    head = (
        "| what happens | runs | leader stops | lease taken | may act | first call arrives |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    lease = ", ".join(f"{key} {value}s" for key, value in LEASE.items())
    return (
        f"`{command}` on {os.cpu_count()} cores, Python {platform.python_version()}; {lease}. "
        "Median / max, seconds.\n\n" + "\n".join([head, *rows]) + "\n"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--side-by-side", type=int, default=5)
    parser.add_argument("--kind", help="only kinds that hold this text")
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    rows = []
    with a_server() as server, TemporaryDirectory() as folder:
        for number, (kind, fail) in enumerate(KINDS.items()):
            if given.kind and given.kind not in kind:
                continue
            place = Path(folder) / str(number)
            place.mkdir()
            times = await run_kind(server, place, fail, given.runs, given.side_by_side)
            rows.append(row(kind, times))
            print(rows[-1], flush=True)  # noqa: T201 - a script
    text = table(rows, f"make failover-times RUNS={given.runs}")
    if given.into:
        page = given.into.read_text()
        before, _, rest = page.partition(MARKS[0])
        _, _, after = rest.partition(MARKS[1])
        given.into.write_text(before + MARKS[0] + text + MARKS[1] + after)


if __name__ == "__main__":
    asyncio.run(main())
