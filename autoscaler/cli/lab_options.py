"""Options that the commands of the laboratory share, and what they are turned into."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random  # noqa: TID251 - a type, for drawing cold starts
from typing import Annotated, Any

import typer
import yaml

from autoscaler.cli.recorded import read_recording, recording_of
from autoscaler.decision import AppSpec
from autoscaler.model.errors import ConfigurationError
from autoscaler.settings import load, to_spec
from autoscaler.simulator.lab import generators
from autoscaler.simulator.lab.drivers import lab_spec
from autoscaler.simulator.lab.peers import build
from autoscaler.simulator.lab.platform import Dispatch
from autoscaler.simulator.lab.trace import FileTrace, Trace, TraceError

EXIT_BAD = 2
EXIT_INTERRUPTED = 130
DOWN_WINDOW_S = 300.0
"""Stabilization window of policies that do not hold by themselves, seconds."""

SELF_HOLDING = frozenset(
    {"slo", "everai-simple", "everai-free-worker", "concurrency", "ongoing-requests"}
)
"""Policies that hold by themselves: they get no stabilization window unless told."""
_DISPATCH: dict[str, Dispatch] = {
    "last-used": "last-used",
    "least-used": "least-used",
    "random": "random",
}

TraceOption = Annotated[
    str,
    typer.Option(
        help="A trace: CSV, CSV.GZ or Parquet with arrival_s,service_s; or a generator as "
        "poisson:rate=2,duration=3600 (poisson, mmpp, diurnal, weekly, flash, ramp); or the "
        "daemon's own record as history:app=NAME,last=7d (file=… if it is not in the usual place)."
    ),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter of it, name=value. Repeatable.")
]
ConfigOption = Annotated[
    Path | None, typer.Option(help="Take the app's whole configuration from this file.")
]
ColdStartOption = Annotated[
    str,
    typer.Option(
        help="Seconds from order to readiness; or 22,37,45, or a file with a number a line: "
        "drawn from these."
    ),
]
IntervalOption = Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")]
ListLagOption = Annotated[
    float, typer.Option(min=0, help="Seconds until an ordered worker is listed.")
]
DispatchOption = Annotated[
    str, typer.Option(help="Who gets the next request: last-used, least-used or random.")
]
MaxWorkersOption = Annotated[
    int | None, typer.Option(min=1, help="The platform's maximum; none by default.")
]
DownWindowOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Stabilization window downwards, seconds; by default 0 for "
        "policies that hold by themselves, else 300.",
    ),
]
WarmupOption = Annotated[
    float, typer.Option(min=0, help="Requests of the first seconds left out of the shares.")
]
StartFailuresOption = Annotated[
    float, typer.Option(min=0, max=1, help="Share of ordered workers that never become ready.")
]
RequestFailuresOption = Annotated[
    float, typer.Option(min=0, max=1, help="Share of requests that fail when served.")
]
ListFailuresOption = Annotated[
    float, typer.Option(min=0, max=1, help="Share of looks at the list that fail.")
]
SeedOption = Annotated[int, typer.Option(help="Of every random draw.")]


@dataclass(frozen=True, slots=True)
class DrawnFrom:
    """Cold starts drawn from measured ones, seconds; a value that can be sent to a process."""

    values: tuple[float, ...]

    def __call__(self, rng: Random) -> float:
        """Return one of them."""
        return rng.choice(self.values)


def dispatch_of(text: str) -> Dispatch:
    """Return the order of dispatch of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if text not in _DISPATCH:
        raise ConfigurationError(f"--dispatch {text}: must be one of {', '.join(_DISPATCH)}")
    return _DISPATCH[text]


def trace_of(text: str, seed: int) -> Trace:
    """Return the recorded or made-up load that ``--trace`` names."""
    kind, colon, rest = text.partition(":")
    if kind == "history" and colon:
        return read_recording(recording_of(rest), seed)
    if kind in _GENERATORS and (colon or not Path(text).exists()):
        return _generated(kind, rest, seed)
    return FileTrace(Path(text))


_GENERATORS: dict[str, tuple[str, ...]] = {
    "poisson": ("rate",),
    "mmpp": ("rates", "sojourns"),
    "diurnal": ("low", "high", "period"),
    "weekly": ("low", "high", "weekend", "opens", "closes", "edge"),
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
        case "weekly":
            return generators.weekly(
                values.get("low", 0.1),
                values.get("high", 2.0),
                length_s,
                weekend=values.get("weekend", 0.4),
                opens_s=values.get("opens", 28_800.0),
                closes_s=values.get("closes", 68_400.0),
                edge_s=values.get("edge", 1_800.0),
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


def cold_start_of(text: str) -> tuple[float, float | Callable[[Random], float]]:
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
    return sum(values) / len(values), DrawnFrom(values)


def spec_of(
    kind: str,
    pairs: list[str],
    config: Path | None,
    app: str,
    interval_s: float,
    down_window_s: float | None,
) -> tuple[AppSpec, float, float]:
    """Return the owner's wishes, the longest good wait, and the share that may be late."""
    if config is not None:
        spec = from_config(config, app)
        spec = replace(spec, interval_s=interval_s)
    else:
        window_s = down_window_s
        if window_s is None:
            window_s = 0.0 if kind in SELF_HOLDING else DOWN_WINDOW_S
        spec = lab_spec(
            build(kind, values_of(pairs)), interval_s=interval_s, down_window_s=window_s
        )
    return spec, *goal_of(spec)


def goal_of(spec: AppSpec) -> tuple[float, float]:
    """Return the longest good wait (s) and the share that may be late (0..1), as a policy says."""
    for policy in spec.policies:
        wait_s = getattr(policy.params, "target_wait", None)
        if wait_s is not None:
            return float(wait_s), 1 - float(getattr(policy.params, "attainment", 0.95))
    return 10.0, 0.05


def from_config(file: Path, app: str) -> AppSpec:
    """Return an app's wishes from a configuration file; ``app`` may be empty if it has only one."""
    specs = to_spec(load(file, os.environ))
    for spec in specs:
        if app in (spec.key.name, str(spec.key)) or (not app and len(specs) == 1):
            return spec
    names = ", ".join(str(spec.key) for spec in specs)
    raise ConfigurationError(f"--app {app or '(not given)'}: {file} has {names}")


def values_of(pairs: list[str]) -> dict[str, Any]:
    """Turn ``name=value`` pairs into parameters, values as YAML reads them."""
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"--set {pair}: must be name=value")
        values[name.strip().replace("-", "_")] = yaml.safe_load(text)
    return values
