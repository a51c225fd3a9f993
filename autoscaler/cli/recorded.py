"""Reads an app's recorded past out of the history's file, beside a daemon that writes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from autoscaler.history.reading import Reader
from autoscaler.history.tables import open_beside
from autoscaler.model import AppKey
from autoscaler.model.errors import HistoryError
from autoscaler.policies import parse_duration
from autoscaler.settings.origin import machine_defaults
from autoscaler.simulator.lab.recorded import recorded_trace
from autoscaler.simulator.lab.trace import MemoryTrace, TraceError

_KNOWN = ("app", "file", "endpoint", "last")
_POINTS = 10_000_000
_WHOLE_S = 10 * 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Which past: of which app, in which file, of which platform, and how much of its end."""

    app: AppKey
    file: Path
    endpoint: str
    last_s: float

    @property
    def name(self) -> str:
        """What tables and reports call it."""
        return f"history of {self.app}"


def recording_of(text: str) -> Recording:
    """Return what ``app=NAMESPACE/NAME,file=FILE,endpoint=URL,last=7d`` names.

    Raises:
        TraceError: a value is missing or wrong.
    """
    values: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name not in _KNOWN:
            raise TraceError(f"trace history:{text}: {part!r} is none of {', '.join(_KNOWN)}")
        values[name] = value
    if "app" not in values:
        raise TraceError(f"trace history:{text}: say which app, as app=NAMESPACE/NAME")
    namespace, slash, name = values["app"].rpartition("/")
    try:
        last_s = _duration_s(values["last"]) if "last" in values else _WHOLE_S
    except ValueError as error:
        raise TraceError(f"trace history:{text}: last={values['last']}: {error}") from None
    state = Path(machine_defaults(os.environ)["state"]["path"])
    file = values.get("file") or state.with_name("history.db")
    endpoint = values.get("endpoint") or os.environ.get("EVERAI_ENDPOINT", "")
    return Recording(AppKey(namespace if slash else "default", name), Path(file), endpoint, last_s)


def _duration_s(text: str) -> float:
    found = parse_duration(text)
    if not isinstance(found, float | int):
        raise ValueError("must be a duration such as 12h or 7d")  # noqa: TRY004 - a wrong value
    return float(found)


def read_recording(wanted: Recording, seed: int) -> MemoryTrace:
    """Return a recorded past as a trace.

    Raises:
        TraceError: there is none.
    """
    if not wanted.file.exists():
        raise TraceError(
            f"{wanted.name}: {wanted.file} does not exist; name the file with file=…, it is"
            " history.path of the daemon's configuration"
        )
    try:
        tables = open_beside(URL.create("sqlite", database=str(wanted.file)), wanted.endpoint)
    except HistoryError as error:
        raise TraceError(f"{wanted.name}: {error}") from error
    try:
        reader = Reader(tables)
        latest = reader.latest_minute(wanted.app)
        if latest is None:
            raise TraceError(
                f"{wanted.name}: nothing is recorded in {wanted.file} for {tables.endpoint}"
            )
        samples = reader.samples(wanted.app, latest - wanted.last_s, latest + 60.0, _POINTS)
    except HistoryError as error:
        raise TraceError(f"{wanted.name}: {error}") from error
    finally:
        tables.close()
    return recorded_trace(wanted.name, samples, seed)
