"""Take the pictures of docs/status-page.md anew: `make screenshots`."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import launched, living
from tests.fakes.stage import Stage, with_trouble

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "page"
BYTES_MAX = 300_000
APP = "#/apps/default/sdxl-turbo"
INTERVAL_S = 4.0
SETTLE_MS = 1500

Act = Callable[[Page], Awaitable[None]]


async def _nothing(_: Page) -> None:
    pass


async def _whole_hour(page: Page) -> None:
    await page.locator('[data-chart="workers"] .u-over').hover(position={"x": 620, "y": 90})


async def _mark(page: Page) -> None:
    await page.locator(".mark-up:has-text('▲')").last.click()
    await expect(page.get_by_role("dialog").locator(".steps")).to_be_visible()


async def _boost(page: Page) -> None:
    await page.get_by_role("button", name="Boost", exact=True).click()


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    address: str = "#/"
    width: int = 1280
    height: int = 860
    scheme: Literal["light", "dark"] = "light"
    locale: str = "en-GB"
    act: Act = _nothing
    full: bool = False


SHOTS = (
    Shot("overview-light"),
    Shot("overview-dark", scheme="dark"),
    Shot("overview-chinese", locale="zh-CN"),
    Shot("app-light", APP, height=1240, act=_whole_hour),
    Shot("app-dark", APP, height=1240, scheme="dark"),
    Shot("decision", APP, act=_mark),
    Shot("boost", APP, act=_boost),
    Shot("phone-overview", width=390, height=844),
    Shot("phone-app", APP, width=390, height=844),
)


async def take(browser: Browser, url: str, shot: Shot) -> int:
    """Take one; return its size in bytes."""
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        locale=shot.locale,
    )
    page = await context.new_page()
    await page.goto(f"{url}/{shot.address}")
    ready = ".uplot" if shot.address == APP else "table.apps tbody tr"
    await expect(page.locator(ready).first).to_be_visible()
    await page.wait_for_timeout(SETTLE_MS)
    await shot.act(page)
    await page.wait_for_timeout(SETTLE_MS / 3)
    target = FOLDER / f"{shot.name}.png"
    await page.screenshot(path=target, full_page=shot.full)
    await context.close()
    return target.stat().st_size


async def main() -> int:
    """Take them all; the exit status is 1 where one is too large."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("error: Chromium is not installed: apt-get install chromium\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    sizes = {}
    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder), apps=14)
        await stage.live_through(26)
        with_trouble(stage)
        stage.look_at_all()
        async with (
            stage.server() as server,
            living(stage, INTERVAL_S),
            launched(chromium) as browser,
        ):
            for shot in SHOTS:
                sizes[shot.name] = await take(browser, server.url, shot)
        await stage.store.close()
    for name, size in sizes.items():
        sys.stdout.write(f"docs/images/page/{name}.png\t{size // 1000} kB\n")
    return int(max(sizes.values()) > BYTES_MAX)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
