"""Recording of benchmark figures in docs/PROMISES.md, where they are never edited by hand.

A figure is on the page between `<!-- name -->` and `<!-- /name -->`, with the date and the commit of its run. A
benchmark with a figure has the option `--record` and calls `record` after a complete run.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMISES_PAGE = ROOT / "docs" / "PROMISES.md"
NOT_RUN = "not run yet"

_FIGURE = re.compile(r"<!-- (?P<name>[a-z-]+) -->(?P<figure>.*?)<!-- /(?P=name) -->")


def read_figures(page: str) -> dict[str, str]:
    """Return the figures on the page by name."""
    return {match["name"]: match["figure"] for match in _FIGURE.finditer(page)}


def record(name: str, figure: str, *, commit: str, page: Path = PROMISES_PAGE) -> None:
    """Write a figure to the page wherever its name is, with today's date and the commit of the run.

    The figure is one line without `|`; `commit` is what `describe_commit` returned at the start of the run. Raises
    KeyError if the name isn't on the page, ValueError if the figure would break its table.
    """
    if "\n" in figure or "|" in figure or "<!--" in figure:
        raise ValueError(figure)
    text = page.read_text("utf-8")
    if name not in read_figures(text):
        raise KeyError(name)
    line = f"<!-- {name} -->{figure} ({datetime.now(UTC):%Y-%m-%d}, {commit})<!-- /{name} -->"
    text = _FIGURE.sub(lambda match: line if match["name"] == name else match[0], text)
    page.write_text(text, "utf-8")


def describe_commit(root: Path = ROOT) -> str:
    """Return the abbreviated hash of the current commit, marked if the bot's code has uncommitted changes."""
    short_hash = _git(root, "rev-parse", "--short", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", "bot", "cogs")
    return f"{short_hash} and changes" if changes else short_hash


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()
