"""Takes the pictures of the documents: `python -m tools.pictures [FOLDER]`.

Those of the running demo here, the others by the modules of `PICTURE_MODULES`, each of which can be run alone.
Without a folder only the pictures that README and documents show are taken; in a folder of your own all, wide
and narrow, for a look at a change.

Needs Debian’s chromium (`apt-get install chromium fonts-noto-color-emoji`), driven by playwright, which
downloads no browser of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools.pictures.page_camera import CHROMIUM, FLAGS, MESSAGE, photograph, wait_for_more_than
from tools.pictures.published_pictures import FOLDER

PICTURE_MODULES = (
    "answer",
    "settings",
    "feed",
    "scorecard",
    "source",
    "proposal",
    "place",
    "look",
    "story",
    "timeline",
    "watch",
    "digest",
    "reading",
    "saving",
    "taste",
    "mute",
    "mention",
    "copy",
    "profile",
    "elsewhere",
    "written",
    "owner",
)
COLOURS = 160
STORIES = 6  # to wait for before the pictures: some in each language


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
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER
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


if __name__ == "__main__":
    main()
