"""The page of the daemon itself: a real process against a real emulator under load."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Complaints, OpenPage
from tests.process.process_support import StartDaemon, emulated, eventually

pytestmark = pytest.mark.browser

ACTION_TOKEN = "act-0123456789-abcdef"
SCENARIO = {
    "apps": [
        {
            "name": "sd15",
            "initial_workers": 1,
            "max_workers": 6,
            "cold_start": 0.3,
            "load": {"phases": [{"phase": "plateau", "per_s": 4}], "service": 1.0},
        },
        {"name": "quiet", "initial_workers": 1, "max_workers": 3},
    ]
}


async def test_without_a_history_it_says_so_and_tells_the_present(
    open_page: OpenPage, complaints: Complaints, start_daemon: StartDaemon
) -> None:
    complaints.expected = ["503"]
    async with emulated(SCENARIO) as emulator:
        daemon = await start_daemon(
            emulator, [{"name": "sd15"}, {"name": "quiet"}], extra={"history": {"enabled": False}}
        )
        page = await open_page(daemon.url)
        await expect(page.locator(".notices")).to_contain_text("The history is off")
        await page.locator('tr[data-app="default/sd15"]').get_by_role("link").click()
        await expect(page.locator(".now .paragraph")).to_contain_text("default/sd15")
        await expect(page.locator(".charts")).to_be_hidden()
        await page.get_by_role("button", name="Explain").click()
        await expect(page.get_by_role("dialog").locator(".paragraph")).to_contain_text("sd15")
        await page.context.close()


async def test_watching_it_scale_and_pausing_it(
    open_page: OpenPage, start_daemon: StartDaemon, tmp_path: Path
) -> None:
    tokens = tmp_path / "action-tokens"
    tokens.write_text(f"ops:{ACTION_TOKEN}\n")
    async with emulated(SCENARIO) as emulator:
        daemon = await start_daemon(
            emulator,
            [{"name": "sd15", "price_per_hour": 2.0}, {"name": "quiet"}],
            extra={
                "server": {"listen": "127.0.0.1:0", "action_token_file": str(tokens)},
                "history": {"path": str(tmp_path / "history.db")},
            },
        )
        page = await open_page(daemon.url)
        row = page.locator('tr[data-app="default/sd15"]')
        await expect(page.locator("#live")).to_have_text("Live")

        async def grown() -> bool:
            return int(await row.locator(".col-workers .number").inner_text() or 0) >= 4

        await eventually(grown)
        await row.get_by_role("link").click()
        await expect(page.locator(".mark").first).to_be_visible()
        await page.locator(".mark").first.click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("LoadAboveCapacity")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Pause", exact=True).click()
        await dialog.get_by_label("Why", exact=True).fill("a test")
        await dialog.get_by_label("Token to act with").fill(ACTION_TOKEN)
        await dialog.get_by_role("button", name="Pause", exact=True).click()
        await expect(page.locator(".notice.order")).to_contain_text("ops: a test")

        async def paused() -> bool:
            return await daemon.reason("sd15") == "Paused"

        await eventually(paused)
        await page.context.close()
        assert await daemon.stop() == 0
