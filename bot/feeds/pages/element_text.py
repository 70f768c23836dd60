"""What an element of a page says, and when it was published (runs in a worker)."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from bot.text.times import feed_dates
from bot.text.times.calendar_names import MONTHS

if TYPE_CHECKING:
    from lxml.html import HtmlElement

SILENT = frozenset({"script", "style", "noscript", "template"})

_NEAR = 40
_NAMES = "|".join(sorted({name for name in MONTHS if name.isalpha()}, key=len, reverse=True))
DATE = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]+)?"
    rf"|\b(?:{_NAMES})\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b"
    rf"|\b\d{{1,2}}(?:er|st|nd|rd|th)? (?:{_NAMES})\.?,? \d{{4}}\b",
    re.IGNORECASE,
)
_DATED_PATH = re.compile(r"/(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/-])")


def published(item: list[HtmlElement], url: str) -> int | None:
    """When what an item links to was published: by a time element, attributes, words, or the address."""
    inner = [each for element in item for each in element.iter("*")]
    for element in inner:
        if element.tag == "time" or element.get("datetime"):
            moment = feed_dates.parse(element.get("datetime")) or feed_dates.parse(text_of(element))
            if moment is not None:
                return moment
    said = (element.get(name) for element in inner for name in ("title", "data-date", "content"))
    texts = (text_of(element) for element in item)
    for text in (*(each.strip()[:_NEAR] for each in said if each), *texts):
        if (found := DATE.search(text)) and (moment := feed_dates.parse(found[0])) is not None:
            return moment
    if (found := _DATED_PATH.search(url)) is not None:
        return feed_dates.parse(f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}")
    return None


def outermost(parts: list[HtmlElement]) -> list[HtmlElement]:
    """For each element the largest one around it that holds no other of them."""
    holding = Counter(above for part in parts for above in part.iterancestors())
    return [
        next((each for each in reversed(list(part.iterancestors())) if holding[each] == 1), part)
        for part in parts
    ]


def text_of(element: HtmlElement) -> str:
    """The words of an element, without those of scripts and styles."""
    pieces: list[str] = []
    _gather(element, pieces)
    return " ".join(" ".join(pieces).split())


def _gather(element: HtmlElement, pieces: list[str]) -> None:
    if element.tag in SILENT:
        return
    pieces.append(element.text or "")
    for child in element:
        _gather(child, pieces)
        pieces.append(child.tail or "")
