"""Accessibility, as far as a program can judge it: axe-core finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from autoscaler.web import WebServer
from tests.browser.conftest import OpenPage
from tests.fakes.stage import Stage

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "deploy" / "page" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def findings(page: Page) -> list[str]:
    if not AXE.is_file():
        pytest.fail("axe-core is missing: run npm ci in deploy/page")
    await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")  # the page's CSP allows no tag
    result = await page.evaluate(
        "tags => axe.run(document, { runOnly: { type: 'tag', values: tags } })", TAGS
    )
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in result["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_the_overview(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer], scheme: str, width: int
) -> None:
    _, server = stage_server
    page = await open_page(server.url, scheme=scheme, width=width)
    await expect(page.locator("table.apps tbody tr")).to_have_count(5)
    assert await findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_an_app_and_its_dialogs(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer], scheme: str
) -> None:
    _, server = stage_server
    page = await open_page(f"{server.url}/#/apps/default/sdxl-turbo", scheme=scheme)
    await expect(page.locator(".uplot")).to_have_count(6)
    await expect(page.locator("table.events tbody tr").first).to_be_visible()
    assert await findings(page) == []
    await page.get_by_role("button", name="Explain").click()
    await expect(page.get_by_role("dialog").locator(".paragraph")).to_be_visible()
    assert await findings(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Override").click()
    assert await findings(page) == []


async def test_in_chinese(open_page: OpenPage, stage_server: tuple[Stage, WebServer]) -> None:
    _, server = stage_server
    page = await open_page(f"{server.url}/#/apps/default/sdxl-turbo", locale="zh-CN")
    await expect(page.locator(".uplot")).to_have_count(6)
    assert await findings(page) == []
