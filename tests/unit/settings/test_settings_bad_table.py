"""The table of bad configurations: each file says in its first lines what is wrong with it.

A line reads ``# severity line path: message | hint``, with ``-`` for no line and for the file as a
whole; ``{policies}`` stands for every type of policy.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler.policies import policies
from autoscaler.settings import InvalidConfiguration, Problem, load

FILES = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
LEAST = 40


def described(problem: Problem) -> str:
    hint = f" | {problem.hint}" if problem.hint else ""
    line = problem.line or "-"
    return f"# {problem.severity} {line} {problem.path or '-'}: {problem.message}{hint}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_problem_of_a_bad_file_is_named(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("{policies}", ", ".join(policies()))
    head = re.findall(r"^# (?:error|warning) .*$", text, re.MULTILINE)
    with pytest.raises(InvalidConfiguration) as caught:
        load(file, {"HOME": "/home/somebody"})
    assert [described(problem) for problem in caught.value.problems] == head
    assert all(problem.source == str(file) for problem in caught.value.problems)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_message_repeats_a_secret(file: Path) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        load(file, {"HOME": "/home/somebody"})
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_table_is_large_enough() -> None:
    assert len(FILES) >= LEAST
