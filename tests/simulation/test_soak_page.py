"""The table of docs/safety.md."""

from __future__ import annotations

from collections import Counter

import pytest

from autoscaler.simulator.soak.page import MARKS, with_table
from autoscaler.simulator.soak.report import RunReport, summarise


def test_a_row_per_fault_between_the_marks() -> None:
    counts = Counter({"fault hang": 3, "scale_up applied": 7, "requests to the platform": 1234})
    summary = summarise([RunReport(5, 2.0, "digest", 0.1, counts, ())])
    page = with_table(f"before\n{MARKS[0]}old\n{MARKS[1]}after\n", summary, first=5, hours=2.0)
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert "old" not in page
    assert "`autoscaler soak --first 5 --seeds 1 --hours 2`: 2 simulated hours" in page
    assert "| hang | 1 | 3 | 7 |" in page


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="soak: begin"):
        with_table("nothing", summarise([]), first=1, hours=2.0)
