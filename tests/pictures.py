"""Takes all pictures of the documents: `python -m tests.pictures [FOLDER]`.

Those of the running demo here, the others by the modules of `OTHERS`, each of which can be run alone.

Needs Debian’s chromium (`apt-get install chromium fonts-noto-color-emoji`), driven by playwright, which
downloads no browser of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

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
TOLD = re.compile("word for word|mot pour mot|I don’t know|Je ne sais pas")
OTHERS = ("settings", "look", "story", "watch", "digest", "trending")
STORIES = 6  # to wait for before the pictures: some in each language


def wait_for_more_than(page: Page, messages: int) -> None:
    """Wait until the page shows more messages than that, and has settled."""
    page.locator(MESSAGE).nth(messages).wait_for(timeout=120_000)
    page.wait_for_timeout(1500)


def command(page: Page, name: str, *options: str) -> Locator:
    """Type a slash command as a visitor does, with values of its first options; the answer's message."""
    before = page.locator(MESSAGE).count()
    page.locator("textarea").first.click()
    page.keyboard.type(f"/{name}")
    page.wait_for_timeout(800)
    page.keyboard.press("Enter")
    for option in options:
        page.wait_for_timeout(400)
        page.keyboard.type(option)
    page.wait_for_timeout(800)
    page.get_by_role("button", name=re.compile("Run|Send")).last.click()
    wait_for_more_than(page, before)
    return page.locator(MESSAGE).filter(has_text=f"used /{name}").last


def name_mentions(page: Page, names: Mapping[str, str]) -> None:
    """Write names where the page leaves mentions in embeds as they are sent; Discord shows names there."""
    page.evaluate(
        """names => {
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                for (const [mention, name] of Object.entries(names)) {
                    walker.currentNode.data = walker.currentNode.data.replaceAll(mention, name);
                }
            }
        }""",
        dict(names),
    )


def save(page: Page, number: int) -> None:
    """Press 🔖 under a post."""
    page.locator(MESSAGE).nth(number).get_by_role("button", name=re.compile("Save|Garder")).click()
    page.wait_for_timeout(1200)


def visit(
    page: Page, folder: Path, viewer: str, *, words: str, question: str, unanswerable: str, ending: str
) -> None:
    """A search, two questions, two bookmarks and their list, as one of the people."""
    page.get_by_label("Viewing as").select_option(label=viewer)
    page.wait_for_timeout(1500)
    command(page, "search", words).screenshot(path=folder / f"search{ending}.png")
    for name, asked in (("ask", question), ("ask-unknown", unanswerable)):
        answer = command(page, "ask", asked)
        answer.get_by_text(TOLD).wait_for()
        answer.evaluate("message => message.scrollIntoView({block: 'center'})")
        page.wait_for_timeout(1500)  # the page moves on while it takes a picture of what it has to scroll to
        box = answer.bounding_box()
        assert box is not None
        page.screenshot(path=folder / f"{name}{ending}.png", clip=box)
    save(page, 1)
    save(page, 2)
    command(page, "bookmarks").screenshot(path=folder / f"bookmarks{ending}.png")


def take(page: Page, folder: Path) -> None:
    """All pictures, in the order in which a visitor would see them."""
    wait_for_more_than(page, STORIES)
    page.locator(MESSAGE).nth(2).screenshot(path=folder / "post.png")
    page.locator(MESSAGE).nth(1).screenshot(path=folder / "post-fr.png")
    page.screenshot(path=folder / "demo.png")
    visit(
        page,
        folder,
        "Ada",
        words="facial recognition",
        question="For how long may police not use Rekognition?",
        unanswerable="How much does an iPhone cost?",
        ending="",
    )
    visit(
        page,
        folder,
        "Camille",
        words="reconnaissance faciale",
        question="Quand le Parlement européen a-t-il adopté le règlement sur l’intelligence artificielle ?",
        unanswerable="Combien coûte un Mac mini ?",
        ending="-fr",
    )


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
                take(page, folder)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(20)
    for other in OTHERS:
        subprocess.run([sys.executable, "-m", f"tests.{other}_pictures", str(folder)], check=True)


if __name__ == "__main__":
    main()
