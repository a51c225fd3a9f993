"""Request traces, streamed: a file of ten million requests must not need ten million tuples.

A trace is anything that can be iterated over several times and gives ``(arrival_s, service_s)`` in
the order of arrival. Files are CSV (optionally gzipped) with the header ``arrival_s,service_s``, or
Parquet with those two columns where pyarrow or polars is installed.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import inf, isfinite
from pathlib import Path
from typing import Any, Protocol, TextIO

from autoscaler.model.errors import AutoscalerError

Request = tuple[float, float]
"""Arrival, and how long a worker is busy with it; both in seconds."""

COLUMNS = ("arrival_s", "service_s")
_PARQUET_BATCH = 65_536


class TraceError(AutoscalerError):
    """A trace cannot be used; the message names file, line and value."""


class Trace(Protocol):
    """Requests in order of arrival. Each iteration starts anew and gives the same requests."""

    @property
    def name(self) -> str:
        """What tables and reports call it."""

    def __iter__(self) -> Iterator[Request]:
        """Give every request, earliest first."""


@dataclass(frozen=True, slots=True)
class MemoryTrace:
    """A trace that is small enough to hold."""

    name: str
    requests: tuple[Request, ...]

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)


@dataclass(frozen=True, slots=True)
class FileTrace:
    """A trace in a file, read and checked anew at each iteration."""

    path: Path

    @property
    def name(self) -> str:
        """The file's name without its endings."""
        return self.path.name.split(".", 1)[0]

    def __iter__(self) -> Iterator[Request]:
        if self.path.suffix == ".parquet":
            return _parquet_requests(self.path)
        return _csv_requests(self.path)


def window(trace: Iterable[Request], start_s: float, end_s: float = inf) -> MemoryTrace:
    """Return the requests of ``[start_s, end_s)``, with times counted from ``start_s``."""
    name = getattr(trace, "name", "trace")
    kept = tuple((a - start_s, s) for a, s in trace if start_s <= a < end_s)
    return MemoryTrace(f"{name}[{start_s:g}:{end_s:g}]", kept)


def load(path: Path | str) -> MemoryTrace:
    """Read a whole trace into memory, once, for repeated use.

    Raises:
        TraceError: the file is missing, empty, or a value in it makes no sense.
    """
    trace = FileTrace(Path(path))
    return MemoryTrace(trace.name, tuple(trace))


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        file: TextIO
        if path.suffix == ".gz":
            file = gzip.open(path, "rt", encoding="utf-8", newline="")  # noqa: SIM115
        else:
            file = path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise TraceError(f"trace {path} cannot be opened: {error.strerror}") from error
    with file:
        yield file


def _csv_requests(path: Path) -> Iterator[Request]:
    with _opened(path) as file:
        try:
            yield from _checked(_csv_rows(file, path), path, first=2, unit="line")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise TraceError(f"trace {path} cannot be read: {error}") from error


def _csv_rows(file: TextIO, path: Path) -> Iterator[tuple[str, ...]]:
    reader = csv.reader(file)
    header = next(reader, None)
    if header is None:
        raise TraceError(f"trace {path} is empty; its first line must be {','.join(COLUMNS)}")
    names = tuple(name.strip() for name in header)
    if names[:2] == COLUMNS:
        yield from (tuple(row) for row in reader)
        return
    if not set(COLUMNS) <= set(names):
        raise TraceError(
            f"trace {path}, line 1: the columns {', '.join(COLUMNS)} are needed, "
            f"found {','.join(header)!r}"
        )
    places = tuple(names.index(column) for column in COLUMNS)
    for row in reader:
        yield tuple(row[place] for place in places if place < len(row))


def _checked(
    rows: Iterable[tuple[str, ...]], path: Path, *, first: int, unit: str
) -> Iterator[Request]:
    """Turn text into numbers; refuse what is no number, no time, or out of order."""
    previous = 0.0
    line = first - 1
    for line, row in enumerate(rows, first):
        try:
            arrival, service = float(row[0]), float(row[1])
        except (ValueError, IndexError):
            raise _bad_row(path, unit, line, row) from None
        if not previous <= arrival < inf or not 0.0 <= service < inf:
            raise TraceError(
                f"trace {path}, {unit} {line}: {_complaint(arrival, service, previous)}"
            )
        previous = arrival
        yield arrival, service
    if line < first:
        raise TraceError(f"trace {path} holds no requests, only a header")


def _bad_row(path: Path, unit: str, line: int, row: tuple[str, ...]) -> TraceError:
    for column, text in zip(COLUMNS, (*row, "", "")[:2], strict=True):
        if not text.strip():
            return TraceError(f"trace {path}, {unit} {line}: {column} is missing")
        try:
            float(text)
        except ValueError:
            return TraceError(f"trace {path}, {unit} {line}: {column} {text!r} is no number")
    raise AssertionError("a row of two numbers is no bad row")


def _complaint(arrival_s: float, service_s: float, previous_s: float) -> str:
    for column, value in zip(COLUMNS, (arrival_s, service_s), strict=True):
        if not isfinite(value):
            return f"{column} {value} is not finite"
        if value < 0:
            return f"{column} {value:g} is negative"
    return (
        f"arrival_s {arrival_s:.12g} comes before {previous_s:.12g} of the row above; "
        "sort the trace by arrival_s"
    )


def _parquet_requests(path: Path) -> Iterator[Request]:
    rows = ((str(arrival), str(service)) for arrival, service in _parquet_rows(path))
    try:
        yield from _checked(rows, path, first=1, unit="row")
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise TraceError(f"trace {path} cannot be read: {error}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[Any, Any]]:
    if not path.exists():
        raise TraceError(f"trace {path} cannot be opened: No such file or directory")
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        yield from _polars_rows(path)
        return
    with parquet.ParquetFile(path) as file:
        _need_columns(path, file.schema_arrow.names)
        for batch in file.iter_batches(_PARQUET_BATCH, columns=list(COLUMNS)):
            columns = [batch.column(column).to_pylist() for column in COLUMNS]
            yield from ((_text(a), _text(s)) for a, s in zip(*columns, strict=True))


def _polars_rows(path: Path) -> Iterator[tuple[Any, Any]]:
    try:
        polars = import_module("polars")
    except ImportError:
        raise TraceError(
            f"trace {path} is Parquet, which needs pyarrow or polars; install one of them, "
            "or convert the trace to CSV"
        ) from None
    try:
        frame = polars.read_parquet(path)
    except polars.exceptions.PolarsError as error:
        raise TraceError(f"trace {path} cannot be read: {error}") from error
    _need_columns(path, frame.columns)
    yield from ((_text(a), _text(s)) for a, s in frame.select(COLUMNS).iter_rows())


def _need_columns(path: Path, names: Iterable[str]) -> None:
    missing = [column for column in COLUMNS if column not in set(names)]
    if missing:
        raise TraceError(f"trace {path}: column {', '.join(missing)} is missing")


def _text(value: object) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
