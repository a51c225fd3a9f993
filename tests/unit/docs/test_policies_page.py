"""docs/policies.md has a section per policy, with its tables, its example and its picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.policies import policies
from autoscaler.settings import check
from autoscaler.settings.reference import with_parameters
from autoscaler.simulator.portraits import SITTERS, Sitter

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
LARGEST_PICTURE = 60_000
EVERY = pytest.mark.parametrize("sitter", SITTERS, ids=lambda sitter: sitter.kind)


def section(kind: str) -> str:
    found = re.search(rf"^## {re.escape(kind)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/policies.md has no section {kind}"
    return found[1]


def example(text: str) -> str:
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def test_every_policy_has_a_section_and_a_picture() -> None:
    built_in = [
        kind for kind, cls in policies().items() if cls.__module__.startswith("autoscaler.")
    ]
    assert [sitter.kind for sitter in SITTERS] == built_in


def test_the_parameter_tables_are_those_of_the_program() -> None:
    assert with_parameters(PAGE) == PAGE


def test_a_page_without_the_marks_of_a_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="parameters of queue: begin"):
        with_parameters(PAGE.replace("<!-- parameters of queue: begin -->", ""))


@EVERY
def test_the_picture_is_there_and_linked(sitter: Sitter) -> None:
    link = f"images/policies/{sitter.kind}.svg"
    assert f"]({link})" in section(sitter.kind)
    picture = (ROOT / "docs" / link).read_text(encoding="utf-8")
    assert len(picture) < LARGEST_PICTURE
    assert all(title in picture for title in ("Step:", "Ramp:", "Burst:", "time, minutes"))
    assert sitter.note in section(sitter.kind).replace("\n", " ")


@EVERY
def test_the_example_is_what_the_picture_shows(sitter: Sitter) -> None:
    shown = yaml.safe_load(example(section(sitter.kind)))
    assert shown["apps"][0]["policies"] == [plain(entry) for entry in sitter.entries]
    assert shown["apps"][0]["max_workers"] == 20


@pytest.mark.parametrize(
    "text",
    [example(PAGE), *(example(section(each.kind)) for each in SITTERS if "class" not in each.kind)],
)
def test_the_examples_are_valid_without_a_warning(text: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(text, encoding="utf-8")
    assert check(file, {"HOME": "/home/somebody"}).warnings == ()


def plain(entry: Any) -> Any:
    return yaml.safe_load(yaml.safe_dump(dict(entry)))
