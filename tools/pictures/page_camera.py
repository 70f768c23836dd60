"""Takes all pictures of the documents: `python -m tools.pictures [FOLDER]`.

Those of the running demo here, the others by the modules of `OTHERS`, each of which can be run alone.

Needs Debian’s chromium (`apt-get install chromium fonts-noto-color-emoji`), driven by playwright, which
downloads no browser of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Error, Locator, Page, sync_playwright

from bot.core import i18n
from tools.pictures import gallery

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MESSAGE = "article.channel-message"
PICTURE_MODULES = (
    "answer",
    "settings",
    "feed",
    "follow",
    "place",
    "look",
    "story",
    "watch",
    "digest",
    "reading",
    "taste",
    "elsewhere",
    "written",
)
COLOURS = 160
MAX_WAITS = 240
ATTEMPTS, ANSWER_TIMEOUT_MS = 3, 60_000  # to run a command, and milliseconds for each
STORIES = 6  # to wait for before the pictures: some in each language


def wait_for_more_than(page: Page, messages: int) -> None:
    """Wait until the page shows more messages than that, and has settled."""
    page.locator(MESSAGE).nth(messages).wait_for(timeout=120_000)
    page.wait_for_timeout(1500)


def wait_until_idle(page: Page) -> None:
    """Wait until the page says no more that it is doing something; what is typed meanwhile may be lost."""
    for _moment in range(MAX_WAITS):
        if not page.locator("#action-status").inner_text().rstrip().endswith("…"):
            return
        page.wait_for_timeout(500)


def run_command(page: Page, name: str, *options: str, language: str = "en") -> Locator:
    """Type a slash command as a visitor does, with values of its first options; the answer's message.

    It is called as the page lists it in that language. On a machine that has much else to do the page gives
    up a command now and then: it is typed again.
    """
    with i18n.language_scope(language):
        command_text = i18n.localized_command(f"/{name}")
    answers = page.locator(MESSAGE).filter(has_text=f"used /{name.split(maxsplit=1)[0]}")
    before = answers.count()
    for attempt in range(ATTEMPTS):
        wait_until_idle(page)
        if (exit_button := page.get_by_label("Exit command mode")).count():
            exit_button.click()
        page.locator("#channel-composer-input").fill("")
        page.keyboard.type(command_text)
        page.wait_for_timeout(1500)
        page.keyboard.press("Enter")
        for option in options:
            page.wait_for_timeout(400)
            page.keyboard.type(option)
        page.wait_for_timeout(800)
        wait_until_idle(page)
        page.get_by_role("button", name=re.compile("Run|Send")).last.click()
        try:
            answers.nth(before).wait_for(timeout=ANSWER_TIMEOUT_MS)
            break
        except Error:
            if attempt == ATTEMPTS - 1:
                raise
    page.wait_for_timeout(1500)
    return answers.last


@contextmanager
def as_discord(page: Page, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Show as Discord does what the page leaves as it is sent: `-# ` lines, gaps, mentions in embeds."""
    page.evaluate(
        """names => {
            for (const section of document.querySelectorAll(".component-section")) {
                section.style.gridTemplateColumns = "minmax(0, 1fr) auto";
            }
            for (const link of document.querySelectorAll("#channel-timeline a")) {
                link.style.textDecoration = "none";
            }
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                for (const [mention, name] of Object.entries(names)) {
                    walker.currentNode.data = walker.currentNode.data.replaceAll(mention, name);
                }
                walker.currentNode.data = walker.currentNode.data.replace(
                    /https:[/][/]discord[.]com[/]channels[/][0-9]+[/][0-9]+[/][0-9]+/g, "#news › 💬"
                );
            }
            for (const original of document.querySelectorAll(".markdown-paragraph")) {
                const paragraph = original.cloneNode(true);
                original.replaceWith(paragraph);
                (window.replaced ??= []).push([paragraph, original]);
                const before = paragraph.previousElementSibling;
                if (before && !/^H\\d$/.test(before.tagName)) paragraph.style.marginTop = "1em";
                if (paragraph.closest("[class*=component-]")) paragraph.style.paddingBottom = "4px";
                let small = null;
                for (const node of [...paragraph.childNodes]) {
                    if (node.nodeName === "BR") {
                        small = null;
                    } else if (small) {
                        small.append(node);
                    } else if (node.nodeType === Node.TEXT_NODE && node.data.startsWith("-# ")) {
                        small = document.createElement("small");
                        small.style.opacity = "0.75";
                        node.before(small);
                        node.data = node.data.slice(3);
                        small.append(node);
                    }
                }
            }
        }""",
        dict(names or {}),
    )
    yield
    page.evaluate(  # the page goes on with its own
        """() => {
            for (const [paragraph, original] of window.replaced ?? []) paragraph.replaceWith(original);
            window.replaced = [];
        }"""
    )


def wait_for_images(page_part: Locator) -> None:
    """Wait until a part of the page has its own pictures."""
    for _moment in range(MAX_WAITS):
        if page_part.evaluate("shown => [...shown.querySelectorAll('img')].every(image => image.naturalWidth)"):
            break
        page_part.page.wait_for_timeout(500)


def photograph(page_part: Locator, path: Path, names: Mapping[str, str] | None = None) -> None:
    """A picture of a part of the page, as Discord would show it."""
    wait_for_images(page_part)
    with as_discord(page_part.page, names):
        # The page moves on when playwright scrolls for a picture, and the picture is of another place then.
        page_part.evaluate("shown => shown.scrollIntoView({block: 'center'})")
        page_part.page.wait_for_timeout(1000)
        box, window = page_part.bounding_box(), page_part.page.viewport_size
        if box["y"] >= 0 and box["y"] + box["height"] <= window["height"]:
            page_part.page.screenshot(path=path, clip=box)
        else:
            page_part.screenshot(path=path)


def pack(folder: Path) -> None:
    """Make the pictures small: with as many colours as the eye needs."""
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            packed = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        packed.save(path, optimize=True)


def take_demo_pictures(page: Page, folder: Path) -> None:
    """All pictures, in the order in which a visitor would see them."""
    wait_for_more_than(page, STORIES)
    page.locator("#channel-timeline").evaluate("shown => { shown.scrollTop = 0; }")
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / "demo.png")
    photograph(page.locator(MESSAGE).nth(2), folder / "post.png")


def main() -> None:
    """Start the demo, visit it, take the pictures, stop it."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        demo = subprocess.Popen(
            [sys.executable, "-m", "bot", "demo", "--no-browser"], stdout=subprocess.PIPE, text=True, cwd=home
        )
        try:
            assert demo.stdout is not None
            address = next(filter(None, (re.search(r"http://127\S+", line) for line in demo.stdout)))[0]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
                page = browser.new_page(viewport={"width": 1000, "height": 1400}, device_scale_factor=1.5)
                page.goto(address)
                take_demo_pictures(page, folder)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(20)
    for module_name in PICTURE_MODULES:
        subprocess.run([sys.executable, "-m", f"tools.pictures.{module_name}_pictures", str(folder)], check=True)
    pack(folder)
    gallery.write_gallery(folder, folder.parent / "gallery.md")


if __name__ == "__main__":
    main()
