"""Pictures that the documents show."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"


@cache
def published_names() -> frozenset[str]:
    """The file names of the pictures in README and documents."""
    documents = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    return frozenset(
        name for document in documents for name in re.findall(r"pictures/([\w-]+\.png)\)", document.read_text("utf-8"))
    )


def is_wanted(path: Path) -> bool:
    """Whether a picture is to be taken: among those of the documents only what they show, elsewhere any."""
    return path.parent != FOLDER or path.name in published_names()
