"""Plain YAML is read without a tree; nobody can tell by the values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.settings import document

WORDS = (
    "a", "1", "-1", "+7", "0", "007", "1_000", "0x10", "0o7", "1.5", ".5", "-.5", "5.", "1e3",
    "1.5E-3", ".inf", "-.INF", "+.inf", ".nan", "~", "null", "Null", "", "true", "False", "yes",
    "off", "22:30", "2026-01-02", "2026-01-02T03:04:05Z", "<<", "=", "-", "+", ".", "nil", "1.2.3",
)  # fmt: skip


def same(text: str) -> bool:
    """Whether both ways read the same; with a type to every value, and NaN equal to itself."""
    quick, careful = document.parse(text, "f"), document._parse_by_tree(text, "f")
    return (repr(quick.data), quick.problems) == (repr(careful.data), careful.problems)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_means_the_same(word: str) -> None:
    assert same(f"k: {word}\n")
    assert same(f"k: [{word or 'x'}, '{word}', \"{word}\"]\n")
    assert same(f"? {word}\n: v\n")
    assert same(f"'{word}': v\n")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=4) | st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), values, max_size=4), st.sampled_from(["flow", "block"]))
def test_whatever_was_written_is_read_the_same(data: dict[str, Any], style: str) -> None:
    text = yaml.safe_dump(data, default_flow_style=style == "flow")
    assert same(text)
    assert document.parse(text, "f").usable


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\n", "a: &x {b: 1}\nc: {<<: *x, d: 2}\n", "a: !!str 1\n", "a: ! 1\n",
        "a: !!int '7'\n", "a: 1\na: 2\n", "? [1]\n: 2\n", "- a\n", "", "# nothing\n",
        "a: 1\n---\nb: 2\n",
        "a: [", "a:\n\t- b", "a: " + "[" * 150 + "]" * 150, "a: " + "9" * 5000, "a: *nobody\n",
        "a: !!python/none x\n", "word\n",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_read_with_the_tree(text: str) -> None:
    assert same(text)


def test_a_number_too_long_to_read_is_a_problem() -> None:
    (problem,) = document.parse(f"a: {'9' * 5000}", "f").problems
    assert "no usable number" in problem.message


def test_a_line_is_found_in_what_was_read_without_a_tree() -> None:
    found = document.parse("a: 1\napps:\n  - name: x\n    interval: 5\n", "f")
    assert found.line(("apps", 0, "interval")) == 4
    assert found.line(("apps", 0, "nothing")) == 3
    assert found.line(()) is None
