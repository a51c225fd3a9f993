from __future__ import annotations

import gzip
from itertools import islice, pairwise
from pathlib import Path

import pytest

from autoscaler.simulator.lab import generators
from autoscaler.simulator.lab.generators import GeneratedTrace, Service
from autoscaler.simulator.lab.trace import FileTrace, TraceError, load, window


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_in_order_and_again(tmp_path: Path) -> None:
    trace = FileTrace(written(tmp_path, "arrival_s,service_s\n0,1.5\n0,2\n7.25,0\n"))
    assert list(trace) == [(0.0, 1.5), (0.0, 2.0), (7.25, 0.0)]
    assert list(trace) == list(trace)
    assert trace.name == "t"


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    file = written(tmp_path, "id,service_s,arrival_s\na,2,1\nb,3,4\n")
    assert list(FileTrace(file)) == [(1.0, 2.0), (4.0, 3.0)]


def test_gzip_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv.gz"
    file.write_bytes(gzip.compress(b"arrival_s,service_s\n1,2\n"))
    assert load(file).requests == ((1.0, 2.0),)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("1,2\n0.5,1\n", "line 3: arrival_s 0.5 comes before 1"),
        ("-1,2\n", "line 2: arrival_s -1 is negative"),
        ("1,-2\n", "line 2: service_s -2 is negative"),
        ("1,2\n2,fast\n", "line 3: service_s 'fast' is no number"),
        ("1,nan\n", "line 2: service_s nan is not finite"),
        ("nan,1\n", "line 2: arrival_s nan is not finite"),
        ("1,inf\n", "line 2: service_s inf is not finite"),
        ("1,\n", "line 2: service_s is missing"),
        ("1\n", "line 2: service_s is missing"),
        ("1,2\n\n", "line 3: arrival_s is missing"),
        ("", "holds no requests"),
    ],
)
def test_bad_rows_are_named_by_line_and_value(tmp_path: Path, rows: str, words: str) -> None:
    file = written(tmp_path, "arrival_s,service_s\n" + rows)
    with pytest.raises(TraceError) as refused:
        list(FileTrace(file))
    assert words in str(refused.value)
    assert str(file) in str(refused.value)


def test_an_empty_file_and_a_wrong_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="is empty"):
        list(FileTrace(written(tmp_path, "")))
    with pytest.raises(TraceError, match="line 1"):
        list(FileTrace(written(tmp_path, "time,duration\n1,2\n")))


def test_a_missing_file_and_no_gzip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be opened"):
        list(FileTrace(tmp_path / "none.csv"))
    broken = tmp_path / "b.csv.gz"
    broken.write_text("no gzip")
    with pytest.raises(TraceError, match="cannot be read"):
        list(FileTrace(broken))


def test_a_file_streams(tmp_path: Path) -> None:
    file = written(tmp_path, "arrival_s,service_s\n1,1\n2,1\n3,oops\n")
    assert list(islice(FileTrace(file), 2)) == [(1.0, 1.0), (2.0, 1.0)]


def test_a_window_counts_from_its_start(tmp_path: Path) -> None:
    file = written(tmp_path, "arrival_s,service_s\n1,1\n2,5\n3,1\n")
    assert window(FileTrace(file), 2, 3).requests == ((0.0, 5.0),)


KINDS = [
    generators.poisson(2.0, 2000, seed=1),
    generators.mmpp((0.1, 4.0), (300.0, 100.0), 2000, seed=1),
    generators.diurnal(0.5, 4.0, 2000, period_s=1000, seed=1),
    generators.flash_crowd(0.5, 10.0, 2000, at_s=500, seed=1),
    generators.ramp(0.1, 4.0, 2000, seed=1),
]


@pytest.mark.parametrize("trace", KINDS, ids=lambda trace: trace.name)
def test_generators_are_seeded_and_sorted(trace: GeneratedTrace) -> None:
    requests = list(trace)
    assert len(requests) > 500
    assert requests == list(trace)
    assert all(a[0] <= b[0] < 2000 for a, b in pairwise(requests))


def test_poisson_has_its_rate_and_service_its_mean() -> None:
    requests = list(generators.poisson(5.0, 20_000, seed=3, service=Service(4.0, 1.0)))
    assert len(requests) / 20_000 == pytest.approx(5.0, rel=0.02)
    assert sum(s for _, s in requests) / len(requests) == pytest.approx(4.0, rel=0.03)


def test_a_flash_crowd_comes_when_it_should() -> None:
    trace = generators.flash_crowd(0.5, 10.0, 2000, at_s=1000, decay_s=100, seed=2)
    before = sum(a < 1000 for a, _ in trace)
    during = sum(1000 <= a < 1200 for a, _ in trace)
    assert during > 1.5 * before


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(TraceError, match="rate must be above 0"):
        generators.poisson(0.0, 10)


def parquet(tmp_path: Path, arrivals: list[float | None], services: list[float | None]) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet to write")
    writer = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "t.parquet"
    table = arrow.table({"id": list(arrivals), "service_s": services, "arrival_s": arrivals})
    writer.write_table(table, file, row_group_size=2)
    return file


def test_parquet_is_read_by_column_name(tmp_path: Path) -> None:
    trace = FileTrace(parquet(tmp_path, [0.0, 0.5, 7.25], [1.5, 2.0, 0.0]))
    assert list(trace) == [(0.0, 1.5), (0.5, 2.0), (7.25, 0.0)]
    assert list(trace) == list(trace)


def test_bad_values_in_parquet_are_named_by_row(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"row 3: arrival_s 0\.5 comes before 7"):
        list(FileTrace(parquet(tmp_path, [0.0, 7.0, 0.5], [1.0, 1.0, 1.0])))
    with pytest.raises(TraceError, match="row 2: service_s is missing"):
        list(FileTrace(parquet(tmp_path, [0.0, 7.0], [1.0, None])))
    with pytest.raises(TraceError, match="holds no requests"):
        list(FileTrace(parquet(tmp_path, [], [])))


def test_no_parquet_at_all_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    file = tmp_path / "t.parquet"
    file.write_text("arrival_s,service_s\n1,2\n")
    with pytest.raises(TraceError, match="cannot be read"):
        list(FileTrace(file))
