"""An app's page as people use it: what is it doing, why did it scale at 14:05, and stop it."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest
from playwright.async_api import Page, expect

from autoscaler.model import AppKey, Reason
from autoscaler.web import WebServer
from tests.browser.conftest import Complaints, OpenPage, StartStage
from tests.fakes.stage import ACTION_TOKEN, Stage

pytestmark = pytest.mark.browser

APP = AppKey("default", "sdxl-turbo")
ADDRESS = f"#/apps/{APP.namespace}/{APP.name}"
CHARTS = 6


async def opened(open_page: OpenPage, server: WebServer, wish: str = "", **how: int) -> Page:
    page = await open_page(f"{server.url}/{ADDRESS}{wish}", **how)
    await expect(page.locator(".uplot")).to_have_count(CHARTS)
    return page


async def told(server: WebServer, path: str) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
        reply = await client.get(f"/api/v1/apps/{APP.namespace}/{APP.name}{path}")
        return dict(reply.json())


async def test_what_it_does_now_and_why(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    details = await told(server, "")
    explanation = details["explanation"]
    assert isinstance(explanation, dict)
    await expect(page.locator(".now .paragraph")).to_have_text(explanation["text"])
    workers = page.get_by_role("region", name="Workers now").locator("tbody tr")
    assert isinstance(details["workers"], int)
    await expect(workers).to_have_count(details["workers"])
    await expect(page.locator('[data-tile="workers"] .tile-value')).to_have_text(
        str(details["workers"])
    )


async def test_a_new_decision_appears_by_itself(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    page = await opened(open_page, server)
    await expect(page.locator("#live")).to_have_text("Live")
    stage.models[APP].trouble = Reason.PLATFORM_ERROR
    stage.models[APP].look(stage.clock.now(), stage.recorder)
    await expect(page.locator(".now .reason-code")).to_have_text("PlatformError")
    await expect(page.locator(".app-head .status")).to_have_text("Troubled")


async def test_a_mark_opens_the_full_decision(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    mark = page.locator(".mark-up:has-text('▲')").last
    number = await mark.get_attribute("data-ids")
    await mark.click()
    dialog = page.get_by_role("dialog")
    decision = await told(server, f"/decisions/{number}")
    explanation = decision["explanation"]
    assert isinstance(explanation, dict)
    await expect(dialog.locator(".paragraph")).to_have_text(explanation["text"])
    await expect(dialog.locator(".action")).to_contain_text("Scaled up by")
    steps = await dialog.locator(".steps tbody th").all_inner_texts()
    assert steps == [step["step"] for step in explanation["steps"]]
    await dialog.get_by_role("button", name="Earlier").click()
    await expect(dialog.locator(".paragraph")).not_to_have_text(explanation["text"])
    await dialog.get_by_role("button", name="Later").click()
    await expect(dialog.locator(".paragraph")).to_have_text(explanation["text"])
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_marks_are_reached_by_keyboard(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    await page.locator(".mark").first.focus()
    await page.keyboard.press("Tab")
    focused = page.locator(".mark:focus")
    assert "Open the full decision" in str(await focused.get_attribute("aria-label"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_why_at_a_time_that_is_typed(open_page: OpenPage, start_stage: StartStage) -> None:
    stage, server = await start_stage(hours=2)
    page = await opened(open_page, server)
    at = stage.clock.now() - 1800
    clock = await page.evaluate(
        """at => new Date(at * 1000)
        .toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })""",
        at,
    )
    box = page.get_by_label("What was decided at")
    await box.fill("half past never")
    await page.keyboard.press("Enter")
    await expect(page.locator(".why [role=alert]")).to_contain_text("Type a time")
    await box.fill(clock)
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", level=2)).to_contain_text(f"{clock}:00")
    minute = at - at % 60
    explained = await told(server, f"/explanation?at={minute:.0f}")
    explanation = explained["explanation"]
    assert isinstance(explanation, dict)
    await expect(dialog.locator(".paragraph")).to_have_text(explanation["text"])


async def test_a_click_on_a_moment_of_a_chart_explains_it(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server, "?range=1h")
    over = page.locator('[data-chart="queue"] .u-over')
    box = await over.bounding_box()
    assert box is not None
    await over.hover(position={"x": box["width"] / 2, "y": 40})
    await expect(page.locator('[data-chart="queue"] .tip')).to_be_visible()
    await expect(page.locator('[data-chart="queue"] .tip-words')).not_to_be_empty()
    await over.click(position={"x": box["width"] / 2, "y": 40})
    await expect(page.get_by_role("dialog").locator(".paragraph")).to_contain_text(str(APP))


async def test_a_range_in_which_nothing_was_decided_tells_what_was_in_force(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    decisions = (await told(server, "/decisions?limit=500"))["items"]
    assert isinstance(decisions, list)
    times = [datetime.fromisoformat(each["at"]).timestamp() for each in decisions]
    until = [stage.clock.now(), *times]
    quiet_s, at = max(
        zip([late - at for late, at in zip(until, times, strict=False)], times, strict=True)
    )
    assert quiet_s > 300
    in_force = decisions[times.index(at)]
    wish = f"?start={at + 60:.0f}&end={at + quiet_s - 60:.0f}"
    page = await opened(open_page, server, wish)
    await page.locator('[data-chart="queue"] .u-over').hover(position={"x": 200, "y": 40})
    await expect(page.locator('[data-chart="queue"] .tip-words')).to_contain_text(
        in_force["reason"]
    )


async def test_time_ranges_up_to_thirty_days(open_page: OpenPage, start_stage: StartStage) -> None:
    stage, server = await start_stage(apps=2, hours=50)
    page = await opened(open_page, server)
    for name in ("1 h", "24 h", "30 days"):
        await page.get_by_role("button", name=name, exact=True).click()
        await expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        await expect(page.locator('[data-chart="workers"] .mark').first).to_be_visible()
    assert "range=30d" in page.url
    await page.get_by_role("button", name="Custom").click()
    now = stage.clock.now()
    for label, at in (("From", now - 30 * 3600), ("To", now - 6 * 3600)):
        local = await page.evaluate(
            """at => { const d = new Date(at * 1000);
            return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 16); }""",
            at,
        )
        await page.get_by_label(label, exact=True).fill(local)
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page.get_by_role("button", name="Custom")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert "start=" in page.url
    await page.reload()
    await expect(page.locator(".uplot")).to_have_count(CHARTS)
    assert "start=" in page.url


async def test_dragging_zooms(open_page: OpenPage, stage_server: tuple[Stage, WebServer]) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    box = await page.locator('[data-chart="workers"] .u-over').bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.6, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=8)
    await page.mouse.up()
    await expect(page.get_by_role("button", name="Custom")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_events_are_filtered(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    rows = page.locator("table.events tbody tr")
    await expect(rows.first).to_be_visible()
    await page.get_by_label("Kind", exact=True).select_option("acted")
    await expect(rows.filter(has_text="Held")).to_have_count(0)
    assert await rows.count() > 0
    await rows.first.get_by_role("button").click()
    await expect(page.get_by_role("dialog").locator(".action")).to_contain_text("Scaled")


async def test_each_chart_has_its_values_as_a_table(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    _, server = stage_server
    page = await opened(open_page, server)
    for place in range(CHARTS):
        chart = page.locator(".chart").nth(place)
        assert await chart.locator(".plot").get_attribute("aria-label")
        await chart.get_by_text("Values as a table").click()
        await expect(chart.locator(".values tbody tr").nth(10)).to_be_visible()


async def test_without_the_charting_library_tables_stand_in(
    open_page: OpenPage, complaints: Complaints, stage_server: tuple[Stage, WebServer]
) -> None:
    complaints.expected = ["uPlot"]
    _, server = stage_server
    page = await open_page(server.url)
    await page.route("**/vendor/uPlot.esm.js", lambda route: route.fulfill(status=404))
    await page.goto(f"{server.url}/{ADDRESS}")
    await page.reload()
    await expect(page.locator(".chart-note")).to_contain_text("make page")
    chart = page.locator('[data-chart="workers"]')
    await chart.get_by_text("Values as a table").click()
    await expect(chart.locator(".values tbody tr").nth(10)).to_be_visible()


async def fill_order(page: Page, token: str, why: str = "load test") -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Why", exact=True).fill(why)
    await dialog.get_by_label("Token to act with").fill(token)


async def test_pausing_and_resuming_with_a_token(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    page = await opened(open_page, server)
    await page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Pause {APP.name}")
    await dialog.get_by_role("button", name="Pause", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Say why")
    await fill_order(page, ACTION_TOKEN, "model swap")
    await dialog.get_by_role("button", name="Pause", exact=True).click()
    await expect(dialog).to_have_count(0)
    banner = page.locator(".notice.order")
    await expect(banner).to_contain_text("Paused")
    await expect(banner).to_contain_text("ops: model swap")
    assert [one.kind.value for one in stage.models[APP].memory.interventions] == ["pause"]
    assert ACTION_TOKEN not in await page.evaluate("JSON.stringify({...sessionStorage})")
    await page.get_by_role("button", name="Resume", exact=True).click()
    await fill_order(page, ACTION_TOKEN, "swap is done")
    await page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    await expect(banner).to_have_count(0)
    assert stage.models[APP].memory.interventions == ()


async def test_a_wrong_token_changes_nothing_and_says_so(
    open_page: OpenPage, complaints: Complaints, stage_server: tuple[Stage, WebServer]
) -> None:
    complaints.expected = ["401"]
    stage, server = stage_server
    page = await opened(open_page, server)
    await page.get_by_role("button", name="Boost", exact=True).click()
    await fill_order(page, "not-the-token-at-all")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Boost", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("does not take this token")
    assert stage.models[APP].memory.interventions == ()
    await fill_order(page, ACTION_TOKEN)
    await dialog.get_by_role("button", name="Boost", exact=True).click()
    await expect(page.locator(".notice.order")).to_contain_text("At least")


async def test_a_number_out_of_bounds_is_refused_in_words(
    open_page: OpenPage, complaints: Complaints, stage_server: tuple[Stage, WebServer]
) -> None:
    complaints.expected = ["422"]
    _, server = stage_server
    page = await opened(open_page, server)
    await page.get_by_role("button", name="Override", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Workers", exact=True).fill("999")
    await fill_order(page, ACTION_TOKEN)
    await dialog.get_by_role("button", name="Override", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("max_workers")


async def test_an_app_that_nobody_knows(
    open_page: OpenPage, complaints: Complaints, stage_server: tuple[Stage, WebServer]
) -> None:
    complaints.expected = ["404"]
    _, server = stage_server
    page = await open_page(f"{server.url}/#/apps/default/nobody")
    await expect(page.get_by_role("alert").first).to_contain_text("No app default/nobody")


async def test_a_link_to_a_moment_opens_its_decision(
    open_page: OpenPage, stage_server: tuple[Stage, WebServer]
) -> None:
    stage, server = stage_server
    at = stage.clock.now() - 3600
    page = await opened(open_page, server, f"?at={at:.0f}")
    await expect(page.get_by_role("dialog").locator(".paragraph")).to_contain_text(str(APP))
