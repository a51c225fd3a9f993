"""What the documents say is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoscaler.model import Reason

ROOT = Path(__file__).parents[3]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


def test_every_reason_is_explained_once() -> None:
    page = (ROOT / "docs/reasons.md").read_text()
    explained = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(reason.value for reason in Reason)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    missing = [
        link
        for link in links
        if not link.startswith(("http:", "https:")) and not (document.parent / link).exists()
    ]
    assert missing == []


def test_both_readmes_say_the_same() -> None:
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))

    def shape(text: str) -> list[str]:
        blocks = re.findall(r"```.*?```", text, re.DOTALL)
        without_comments = [re.sub(r"#[^\n]*", "", block) for block in blocks]
        links = re.findall(r"\]\((?!README)([^)]+)\)", text)
        return [*without_comments, *links, *re.findall(r"^#+", text, re.MULTILINE)]

    assert shape(english) == shape(chinese)


def test_the_tree_of_why_it_did_not_scale_leads_to_every_reason_that_holds() -> None:
    explained = (ROOT / "docs/reasons.md").read_text()
    acts = explained.partition("## It acts")[2].partition("\n## ")[0]
    fine = {*re.findall(r"^\| `(\w+)` \|", acts, re.MULTILINE), "AtTarget"}
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs/troubleshooting.md").read_text()))
    assert {reason.value for reason in Reason} - fine - named == set()
