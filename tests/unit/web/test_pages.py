"""The status page's files as a browser fetches them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from autoscaler.model import Reason
from autoscaler.telemetry.status import AppStatus
from autoscaler.web import Access, WebServer
from autoscaler.web.pages import FOLDER, StatusPage
from autoscaler.web.responses import wants_page

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_browser_gets_the_page_and_a_program_gets_addresses(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/", headers=BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<main" in page.text
    program = await client.get("/", headers={"Accept": "*/*"})
    assert program.json()["program"] == "autoscaler"
    assert "Accept" in page.headers["vary"]
    assert "Accept" in program.headers["vary"]


async def test_a_browser_without_a_token_gets_the_page_and_nothing_that_it_shows(
    parts: Any,
) -> None:
    parts.access = Access(read=parts.tokens("read", "read-token-0123456789"))
    async with WebServer(parts.site(), "127.0.0.1", 0) as server, httpx.AsyncClient() as client:
        statuses = {
            path: (await client.get(server.url + path, headers=BROWSER)).status_code
            for path in ("/", "/page/js/main.js", "/api/v1/apps", "/metrics/page/", "/nothing")
        }
        program = await client.get(f"{server.url}/", headers={"Accept": "*/*"})
    assert statuses == {
        "/": 200,
        "/page/js/main.js": 200,
        "/api/v1/apps": 401,
        "/metrics/page/": 401,
        "/nothing": 401,
    }
    assert program.status_code == 401


async def test_files_are_asked_for_again_and_sent_once(client: httpx.AsyncClient) -> None:
    first = await client.get("/page/js/main.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/page/js/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get("/page/js/main.js", headers={"If-None-Match": '"older"'})
    assert other.status_code == 200


async def test_each_coding_has_a_tag_of_its_own(client: httpx.AsyncClient) -> None:
    plain = await client.get("/page/js/main.js", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/page/js/main.js", headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content
    assert plain.headers["etag"] != packed.headers["etag"]
    assert packed.headers["content-encoding"] == "gzip"


async def test_nothing_inline_and_nothing_foreign_is_allowed(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/", headers=BROWSER)).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/", "/page/no.js"]
)
async def test_no_path_leads_out_of_the_folder(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


def test_without_the_charting_library_the_page_is_still_there(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<main>")
    page = StatusPage(tmp_path)
    assert "index.html" in page
    assert not page.has_charts


@pytest.mark.parametrize(
    ("accept", "page"),
    [("text/html", True), ("application/json", False), ("*/*", False), ("", False)],
)
def test_who_wants_the_page(accept: str, *, page: bool) -> None:
    assert wants_page(accept) is page


def own_files() -> Iterator[Path]:
    return (path for path in sorted(FOLDER.rglob("*")) if path.suffix in (".js", ".css", ".html"))


def test_the_page_asks_no_other_server_for_anything() -> None:
    for path in own_files():
        if "vendor" in path.parts:
            continue
        addresses = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]\S*", path.read_text("utf-8"))
        assert [one for one in addresses if "www.w3.org" not in one] == [], path


def test_the_page_holds_nothing_inline() -> None:
    html = (FOLDER / "index.html").read_text("utf-8")
    assert "style=" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\son\w+=", html)


def words(language: str) -> dict[str, str]:
    text = (FOLDER / "js" / "lang" / f"{language}.js").read_text("utf-8")
    return dict(re.findall(r'^ {2}"([^"]+)": "((?:[^"\\]|\\.)*)",$', text, re.MULTILINE))


def test_both_languages_say_the_same_things() -> None:
    english, chinese = words("en"), words("zh")
    assert len(english) > 200
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_reason_and_state_has_words() -> None:
    english = words("en")
    assert {f"reason.{reason.value}" for reason in Reason} <= english.keys()
    assert {f"status.{status.value}" for status in AppStatus} <= english.keys()


def test_every_word_that_the_page_asks_for_exists() -> None:
    english = words("en")
    for path in (FOLDER / "js").glob("*.js"):
        asked = re.findall(r'\bt\("([\w.]+)"', path.read_text("utf-8"))
        assert [key for key in asked if key not in english] == [], path
