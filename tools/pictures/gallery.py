"""Writes docs/gallery.md: every picture of the documents, English and French, wide and narrow."""

from __future__ import annotations

import re
from pathlib import Path

COLUMNS = {"": "English", "-narrow": "narrow", "-fr": "français", "-fr-narrow": "étroit"}
_NAME = re.compile(r"(?P<name>.+?)(?P<column>(?:-fr)?(?:-narrow)?)")


def write_gallery(folder: Path, page: Path) -> None:
    """Write the page of the pictures in a folder; a table of what there is of each."""
    views: dict[str, dict[str, str]] = {}
    for picture in sorted(folder.glob("*.png")):
        match = _NAME.fullmatch(picture.stem)
        views.setdefault(match["name"], {})[match["column"]] = picture.name
    lines = [
        "# Gallery",
        "",
        "Every view, English and French, wide and as narrow as a phone, by `python -m tools.pictures`.",
        "The [guide](guide.md) says what they are for.",
    ]
    for name, columns in views.items():
        available_columns = [column for column in COLUMNS if column in columns]
        title = name.replace("-", " ").capitalize()
        lines += ["", f"## {title}", ""]
        lines += [
            format_row([COLUMNS[column] for column in available_columns]),
            format_row(["---"] * len(available_columns)),
        ]
        lines.append(format_row([f"![{title}](pictures/{columns[column]})" for column in available_columns]))
    page.write_text("\n".join(lines) + "\n", "utf-8")


def format_row(cells: list[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    docs = Path(__file__).resolve().parents[2] / "docs"
    write_gallery(docs / "pictures", docs / "gallery.md")
