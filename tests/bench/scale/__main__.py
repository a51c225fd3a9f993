"""A study on paper and in simulation: a hundred thousand apps, and a million.

    python -m tests.bench.scale [--into docs/scale.md]

Takes what the last ``make bench`` left in docs/performance.json, measures a few sizes itself, and
writes the tables of docs/scale.md between their marks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.fleet.report import put
from tests.bench.scale import paper, simulation
from tests.bench.scale.constants import measured

SHARED = ((3, 3), (3, 12), (10, 40), (20, 80), (64, 256))
"""Replicas and shards."""


def tables() -> Iterator[tuple[str, str]]:
    """Yield each table by the name of its mark."""
    each = measured()
    yield "constants", paper.constants(each)
    yield "paper", paper.table(each)
    yield "evenness", _evenness()
    yield "bursts", _bursts()
    yield "deaths", _deaths()


def _evenness() -> str:
    lines = [
        "| replicas | shards | fullest shard | replica, by weight alone | with even shares |",
        "|---:|---:|---:|---:|---:|",
    ]
    apps = simulation.keys(100_000)
    for replicas, shards in SHARED:
        found = simulation.evenness(apps, replicas, shards)
        lines.append(
            f"| {replicas} | {shards} | {found.fullest_shard:.2f} x | {found.by_weight:.2f} x "
            f"| {found.by_even_shares:.2f} x |"
        )
    return "\n".join(lines) + "\n"


def _bursts() -> str:
    lines = ["| apps | first round | after half an hour |", "|---:|---:|---:|"]
    for apps in (100, 1000, simulation.APPS):
        found = simulation.bursts(apps, seed=1)
        lines.append(f"| {apps:,} | {found.first_round:.2f} x | {found.after_half_an_hour:.2f} x |")
    return "\n".join(lines) + "\n"


def _deaths() -> str:
    lines = [
        "| replicas | apps looked at late | gap p50 | p99 | longest | looks of a survivor |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for replicas, shards in SHARED[1:]:
        found = simulation.death(replicas, shards, seed=1)
        lines.append(
            f"| {replicas} | {found.late:.1%} | {found.p50_s:.0f} s | {found.p99_s:.0f} s "
            f"| {found.longest_s:.0f} s | {found.more_looks:.2f} x |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale")
    parser.add_argument("--into", type=Path, help="put the tables between the marks of this page")
    asked = parser.parse_args()
    page = asked.into.read_text() if asked.into else ""
    for name, text in tables():
        sys.stdout.write(f"{name}\n\n{text}\n")
        if asked.into:
            page = put(page, text, name)
    if asked.into:
        asked.into.write_text(page)


if __name__ == "__main__":
    main()
