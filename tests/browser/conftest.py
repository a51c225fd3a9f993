"""A real Chromium before a real server; what it complains about fails the test."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from autoscaler.web import WebServer
from tests.fakes.stage import Stage
from tests.process.process_support import start_daemon

__all__ = ["start_daemon"]

ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000

OpenPage = Callable[..., Awaitable[Page]]
StartStage = Callable[..., Awaitable[tuple[Stage, WebServer]]]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = shutil.which("chromium")
    if path is None:
        missing = "Chromium is not installed: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@asynccontextmanager
async def launched(path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGS))
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with launched(chromium_path) as browser:
        yield browser


class Complaints:
    """What the browser's console said, and what of it a test expects."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.expected: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            where = message.location.get("url", "")
            self.said.append(f"{message.text} {where}".strip())

    def check(self) -> None:
        left = [one for one in self.said if not any(word in one for word in self.expected)]
        assert left == []


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
async def open_page(
    browser: Browser,
    complaints: Complaints,
    start_stage: StartStage,
) -> AsyncIterator[OpenPage]:
    """Open an address in a browser of its own; at the end the console must have been silent.

    It stands on ``start_stage`` so that pages are closed before the server they talk to.
    """
    contexts: list[BrowserContext] = []

    async def opened(
        url: str, *, width: int = 1280, height: int = 900, scheme: str = "light",
        locale: str = "en-GB",
    ) -> Page:  # fmt: skip
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale=locale,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        complaints.watch(page)
        await page.goto(url)
        return page

    yield opened
    for context in contexts:
        await context.close()
    complaints.check()


@pytest.fixture
async def start_stage(tmp_path: Path) -> AsyncIterator[StartStage]:
    """Serve a made-up fleet with a past of some hours."""
    async with AsyncExitStack() as stack:

        async def started(
            *, apps: int = 5, hours: float = 3.0, with_past: int | None = None, closed: bool = False
        ) -> tuple[Stage, WebServer]:  # fmt: skip
            stage = Stage(tmp_path, apps=apps, closed=closed)
            stack.push_async_callback(stage.store.close)
            await stage.live_through(hours, apps=with_past)
            stage.look_at_all()
            server = stage.server()
            await stack.enter_async_context(server)
            return stage, server

        yield started


@asynccontextmanager
async def living(stage: Stage, interval_s: float) -> AsyncIterator[None]:
    """Let the fleet go on meanwhile."""
    task = asyncio.create_task(stage.go_on(interval_s))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def stage_server(start_stage: StartStage) -> tuple[Stage, WebServer]:
    return await start_stage()
