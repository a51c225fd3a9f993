"""How smooth the status page stays while all of its apps change: frames, and tasks that block.

    python -m tests.bench.page_frames [APPS]

needs Chromium. Server, fleet and the browser (without a graphics card) share this machine, so the
figures are an upper bound.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from tests.fakes.stage import Stage

WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({ type: 'longtask' });
"""
FRAMES = """
() => new Promise((done) => {
  const gaps = [];
  const start = performance.now();
  let last = start;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    window.scrollBy(0, 40);
    if (now < start + 10000) requestAnimationFrame(step); else done(gaps);
  };
  requestAnimationFrame(step);
})
"""


async def measure(apps: int) -> None:
    """Scroll through the list for ten seconds while every app changes each five."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), apps=apps)
        await stage.live_through(0.05)
        stage.look_at_all()
        async with stage.server() as server, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = await browser.new_page()
            await page.goto(server.url)
            await page.wait_for_selector("table.apps tbody tr")
            living = asyncio.create_task(stage.go_on(5.0))
            await page.evaluate(WATCH)
            gaps = sorted(await page.evaluate(FRAMES))
            tasks = await page.evaluate("window.longTasks")
            living.cancel()
            await browser.close()
        await stage.store.close()
    sys.stdout.write(
        f"{apps} apps, all changing every 5 s, scrolled for {sum(gaps) / 1000:.1f} s\n"
        f"frame: median {gaps[len(gaps) // 2]:.0f} ms, p95 {gaps[len(gaps) * 95 // 100]:.0f} ms\n"
        f"tasks over 50 ms: {len(tasks)}, {sum(tasks) / sum(gaps):.0%} of the time\n"
    )


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
