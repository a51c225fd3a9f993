"""``autoscaler simulate``: what a policy would cost on a load, and whom it would keep waiting."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random  # noqa: TID251 - a type, for drawing cold starts
from time import perf_counter
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoscaler.decision import AppSpec
from autoscaler.model.errors import AutoscalerError, ConfigurationError
from autoscaler.settings import load, to_spec
from autoscaler.simulator.lab import generators
from autoscaler.simulator.lab.drivers import lab_spec
from autoscaler.simulator.lab.judgement import Judgement, judge
from autoscaler.simulator.lab.peers import build, policy_names
from autoscaler.simulator.lab.platform import Dispatch, Faults, Setup
from autoscaler.simulator.lab.trace import FileTrace, Trace, TraceError

EXIT_BAD = 2
EXIT_INTERRUPTED = 130
_REFRESH_S = 0.1

_SELF_HOLDING = frozenset(
    {"slo", "everai-simple", "everai-free-worker", "concurrency", "ongoing-requests"}
)
"""Policies that hold by themselves: they get no stabilization window unless told."""
_DISPATCH: dict[str, Dispatch] = {
    "last-used": "last-used",
    "least-used": "least-used",
    "random": "random",
}


def simulate(
    trace: Annotated[
        str,
        typer.Option(
            help="A trace: CSV, CSV.GZ or Parquet with arrival_s,service_s; or a generator as "
            "poisson:rate=2,duration=3600 (poisson, mmpp, diurnal, flash, ramp)."
        ),
    ],
    policy: Annotated[str, typer.Option(help="The policy; see --set.")] = "slo",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of it, name=value. Repeatable.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Take the app's whole configuration from this file.")
    ] = None,
    app: Annotated[str, typer.Option(help="With --config: which app.")] = "",
    cold_start: Annotated[
        str, typer.Option(help="Seconds from order to readiness; or 22,37,45: drawn from these.")
    ] = "60",
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")] = 15.0,
    list_lag: Annotated[
        float, typer.Option(min=0, help="Seconds until an ordered worker is listed.")
    ] = 0.0,
    dispatch: Annotated[
        str, typer.Option(help="Who gets the next request: last-used, least-used or random.")
    ] = "last-used",
    max_workers: Annotated[
        int | None, typer.Option(min=1, help="The platform's maximum; none by default.")
    ] = None,
    down_window: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Stabilization window downwards, seconds; by default 0 for "
            "policies that hold by themselves, else 300.",
        ),
    ] = None,
    target_wait: Annotated[
        float | None, typer.Option(min=0, help="Longest good wait; the policy's own, or 10.")
    ] = None,
    warmup: Annotated[
        float, typer.Option(min=0, help="Requests of the first seconds left out of the shares.")
    ] = 600.0,
    start_failures: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    request_failures: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    list_failures: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay a load in virtual time through the daemon's own decisions.

    Exit status: 0 done; 2 trace, policy or configuration cannot be used; 130 interrupted (the
    figures of the part until then are printed).
    """
    try:
        load_trace = _trace(trace, seed)
        mean_s, draw = _cold_start(cold_start)
        spec, wait_s, late_share = _spec(policy, set_ or [], config, app, interval, down_window)
        if dispatch not in _DISPATCH:
            raise ConfigurationError(
                f"--dispatch {dispatch}: must be one of {', '.join(_DISPATCH)}"
            )
        setup = Setup(
            cold_start_s=draw,
            interval_s=interval,
            list_lag_s=list_lag,
            dispatch=_DISPATCH[dispatch],
            max_workers=max_workers,
            warmup_s=warmup,
            target_wait_s=wait_s if target_wait is None else target_wait,
            faults=Faults(start_failures, request_failures, list_failures),
            seed=seed,
        )
        judgement = _run(load_trace, spec, setup, mean_s, late_share)
    except (AutoscalerError, ValidationError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_BAD) from None
    if as_json:
        typer.echo(json.dumps(judgement.as_json()))
    else:
        _show(judgement)
    if judgement.run.interrupted:
        typer.echo(
            f"interrupted after {judgement.run.span_s:.0f} s of virtual time; "
            "the figures are of that part",
            err=True,
        )
        raise typer.Exit(EXIT_INTERRUPTED)


def _run(
    trace: Trace, spec: AppSpec, setup: Setup, cold_start_s: float, late_share: float
) -> Judgement:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(f"simulating {trace.name}", total=_span_s(trace), at="")
        return judge(
            trace,
            spec,
            setup,
            cold_start_s=cold_start_s,
            late_share=late_share,
            stopwatch=perf_counter,
            on_poll=_reporter(bar, task) if not bar.disable else None,
        )


def _reporter(bar: Progress, task: TaskID) -> Callable[[float], None]:
    told = 0.0

    def report(now: float) -> None:
        nonlocal told
        if perf_counter() - told > _REFRESH_S:
            told = perf_counter()
            bar.update(task, completed=now, at=f"{now / 3600:.1f} h simulated")

    return report


