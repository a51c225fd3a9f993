"""What sharing shards costs and brings: CPU of each replica, and requests for leases.

    KUBEBUILDER_ASSETS="$(.ci/kubernetes-assets)" PYTHONPATH=. \
        python tests/bench/shards_size.py --into docs/kubernetes.md 3000:15 10000:15 10000:3

Each argument is a number of apps and seconds between looks. Each is measured with one daemon and a
store in SQLite, and with three that share twelve shards over Leases of a real API server (default
lease) and a store in a real PostgreSQL. The platform is a process whose replies cost next to
nothing and are never the same twice in a row. CPU time is what the kernel booked for a process, so
that others on the machine change it little.
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.bench.fleet.daemon import Daemon, Reading, configuration, server, unpinned_daemon
from tests.fakes.postgres import new_database, run_postgres
from tests.kubernetes.api_server import ApiServer, api_server

SHARDS = 12
REPLICAS = 3
WORKERS = 4
SETTLE_S = 180.0
MARKS = ("<!-- shards: begin -->\n", "<!-- shards: end -->\n")


@dataclass(frozen=True)
class Case:
    """What is measured: apps, seconds between two looks, replicas, seconds of measuring."""

    apps: int
    interval_s: float
    replicas: int
    measure_s: float


@dataclass(frozen=True)
class Place:
    """Where replicas meet: an API server, and the template of a PostgreSQL's databases."""

    kubernetes: ApiServer
    postgres: str


def settings(case: Case, place: Place, namespace: str, database: Path) -> dict[str, Any]:
    """Return the sections that replicas have besides."""
    if case.replicas == 1:
        return {}
    return {
        "leader_election": {"mode": "kubernetes", "namespace": namespace},
        "sharding": {"shards": SHARDS},
        "state": {"url_file": str(database)},
        "history": {"enabled": False},
    }


@contextmanager
def replicas(case: Case, place: Place, folder: Path) -> Iterator[list[Daemon]]:
    """Run the daemons of a case over one platform."""
    namespace = place.kubernetes.make_namespace("bench")
    database = folder / "database"
    database.write_text(new_database(place.postgres))
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(trust_env=False, timeout=60))
        url = stack.enter_context(server(WORKERS, None, lively=True))
        running = []
        for number in range(case.replicas):
            own = folder / f"r{number}"
            own.mkdir()
            config = configuration(url, case.apps, case.interval_s, own, None)
            whole = json.loads(config.read_text()) | settings(case, place, namespace, database)
            whole["history"] = {"enabled": False}
            config.write_text(json.dumps(whole))
            environ = {"KUBECONFIG": str(place.kubernetes.kubeconfig), "POD_NAME": f"r{number}"}
            running.append(stack.enter_context(unpinned_daemon(config, url, client, environ)))
        yield running


def value(text: str, name: str) -> float:
    found = re.search(rf"^{name} ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def await_settled(case: Case, daemons: list[Daemon]) -> None:
    """Wait until each replica has its share, and every app was looked at."""
    deadline = time.perf_counter() + SETTLE_S
    while time.perf_counter() < deadline:
        texts = [daemon.scrape()[0] for daemon in daemons]
        owned = [value(text, "autoscaler_shards_owned") for text in texts]
        seen = sum(text.count("\nautoscaler_app_owned{") for text in texts)
        shared = case.replicas == 1 or owned == [SHARDS / case.replicas] * case.replicas
        if shared and seen == case.apps:
            time.sleep(2 * case.interval_s)
            return
        time.sleep(1.0)
    raise SystemExit(f"not settled: shards {owned}, apps {seen}")


def measure(case: Case, place: Place) -> str:
    """Return a row of the table."""
    with TemporaryDirectory() as name, replicas(case, place, Path(name)) as daemons:
        await_settled(case, daemons)
        before = [(daemon.read(), leases(daemon)) for daemon in daemons]
        time.sleep(case.measure_s)
        after = [(daemon.read(), leases(daemon)) for daemon in daemons]
    took_s = after[0][0].wall_s - before[0][0].wall_s
    pairs = [(one[0], two[0]) for one, two in zip(before, after, strict=True)]
    shares = sorted(cores(one, two) for one, two in pairs)
    polls = (after[0][0].polls - before[0][0].polls) / took_s
    calls = sum(two[1] - one[1] for one, two in zip(before, after, strict=True)) / took_s
    memory = max(reading.resident_mib for reading, _ in after)
    each = " / ".join(f"{share * 100:.0f} %" for share in shares)
    total = sum(shares) * 100
    return (
        f"| {case.apps:,} | {case.interval_s:g} s | {case.replicas} | {polls:,.0f} | {each} "
        f"| {total:.0f} % | {memory:.0f} MiB | {calls:.1f} |"
    )


def cores(before: Reading, after: Reading) -> float:
    return (after.cpu_s - before.cpu_s) / (after.wall_s - before.wall_s)


def leases(daemon: Daemon) -> float:
    return value(daemon.scrape()[0], "autoscaler_lease_requests_total")


def table(rows: list[str], command: str) -> str:
    head = (
        f"`{command}` on {os.cpu_count()} cores that others use too, Python "
        f"{machine.python_version()}.\n\n"
        "| apps | a look every | replicas | polls/s, all | CPU of each (100 % is a core) "
        "| CPU, all | memory of one | lease requests/s, all |\n"
        "|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(rows) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    rows = []
    assets = Path(os.environ["KUBEBUILDER_ASSETS"])
    with (
        TemporaryDirectory() as home,
        run_postgres() as postgres,
        api_server(assets, Path(home)) as kubernetes,
    ):
        for text in given.cases:
            apps, _, interval = text.partition(":")
            for count in (1, REPLICAS):
                case = Case(int(apps), float(interval), count, given.seconds)
                rows.append(measure(case, Place(kubernetes, postgres)))
                print(rows[-1], flush=True)  # noqa: T201 - a bench prints
    if given.into is not None:
        command = f"python tests/bench/shards_size.py {' '.join(given.cases)}"
        page = given.into.read_text()
        head, tail = page.partition(MARKS[0])[0], page.partition(MARKS[1])[2]
        given.into.write_text(head + MARKS[0] + table(rows, command) + MARKS[1] + tail)


if __name__ == "__main__":
    main()
