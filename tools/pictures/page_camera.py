"""Debian's chromium on the demo page: commands typed, messages photographed as Discord shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, Locator, Page

from bot.core import i18n
from tools.pictures.published_pictures import is_wanted

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
MAX_WAITS = 240
ATTEMPTS, ANSWER_TIMEOUT_MS = 3, 60_000  # to run a command, and milliseconds for each


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
    """Take a picture of a part of the page, as Discord would show it."""
    if not is_wanted(path):
        return
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
