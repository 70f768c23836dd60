"""Takes pictures of what needs more news than the demo brings: `python -m tests.trending_pictures [FOLDER]`.

/trends, what a search offers while it is typed, and more like this, in English and in French.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.pictures import CHROMIUM, FLAGS, command, photograph


def complete(page: Page, query: str, file: Path) -> None:
    """What is offered while a query is typed; it is not sent."""
    page.locator("textarea").first.click()
    page.keyboard.type("/search")
    page.wait_for_timeout(800)
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    page.keyboard.type(query, delay=60)
    page.wait_for_timeout(1500)
    size = page.viewport_size
    assert size is not None
    page.screenshot(
        path=file, clip={"x": 256, "y": size["height"] - 300, "width": size["width"] - 256, "height": 300}
    )
    page.reload()  # forgets what was typed
    page.wait_for_timeout(1500)


def more_like_this(page: Page, words: str, labels: re.Pattern[str], file: Path) -> None:
    """What is like the first result of a search, by the button of its card."""
    found = command(page, "search", words)
    page.wait_for_timeout(2500)  # the page moves while the answer comes
    found.locator(".select-trigger").first.click()
    page.wait_for_timeout(400)
    page.locator(".select-option:visible").first.click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name=labels).last.click()
    page.wait_for_timeout(3000)
    photograph(page.locator("article.channel-message").last, file)


def take(page: Page, folder: Path, viewer: str, ending: str) -> None:
    """All pictures as one of the people sees them."""
    page.get_by_label("Viewing as").select_option(label=viewer)
    page.wait_for_timeout(1500)
    more_like_this(
        page,
        "mistral",
        re.compile("More like this|Articles semblables"),
        folder / f"more-like-this{ending}.png",
    )
    trends = command(page, "trends")
    trends.locator("img").nth(1).wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    photograph(trends, folder / f"trends{ending}.png")


def main() -> None:
    """Start the page, visit it, take the pictures, stop it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shown = subprocess.Popen([sys.executable, "-m", "tests.trending"], stdout=subprocess.PIPE, text=True)
    try:
        assert shown.stdout is not None
        address = next(filter(None, (re.search(r"http://127\S+", line) for line in shown.stdout)))[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 900, "height": 1500}, device_scale_factor=1.5)
            page.goto(address)
            page.wait_for_timeout(1500)
            take(page, folder, "Ada", "")
            complete(page, "linux mi", folder / "completions.png")
            take(page, folder, "Camille", "-fr")
            browser.close()
    finally:
        shown.terminate()
        shown.wait(20)


if __name__ == "__main__":
    main()
