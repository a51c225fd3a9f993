"""The figures of a run as a table for people: ratios first, targets, and what it was last time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = tuple[str, float, str, str, bool | None]
"""What, how much, its format, the target, and whether it was met (``None``: no target)."""


def table(figures: dict[str, Any], kept: dict[str, Any]) -> str:
    """Return the figures in Markdown, each beside that of the run kept before."""
    before = {row[0]: row for row in _rows(kept)} if kept else {}
    load = f"load average of the machine at the start {figures['load_average']:.1f}"
    lines = [
        f"Each figure over {figures['seconds']:g} s; {load}.",
        "",
        "| | now | before | target | met |",
        "|---|---:|---:|---:|---|",
    ]
    for what, value, form, target, met in _rows(figures):
        was = before.get(what)
        old = form.format(was[1]) if was else "-"
        verdict = "" if met is None else "yes" if met else "**no**"
        lines.append(f"| {what} | {form.format(value)} | {old} | {target} | {verdict} |")
    return "\n".join(lines) + "\n"


def targets(figures: dict[str, Any]) -> str:
    """Return the figures that have a target, in Markdown."""
    lines = ["| | measured | target | met |", "|---|---:|---:|---|"]
    for what, value, form, target, met in _rows(figures):
        if met is not None:
            verdict = "yes" if met else "**no**"
            lines.append(f"| {what} | {form.format(value)} | {target} | {verdict} |")
    return "\n".join(lines) + "\n"


def put(page: str, text: str, name: str = "bench") -> str:
    """Return the page with the text between the marks of this name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = page.partition(begin)
    if not found:
        raise SystemExit(f"the page has no {begin}")
    return f"{head}{begin}\n{text}{end}{rest.partition(end)[2]}"


def _rows(figures: dict[str, Any]) -> Iterator[Row]:
    for name in ("TLS", "HTTP"):
        yield from _speed(figures[name], name)
    for apps in (100, 1000, 10_000):
        if f"every_15s_{apps}_apps" in figures:
            yield from _apps(figures, apps)
    yield from _flat(figures)
    for workers in (100, 1000):
        if found := figures.get(f"{workers}_workers"):
            yield (
                f"{workers:,} workers per list: CPU per poll",
                found["cpu_us_per_poll"],
                _US,
                "",
                None,
            )
    share = figures["idle"]["core_share"]
    yield "one app every 15 s: share of a core", share * 100, "{:.2f} %", "", None


_US = "{:,.0f} µs"


def _speed(found: dict[str, Any], name: str) -> Iterator[Row]:
    rivals, target = found["rivals_us_per_poll"], name == "TLS"
    for kind, words in (("lively", "every list changed"), ("still", "no list changed")):
        spent = found[kind]["cpu_us_per_poll"]
        where = f"{name}, {words}: "
        better, worse, rate = rivals["naive"] / spent, spent / rivals["limit"], 1e6 / spent
        aim = target and kind == "lively"
        yield (
            where + "naive stack / daemon", better, "{:.1f} x", "≥ 25 x" if aim else "",
            better >= 25 if aim else None,
        )  # fmt: skip
        yield (
            where + "daemon / physical limit", worse, "{:.1f} x", "≤ 3.5 x" if aim else "",
            worse <= 3.5 if aim else None,
        )  # fmt: skip
        yield where + "CPU per poll", spent, _US, "", None
        yield (
            where + "polls/s on one core", rate, "{:,.0f}", "≥ 2,000" if aim else "",
            rate >= 2000 if aim else None,
        )  # fmt: skip
    for rival, words in (("naive", "naive stack"), ("limit", "physical limit")):
        yield f"{name}, {words}: CPU per poll", rivals[rival], _US, "", None


def _apps(figures: dict[str, Any], apps: int) -> Iterator[Row]:
    found = figures[f"every_15s_{apps}_apps"]
    alone, scraped, largest = found["alone"], found["scraped"], apps == 10_000
    where = f"{apps:,} apps every 15 s: "
    full_s = found["start"]["first_round_s"]
    late, more = alone["lateness_p99_ms"], scraped["lateness_p99_ms"] - alone["lateness_p99_ms"]
    reloaded, memory = found["resident_mib"], alone["resident_mib"]
    checks = (
        ("start to the first full round", full_s, "{:.1f} s", "≤ 20 s", full_s <= 20),
        ("lateness p99", late, "{:.0f} ms", "≤ 250 ms", late <= 250),
        ("a scrape's effect on it", more, "{:+.0f} ms", "≤ 50 ms", more <= 50),
        ("resident memory", memory, "{:.0f} MiB", "≤ 200 MiB", memory <= 200),
        ("resident memory after a reload", reloaded, "{:.0f} MiB", "≤ 200 MiB", reloaded <= 200),
    )
    for what, value, form, target, met in checks:
        yield where + what, value, form, target if largest else "", met if largest else None
    yield where + "lateness p50", alone["lateness_p50_ms"], "{:.0f} ms", "", None
    yield where + "lateness p99.9", alone["lateness_p999_ms"], "{:.0f} ms", "", None
    yield where + "share of a core", alone["core_share"] * 100, "{:.1f} %", "", None
    yield where + "a scrape takes", found["scraped"]["scrape_s"], "{:.2f} s", "", None
    yield where + "a reload takes", found["reload_s"], "{:.1f} s", "", None


def _flat(figures: dict[str, Any]) -> Iterator[Row]:
    counts = [apps for apps in (100, 1000, 10_000) if f"full_speed_{apps}_apps" in figures]
    spent = [figures[f"full_speed_{apps}_apps"]["cpu_us_per_poll"] for apps in counts]
    for apps, each in zip(counts, spent, strict=True):
        yield f"{apps:,} apps at full speed: CPU per poll", each, _US, "", None
    if counts:
        ratio = max(spent) / min(spent)
        words = f"dearest / cheapest of {counts[0]:,} to {counts[-1]:,} apps"
        yield f"CPU per poll, {words}", ratio, "{:.2f} x", "flat (≤ 1.25 x)", ratio <= 1.25