def _span_s(trace: Trace) -> float | None:
    duration = getattr(trace, "duration_s", None)
    return float(duration) if duration is not None else None


def _trace(text: str, seed: int) -> Trace:
    kind, colon, rest = text.partition(":")
    if kind in _GENERATORS and (colon or not Path(text).exists()):
        return _generated(kind, rest, seed)
    return FileTrace(Path(text))


_GENERATORS: dict[str, tuple[str, ...]] = {
    "poisson": ("rate",),
    "mmpp": ("rates", "sojourns"),
    "diurnal": ("low", "high", "period"),
    "flash": ("base", "peak", "at", "rise", "decay"),
    "ramp": ("start", "end"),
}
"""Generators and their own parameters; each also takes duration, service and cv."""


def _generated(kind: str, text: str, seed: int) -> Trace:
    values: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name not in (*_GENERATORS[kind], "duration", "service", "cv"):
            known = ", ".join((*_GENERATORS[kind], "duration", "service", "cv"))
            raise TraceError(f"trace {kind}:{text}: {part!r} is none of {known}")
        try:
            numbers = tuple(float(number) for number in value.split("/"))
        except ValueError:
            raise TraceError(f"trace {kind}:{text}: {name} {value!r} is no number") from None
        values[name] = numbers if name in ("rates", "sojourns") else numbers[0]
    service = generators.Service(values.pop("service", 5.0), values.pop("cv", 0.8))
    length_s = values.pop("duration", 3600.0)
    common: dict[str, Any] = {"seed": seed, "service": service}
    match kind:
        case "poisson":
            return generators.poisson(values.get("rate", 1.0), length_s, **common)
        case "mmpp":
            return generators.mmpp(
                values.get("rates", (0.1, 2.0)),
                values.get("sojourns", (600.0, 120.0)),
                length_s,
                **common,
            )
        case "diurnal":
            return generators.diurnal(
                values.get("low", 0.1),
                values.get("high", 2.0),
                length_s,
                period_s=values.get("period", 86_400.0),
                **common,
            )
        case "flash":
            return generators.flash_crowd(
                values.get("base", 0.5),
                values.get("peak", 5.0),
                length_s,
                at_s=values.get("at", length_s / 2),
                rise_s=values.get("rise", 30.0),
                decay_s=values.get("decay", 600.0),
                **common,
            )
        case _:
            return generators.ramp(
                values.get("start", 0.1), values.get("end", 2.0), length_s, **common
            )


def _cold_start(text: str) -> tuple[float, float | Callable[[Random], float]]:
    """Return the mean, and the constant or the draw; a file holds one number a line."""
    path = Path(text)
    parts = path.read_text(encoding="utf-8").split() if path.is_file() else text.split(",")
    try:
        values = tuple(float(part) for part in parts if part.strip())
    except ValueError:
        raise ConfigurationError(f"--cold-start {text}: a part of it is no number") from None
    if not values or not all(0 <= value < 1e7 for value in values):  # noqa: PLR2004 - months
        raise ConfigurationError(f"--cold-start {text}: must be seconds, at least 0")
    if len(values) == 1:
        return values[0], values[0]
    return sum(values) / len(values), lambda rng: rng.choice(values)


def _spec(
    kind: str,
    pairs: list[str],
    config: Path | None,
    app: str,
    interval_s: float,
    down_window_s: float | None,
) -> tuple[AppSpec, float, float]:
    """Return the owner's wishes, the longest good wait, and the share that may be late."""
    if config is not None:
        spec = _from_config(config, app)
        spec = replace(spec, interval_s=interval_s)
    else:
        if kind not in policy_names():
            raise ConfigurationError(
                f"--policy {kind}: no such policy; there are {', '.join(policy_names())}"
            )
        window_s = down_window_s
        if window_s is None:
            window_s = 0.0 if kind in _SELF_HOLDING else 300.0
        spec = lab_spec(build(kind, _values(pairs)), interval_s=interval_s, down_window_s=window_s)
    for policy in spec.policies:
        wait_s = getattr(policy.params, "target_wait", None)
        if wait_s is not None:
            return spec, float(wait_s), 1 - float(getattr(policy.params, "attainment", 0.95))
    return spec, 10.0, 0.05


def _from_config(file: Path, app: str) -> AppSpec:
    specs = to_spec(load(file, os.environ))
    for spec in specs:
        if app in (spec.key.name, str(spec.key)) or (not app and len(specs) == 1):
            return spec
    names = ", ".join(str(spec.key) for spec in specs)
    raise ConfigurationError(f"--app {app or '(not given)'}: {file} has {names}")


def _values(pairs: list[str]) -> dict[str, Any]:
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"--set {pair}: must be name=value")
        values[name.strip().replace("-", "_")] = yaml.safe_load(text)
    return values


def _show(judgement: Judgement) -> None:
    table = Table(title=f"{judgement.policy} on {judgement.trace}", show_header=False)
    for name, value in judgement.as_json().items():
        table.add_row(name, "unknown" if value is None else str(value))
    Console(soft_wrap=True).print(table)
