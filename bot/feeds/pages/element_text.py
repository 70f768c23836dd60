"""Decoding and parsing of HTML pages; text and publication time of elements (runs in a worker)."""

import codecs
import re
from collections import Counter
from typing import Any

from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.text.html import has_too_many_attributes
from bot.text.times import feed_dates
from bot.text.times.calendar_names import MONTHS

HtmlElement = Any
"""`lxml.html.HtmlElement`; not imported, as lxml takes 15 MB that only the page worker needs."""

MAX_ATTRIBUTES = 20_000
"""Attributes of a tag that are parsed, in a third of a second: the time is quadratic in them."""

SILENT = frozenset({"script", "style", "noscript", "template"})
"""Elements whose text is not shown."""

_NO_CHARACTERS = "\x00-\x08\x0b\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_NO_CHARACTER = re.compile(f"[{_NO_CHARACTERS}]|&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
"""Characters that XML does not allow, literal or by number: https://www.w3.org/TR/xml/#charsets"""
_FORM_FEED, _LAST = 0x0C, 0x10FFFF

_HEAD = 4096
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_LATIN = {"ascii", "iso8859-1"}
"""Encodings that mean windows-1252 on the web (https://encoding.spec.whatwg.org/)."""
_NO_CHARSETS = {"punycode", "idna", "utf-7", "unicode_escape", "raw_unicode_escape", "undefined"}
_NEAR = 40
_NAMES = "|".join(sorted({name for name in MONTHS if name.isalpha()}, key=len, reverse=True))
DATE = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]+)?"
    rf"|\b(?:{_NAMES})\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b"
    rf"|\b\d{{1,2}}(?:er|st|nd|rd|th)? (?:{_NAMES})\.?,? \d{{4}}\b",
    re.IGNORECASE,
)
"""A date, numeric or with an English or French month."""
_DATED_PATH = re.compile(r"/(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/-])")


def decode_page(page: bytes, content_type: str) -> str:
    """Decode a page by its byte order mark, HTTP header, `charset` declaration, or by trial.

    The order is the one of https://html.spec.whatwg.org/#determining-the-character-encoding
    """
    for mark, name in _BOMS:
        if page.startswith(mark):
            return page.decode(name, "replace")
    said = _CHARSET.search(content_type) or _CHARSET.search(page[:_HEAD].decode("latin-1"))
    names = ["utf-8", "windows-1252"] if said is None else [said[1], "utf-8", "windows-1252"]
    for name in names:
        try:
            codec = codecs.lookup(name)
            if codec.name in _NO_CHARSETS:
                continue
            return page.decode("windows-1252" if codec.name in _LATIN else codec.name)
        except (LookupError, ValueError):
            continue
    return page.decode("utf-8" if said and said[1].lower().startswith("utf") else "windows-1252", "replace")


def parse_html(markup: str) -> HtmlElement | None:
    """Return the tree of a page, None if it cannot be parsed.

    Raises FeedError (parse-died) for tags that would take too long to parse.
    """
    if has_too_many_attributes(markup, MAX_ATTRIBUTES):
        raise FeedError(fetch_errors.PARSER_CRASHED, "a tag of too many attributes")
    from lxml.etree import LxmlError  # noqa: PLC0415 - only this worker needs it
    from lxml.html import HTMLParser, document_fromstring  # noqa: PLC0415 - only this worker needs it

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return document_fromstring(_NO_CHARACTER.sub(_existing, markup).encode(), parser=parser)
    except (LxmlError, ValueError):  # for example an empty document
        return None


def _existing(match: re.Match[str]) -> str:
    """Return a reference to a valid character, "" for others: an invalid one would empty the whole text."""
    hexadecimal, decimal = match.groups()
    if not (hexadecimal or decimal):
        return ""
    digits = (hexadecimal or decimal).lstrip("0")[:9] or "0"
    number = int(digits, 16 if hexadecimal else 10)
    is_one = number <= _LAST and number != _FORM_FEED and not _NO_CHARACTER.fullmatch(chr(number))
    return match[0] if is_one else ""


def publication_time(item: list[HtmlElement], url: str) -> int | None:
    """Return when an item's link was published, by its elements, attributes, text or URL; None if unknown."""
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


def outermost_containers(parts: list[HtmlElement]) -> list[HtmlElement]:
    """Return for each element its largest ancestor that holds no other of them."""
    holding = Counter(above for part in parts for above in part.iterancestors())
    return [
        next((each for each in reversed(list(part.iterancestors())) if holding[each] == 1), part)
        for part in parts
    ]


def text_of(element: HtmlElement) -> str:
    """Return the text of an element on one line, without scripts and styles."""
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
