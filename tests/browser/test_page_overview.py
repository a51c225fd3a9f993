"""The overview as people use it: look, search, sort, watch it change."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from autoscaler.model import AppKey, Reason
from autoscaler.web import WebServer
from tests.browser.conftest import Complaints, OpenPage, StartStage
from tests.fakes.stage import READ_TOKEN, Stage

pytestmark = pytest.mark.browser

FIT = "document.scrollingElement.scrollWidth <= window.innerWidth"


async def names(page: Page) -> list[str]:
    keys = await page.locator("table.apps tbody tr").evaluate_all(
        "rows => rows.map((row) => row.dataset.app)"
    )
    return [str(key) for key in keys]


async def test_every_app_is_a_line_with_its_state_in_words(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    page = await open_page(server.url)
    rows = page.locator("table.apps tbody tr")
    await expect(rows).to_have_count(len(stage.models))
    await expect(page.locator("#live")).to_have_text("Live")
    assert sorted(await names(page)) == sorted(map(str, stage.models))
    row = page.locator('tr[data-app="default/llama-70b"]')
    seen = stage.snapshot.get(AppKey("default", "llama-70b"))
    assert seen is not None
    assert seen.observation is not None
    assert seen.decision is not None
    await expect(row.locator(".col-workers .number")).to_have_text(
        str(len(seen.observation.workers))
    )
    await expect(row.locator(".reason")).to_have_text(seen.decision.reason.value)
    await expect(row.locator(".status")).not_to_be_empty()
    await expect(row.locator(".spark-line[d]")).to_have_count(1)


async def test_a_change_appears_without_reloading(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    page = await open_page(server.url)
    await expect(page.locator("#live")).to_have_text("Live")
    model = stage.models[AppKey("default", "sdxl-turbo")]
    row = page.locator('tr[data-app="default/sdxl-turbo"]')
    await expect(row).to_be_visible()
    model.trouble = Reason.PLATFORM_ERROR
    model.look(stage.clock.now(), stage.recorder)
    await expect(row.locator(".status")).to_have_text("Troubled")
    await expect(row.locator(".reason")).to_have_text("PlatformError")
    await expect(page.locator(".summary")).to_have_text("Apps that need a look: 1")
    assert (await names(page))[0] == "default/sdxl-turbo", "trouble stands first"


async def test_it_connects_again_after_the_program_was_away(
    open_page: OpenPage, complaints: Complaints, start_stage: StartStage
) -> None:
    complaints.expected = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING",
                           "ERR_CONNECTION_RESET", "Failed to load resource"]  # fmt: skip
    stage, server = await start_stage(apps=3, hours=0.5)
    page = await open_page(server.url)
    await expect(page.locator("#live")).to_have_text("Live")
    port = server.port
    await server.stop()
    await expect(page.locator("#live")).to_have_text("Reconnecting")
    stage.changes = type(stage.changes)()
    model = stage.models[AppKey("default", "sdxl-turbo")]
    model.trouble = Reason.PLATFORM_ERROR
    model.look(stage.clock.now(), stage.recorder)
    async with stage.server(port):
        await expect(page.locator("#live")).to_have_text("Live", timeout=40_000)
        row = page.locator('tr[data-app="default/sdxl-turbo"]')
        await expect(row.locator(".status")).to_have_text("Troubled")


async def test_searching_and_filtering(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    key = AppKey("default", "llama-70b")
    stage.models[key].trouble = Reason.PLATFORM_ERROR
    stage.models[key].look(stage.clock.now(), stage.recorder)
    page = await open_page(server.url)
    rows = page.locator("table.apps tbody tr")
    await expect(rows).to_have_count(5)
    await page.keyboard.press("/")
    await page.keyboard.type("sd")
    await expect(rows).to_have_count(2)
    assert sorted(await names(page)) == ["default/sdxl-turbo", "media/sd15"]
    assert "q=sd" in page.url
    await page.keyboard.press("Escape")
    await expect(rows).to_have_count(5)
    await page.locator(".chip.status-troubled").click()
    await expect(rows).to_have_count(1)
    assert await names(page) == [str(key)]
    await page.get_by_label("Search apps").fill("nothing is called this")
    await expect(page.locator(".empty")).to_contain_text("No app matches")
    await page.get_by_role("button", name="Clear filters").click()
    await expect(rows).to_have_count(5)
    await page.get_by_label("Reason", exact=True).select_option("PlatformError")
    await expect(rows).to_have_count(1)


async def test_sorting(open_page: OpenPage, stage_server: tuple[Stage, WebServer]) -> None:
    stage, server = stage_server
    page = await open_page(server.url)
    rows = page.locator("table.apps tbody tr")
    await expect(rows).to_have_count(5)
    header = page.get_by_role("columnheader", name="Workers")
    await header.get_by_role("button").click()
    await expect(header).to_have_attribute("aria-sort", "descending")
    shown = await page.locator(".col-workers .number").all_inner_texts()
    assert [int(each) for each in shown] == sorted(map(int, shown), reverse=True)
    await header.get_by_role("button").click()
    await expect(header).to_have_attribute("aria-sort", "ascending")
    by_name = page.get_by_role("columnheader", name="App", exact=True)
    await by_name.get_by_role("button").click()
    assert await names(page) == sorted(map(str, stage.models))


async def test_language_and_colours(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await open_page(server.url)
    await expect(page.locator("h1")).to_have_text("Apps")
    await page.get_by_label("Language").select_option("zh")
    await expect(page.locator("h1")).to_have_text("应用")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await expect(page.locator("#live")).to_have_text("实时")
    background = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(background)
    await page.get_by_role("button", name="切换到深色").click()
    assert await page.evaluate(background) != light
    await page.reload()
    await expect(page.locator("h1")).to_have_text("应用")
    assert await page.evaluate(background) != light, "the choice is kept"


async def test_the_browser_s_language_and_colours_are_taken(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await open_page(server.url, locale="zh-CN", scheme="dark")
    await expect(page.locator("h1")).to_have_text("应用")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


async def test_nothing_hangs_over_the_edge_of_a_phone(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await open_page(server.url, width=360, height=740)
    await expect(page.locator("table.apps tbody tr")).to_have_count(5)
    assert await page.evaluate(FIT)
    await page.locator("table.apps tbody a").first.click()
    await expect(page.locator(".chart")).to_have_count(6)
    assert await page.evaluate(FIT)


async def test_reading_behind_a_token(
    open_page: OpenPage, complaints: Complaints, start_stage: StartStage
) -> None:
    complaints.expected = ["401"]
    _, server = await start_stage(apps=3, hours=0.5, closed=True)
    page = await open_page(server.url)
    dialog = page.get_by_role("dialog", name="This server asks for a token")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Token", exact=True).fill("not-the-token-at-all")
    await dialog.get_by_role("button", name="Open").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("does not take this token")
    await dialog.get_by_label("Token", exact=True).fill(READ_TOKEN)
    await dialog.get_by_role("button", name="Open").click()
    await expect(page.locator("table.apps tbody tr")).to_have_count(3)
    await expect(page.locator("#live")).to_have_text("Live", timeout=40_000)
    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert READ_TOKEN not in kept, "kept in memory only, unless asked for"
    assert READ_TOKEN not in page.url


async def test_it_works_behind_a_path_prefix(open_page: OpenPage, start_stage: StartStage) -> None:
    stage, _ = await start_stage(apps=3, hours=0.5)
    inner = stage.server()._app
    outer = Starlette(routes=[Mount("/clusters/one/autoscaler", inner)])
    async with WebServer(outer, "127.0.0.1", 0, closing=stage.changes.close) as front:
        page = await open_page(f"{front.url}/clusters/one/autoscaler/")
        await expect(page.locator("table.apps tbody tr")).to_have_count(3)
        await expect(page.locator("#live")).to_have_text("Live")
        await page.locator("table.apps tbody a").first.click()
        await expect(page.locator(".uplot")).to_have_count(6)


async def test_many_apps_come_in_pages(open_page: OpenPage, start_stage: StartStage) -> None:
    _, server = await start_stage(apps=1200, hours=0.02, with_past=1)
    page = await open_page(server.url)
    rows = page.locator("table.apps tbody tr")
    await expect(rows).to_have_count(300)
    await expect(page.locator(".pager")).to_contain_text("300 of 1,200")
    await page.get_by_role("button", name="Next page").click()
    await expect(page.locator(".pager")).to_contain_text("600 of 1,200")
    await page.get_by_label("Search apps").fill("app-0999")
    await expect(rows).to_have_count(1)


WATCH = """
window.added = 0;
for (const row of document.querySelectorAll('table.apps tbody tr')) row.kept = true;
new MutationObserver((changes) => {
  for (const change of changes) {
    window.added += [...change.addedNodes].filter((node) => node instanceof Element).length;
  }
}).observe(document.querySelector('table.apps tbody'), { childList: true, subtree: true });
"""
KEPT = "[...document.querySelectorAll('table.apps tbody tr')].filter((row) => row.kept).length"
ELEMENTS_MAX = 4
"""A row that is drawn anew makes about twenty elements; a change of one, one or two."""
TEXT = "document.querySelector('table.apps tbody').textContent"


async def test_300_apps_change_without_being_drawn_anew(
    open_page: OpenPage, start_stage: StartStage
) -> None:
    """What keeps frames coming (`python -m tests.bench.page_frames` has the times)."""
    apps, rounds = 300, 3
    stage, server = await start_stage(apps=apps, hours=0.05, with_past=apps)
    page = await open_page(server.url)
    await expect(page.locator("table.apps tbody tr")).to_have_count(apps)
    await expect(page.locator("#live")).to_have_text("Live")
    before = await page.evaluate(TEXT)
    await page.evaluate(WATCH)
    for _ in range(rounds):
        stage.look_at_all()
        await page.wait_for_function(f"(before) => {TEXT} !== before", arg=before)
        before = await page.evaluate(TEXT)
        await page.wait_for_timeout(1000)  # updates come in portions
    assert await page.evaluate(KEPT) == apps
    per_change = await page.evaluate("window.added") / (apps * rounds)
    assert per_change <= ELEMENTS_MAX, f"{per_change:.1f} elements were made per changed row"
