"""What so many apps ask of processes, platform and stores: multiplication, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from autoscaler.control.election import LeasePace
from autoscaler.control.reconciler import APP_FACTS_EVERY_S
from autoscaler.everai.call import REPLY_BYTES_MAX
from autoscaler.settings.document import SIZE_MAX
from tests.bench.scale.constants import INTERVAL_S, PerApp

COUNTS = (10_000, 100_000, 1_000_000)
CORE_SHARE_MAX = 0.5
"""Of a replica's core: so that it also carries the share of a replica that died."""
SHARDS_PER_REPLICA = 4
LISTED_APP_BYTES = 400
"""Of an app in the platform's list of apps; an assumption, the platform documents no size."""
MIB = 2**20


def replicas_for(apps: int, each: PerApp) -> int:
    """Return how many replicas have CPU enough, each at most half of a core."""
    return max(1, ceil(apps / INTERVAL_S * each.poll_cpu_s / CORE_SHARE_MAX))


def table(each: PerApp) -> str:
    """Return the table of all counts, in Markdown."""
    columns = [dict(_column(apps, each)) for apps in COUNTS]
    lines = [
        "| | " + " | ".join(f"{apps:,} apps" for apps in COUNTS) + " |",
        "|---|" + "---:|" * len(COUNTS),
    ]
    lines += [
        f"| {what} | " + " | ".join(column[what] for column in columns) + " |"
        for what in columns[0]
    ]
    return "\n".join(lines) + "\n"


def _column(apps: int, each: PerApp) -> Iterator[tuple[str, str]]:
    looks = apps / INTERVAL_S
    calls = looks + apps / APP_FACTS_EVERY_S
    replicas = replicas_for(apps, each)
    own = ceil(apps / replicas)
    pace = LeasePace()
    yield "calls to the platform per second", f"{calls:,.0f}"
    yield "received from it, MiB/s", f"{looks * each.list_bytes / MIB:,.1f}"
    yield "cores of CPU", f"{looks * each.poll_cpu_s:,.1f}"
    yield f"replicas, each at {CORE_SHARE_MAX:.0%} of a core", f"{replicas}"
    yield f"shards, {SHARDS_PER_REPLICA} per replica", f"{SHARDS_PER_REPLICA * replicas}"
    leases = SHARDS_PER_REPLICA * replicas + replicas
    yield "renewals of leases and seats per second", f"{leases / pace.retry_s:,.0f}"
    yield "apps a replica acts for", f"{own:,}"
    yield "memory of a replica: apps it acts for, MiB", f"{each.base_mib + own * each.app_mib:,.0f}"
    others = (apps - own) * each.configured_bytes / MIB
    yield "memory of a replica: configuration of the others, MiB", f"{others:,.0f}"
    yield "loading the configuration, s of CPU", f"{apps * each.load_cpu_s:,.1f}"
    size = apps * each.file_bytes
    fits = "" if size <= SIZE_MAX else " (too large)"
    yield f"the file, MiB (at most {SIZE_MAX // MIB})", f"{size / MIB:,.1f}{fits}"
    size = apps * LISTED_APP_BYTES
    fits = "" if size <= REPLY_BYTES_MAX else " (too large)"
    yield (
        f"the platform's list of apps for discovery, MiB (at most {REPLY_BYTES_MAX // MIB})",
        f"{size / MIB:,.1f}{fits}",
    )
    yield "rows of the state store written per second", f"{looks:,.0f}"
    yield "the same, MiB/s", f"{looks * each.state_bytes / MIB:,.2f}"
    yield "rows of the history per second, apps at rest", f"{apps / 60:,.0f}"
    yield "minutes of the history, GiB a day before packing", _day(apps, each)


def _day(apps: int, each: PerApp) -> str:
    return f"{apps * 1440 * each.minute_bytes / 2**30:,.1f}"


def constants(each: PerApp) -> str:
    """Return the constants as a table."""
    rows = (
        ("CPU of a look, with all that follows", f"{each.poll_cpu_s * 1e6:.0f} µs"),
        ("memory of a process without apps", f"{each.base_mib:.0f} MiB"),
        ("memory of an app that it acts for", f"{each.app_mib * 1024:.1f} KiB"),
        ("memory of an app that it only has configured", f"{each.configured_bytes:.0f} bytes"),
        ("CPU of loading an app", f"{each.load_cpu_s * 1e6:.0f} µs"),
        ("an app in the file", f"{each.file_bytes:.0f} bytes"),
        ("a list of ten workers", f"{each.list_bytes:,} bytes"),
        ("a row of the state store", f"{each.state_bytes:,} bytes"),
        ("a minute in the history", f"{each.minute_bytes:,} bytes"),
    )
    return "| | |\n|---|---:|\n" + "".join(f"| {what} | {value} |\n" for what, value in rows)
