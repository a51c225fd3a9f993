"""The whole daemon at 100 to 10,000 apps, beside the naive stack and the physical limit.

    python -m tests.bench.fleet [--quick] [--seconds S] [--json FILE] [--into PAGE]
    python -m tests.bench.fleet --at-rest APPS [--seconds S]

The platform runs on one CPU, the daemon (or a rival) on the other. Every figure is also a ratio of
the same run. ``make bench`` compares with the last run, which docs/performance.json keeps, and
writes the table of docs/performance.md anew.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import trustme

from tests.bench.fleet.daemon import (
    DAEMON_CPU,
    Daemon,
    Reading,
    configuration,
    daemon,
    pinned,
    server,
)
from tests.bench.fleet.report import put, table, targets

Figures = dict[str, Any]

RIVAL_RUNS = 3


@contextmanager
def certificates() -> Iterator[tuple[tuple[str, str], str]]:
    """Give certificate and key of the platform, and the authority's certificate."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    with TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("certificate", "key", "ca")]
        leaf.cert_chain_pems[0].write_to_path(files[0])
        leaf.private_key_pem.write_to_path(files[1])
        authority.cert_pem.write_to_path(files[2])
        yield (files[0], files[1]), files[2]


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def rival(kind: str, url: str, seconds: float, ca: str | None) -> float:
    """Return microseconds of CPU per poll."""
    script = str(Path(__file__).with_name("rivals.py"))
    command = [sys.executable, script, kind, url, str(seconds), "64", *([ca] if ca else [])]
    done = subprocess.run(pinned(command, DAEMON_CPU), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return float(told["cpu_s"] / told["polls"] * 1e6)


def between(before: Reading, after: Reading) -> Figures:
    """Return rates between two readings."""
    polls, wall_s = after.polls - before.polls, after.wall_s - before.wall_s
    cpu_s = after.cpu_s - before.cpu_s
    return {
        "polls_per_s": polls / wall_s,
        "cpu_us_per_poll": cpu_s / max(1, polls) * 1e6,
        "polls_per_s_per_core": polls / cpu_s if cpu_s else 0.0,
        "core_share": cpu_s / wall_s,
        "resident_mib": after.resident_mib,
    }


def quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """Return a quantile of a histogram's growth, seconds, as Prometheus interpolates it."""
    grown = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    rank, low, below = share * grown[-1][1], 0.0, 0.0
    for bound, count in grown:
        if count >= rank:
            inside = count - below
            if bound == float("inf") or not inside:
                return low
            return low + (bound - low) * (rank - below) / inside
        low, below = bound, count
    return low


def watch(running: Daemon, seconds: float, *, scrape_every_s: float | None = None) -> Figures:
    """Watch for a while; scrape meanwhile if asked to."""
    late_before, before = running.lateness(), running.read()
    until = time.perf_counter() + seconds
    scrapes: list[float] = []
    while (left := until - time.perf_counter()) > 0:
        if scrape_every_s is None:
            time.sleep(left)
        else:
            scrapes.append(running.scrape()[1])
            time.sleep(max(0.0, min(scrape_every_s, until - time.perf_counter())))
    figures = between(before, running.read())
    late_after = running.lateness()
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        figures[f"lateness_{name}_ms"] = quantile(late_before, late_after, share) * 1000
    if scrapes:
        figures["scrape_s"] = sorted(scrapes)[len(scrapes) // 2]
    return figures


class Bench:
    """One run."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._stack = certificates()
        self.tls, self.ca = self._stack.__enter__()
        self.client = httpx.Client(verify=ssl.create_default_context(cafile=self.ca))

    def close(self) -> None:
        self.client.close()
        self._stack.__exit__(None, None, None)

    @contextmanager
    def running(
        self,
        apps: int,
        interval_s: float,
        *,
        workers: int = 10,
        tls: bool = True,
        lively: bool = False,
        checkout: Path | None = None,
    ) -> Iterator[tuple[Daemon, Figures]]:
        """Run a daemon until its first full round is over; give it, and how it started."""
        certificate = self.tls if tls else None
        with (
            server(workers, certificate, lively=lively) as url,
            TemporaryDirectory() as folder,
        ):
            ca = self.ca if tls else None
            config = configuration(url, apps, interval_s, Path(folder), ca)
            begun = time.perf_counter()
            with daemon(config, url, self.client, checkout) as running:
                listening = time.perf_counter()
                full = running.wait_for_round(apps, 0)
                time.sleep(2.0)
                start = {"listening_s": listening - begun, "first_round_s": full - begun}
                yield running, start

    def full_speed(
        self, apps: int, *, workers: int = 10, tls: bool = True, lively: bool = False
    ) -> Figures:
        """Ask for more polls than one core can do."""
        interval_s = max(0.2, apps / 16_000)
        with self.running(apps, interval_s, workers=workers, tls=tls, lively=lively) as (
            running,
            _,
        ):
            return watch(running, self.seconds)

    def at_rest(self, apps: int, interval_s: float) -> Figures:
        """Poll at the pace that users have, without and with a scraper; then reload."""
        with self.running(apps, interval_s) as (running, start):
            figures: Figures = {"start": start, "alone": watch(running, self.seconds)}
            figures["scraped"] = watch(running, self.seconds, scrape_every_s=5.0)
            figures["reload_s"] = self._reload(running)
            figures["resident_mib"] = running.read().resident_mib
            return figures

    def _reload(self, running: Daemon) -> float:
        config = running.log.with_name("config.yaml")
        text = config.read_text()
        begun = time.perf_counter()
        config.write_text(text.replace('"max_workers": 2000', '"max_workers": 1999'))
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("configuration reloaded")
        return time.perf_counter() - begun

    def idle(self) -> Figures:
        """One app every 15 s: what it costs when nothing happens."""
        with self.running(1, 15.0) as (running, _):
            before = running.read()
            time.sleep(self.seconds)
            return between(before, running.read())

    def rivals(self, *, tls: bool) -> Figures:
        with server(10, self.tls if tls else None) as url:
            ca = self.ca if tls else None
            # The middle one of three: httpx's pool now and then falls into a cheaper rhythm.
            turns = {
                kind: [rival(kind, url, self.seconds / 3, ca) for _ in range(RIVAL_RUNS)]
                for kind in ("naive", "limit")
            }
        return {kind: median(costs) for kind, costs in turns.items()}


def measure(seconds: float, counts: tuple[int, ...], sizes: tuple[int, ...]) -> Figures:
    bench = Bench(seconds)
    figures: Figures = {"seconds": seconds, "load_average": os.getloadavg()[0]}
    try:
        for tls in (True, False):
            name = "TLS" if tls else "HTTP"
            say(f"rivals, {name}")
            found: Figures = {"rivals_us_per_poll": bench.rivals(tls=tls)}
            for lively in (True, False):
                kind = "lively" if lively else "still"
                say(f"full speed, 1,000 apps, {name}, {kind} lists")
                found[kind] = bench.full_speed(1000, tls=tls, lively=lively)
            figures[name] = found
        for apps in counts:
            say(f"full speed, {apps} apps")
            figures[f"full_speed_{apps}_apps"] = bench.full_speed(apps, lively=True)
            say(f"{apps} apps every 15 s")
            figures[f"every_15s_{apps}_apps"] = bench.at_rest(apps, 15.0)
        for workers in sizes:
            say(f"{workers} workers per list")
            figures[f"{workers}_workers"] = bench.full_speed(100, workers=workers, lively=True)
        say("nothing happens")
        figures["idle"] = bench.idle()
    finally:
        bench.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet")
    parser.add_argument("--quick", action="store_true", help="fewer apps, shorter")
    parser.add_argument("--seconds", type=float, default=30.0, help="per figure")
    parser.add_argument("--json", type=Path, help="compare with this file, then replace it")
    parser.add_argument("--into", type=Path, help="put the table between the marks of this page")
    parser.add_argument("--targets-into", type=Path, help="likewise, what has a target")
    parser.add_argument("--at-rest", type=int, help="only so many apps every 15 s; prints JSON")
    asked = parser.parse_args()
    if asked.at_rest:
        bench = Bench(asked.seconds)
        try:
            found = bench.at_rest(asked.at_rest, 15.0)
        finally:
            bench.close()
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    if asked.quick:
        figures = measure(8.0, (100, 1000), ())
    else:
        figures = measure(asked.seconds, (100, 1000, 10_000), (100, 1000))
    kept = json.loads(asked.json.read_text()) if asked.json and asked.json.exists() else {}
    text = table(figures, kept)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    if asked.into:
        asked.into.write_text(put(asked.into.read_text(), text))
    if asked.targets_into:
        page = asked.targets_into.read_text()
        asked.targets_into.write_text(put(page, targets(figures)))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
