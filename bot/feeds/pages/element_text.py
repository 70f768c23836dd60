"""Decoding and parsing of HTML pages; text and publication time of elements (runs in a worker)."""

import codecs
import re
from collections import Counter
from typing import Any

from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.text.html import has_too_many_attributes
from bot.text.times import feed_dates
from bot.text.times.calendar_names import MONTH_NUMBERS

HtmlElement = Any
"""Type of HTML elements: `lxml.html.HtmlElement`, not imported, as lxml takes 15 MB in each process."""

MAX_ATTRIBUTES = 20_000
"""Maximum number of attributes of a tag; parsing so many takes a third of a second (the time is quadratic)."""

SILENT_TAGS = frozenset({"script", "style", "noscript", "template"})
"""Tags of elements whose text is not shown."""

_INVALID_XML_CHARS = "\x00-\x08\x0b\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_INVALID_CHAR_OR_REFERENCE_PATTERN = re.compile(f"[{_INVALID_XML_CHARS}]|&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")
"""Pattern of characters that XML forbids, and of all references by number: https://www.w3.org/TR/xml/#charsets"""
_FORM_FEED, _MAX_CODE_POINT = 0x0C, 0x10FFFF

_CHARSET_SEARCH_BYTES = 4096
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CHARSET_PATTERN = re.compile(r"""charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_WINDOWS_1252_ALIASES = {"ascii", "iso8859-1"}
"""Names of encodings that mean windows-1252 on the web (https://encoding.spec.whatwg.org/)."""
_NON_TEXT_CODECS = {"punycode", "idna", "utf-7", "unicode_escape", "raw_unicode_escape", "undefined"}
_MAX_DATE_ATTRIBUTE_CHARS = 40
_MONTH_NAMES = "|".join(sorted({name for name in MONTH_NUMBERS if name.isalpha()}, key=len, reverse=True))
DATE_PATTERN = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.+Z-]+)?"
    rf"|\b(?:{_MONTH_NAMES})\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b"
    rf"|\b\d{{1,2}}(?:er|st|nd|rd|th)? (?:{_MONTH_NAMES})\.?,? \d{{4}}\b",
    re.IGNORECASE,
)
"""Pattern of a date, numeric or with an English or French month."""
_DATED_PATH_PATTERN = re.compile(r"/(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/-])")


def decode_page(page: bytes, content_type: str) -> str:
    """Return the text of a page, by byte order mark, HTTP header, `charset` declaration, or by trial.

    The order is the one of https://html.spec.whatwg.org/#determining-the-character-encoding
    """
    for bom, encoding in _BOMS:
        if page.startswith(bom):
            return page.decode(encoding, "replace")
    charset_match = _CHARSET_PATTERN.search(content_type) or _CHARSET_PATTERN.search(
        page[:_CHARSET_SEARCH_BYTES].decode("latin-1")
    )
    encodings = ["utf-8", "windows-1252"] if charset_match is None else [charset_match[1], "utf-8", "windows-1252"]
    for encoding in encodings:
        try:
            codec = codecs.lookup(encoding)
            if codec.name in _NON_TEXT_CODECS:
                continue
            return page.decode("windows-1252" if codec.name in _WINDOWS_1252_ALIASES else codec.name)
        except (LookupError, ValueError):
            continue
    return page.decode(
        "utf-8" if charset_match and charset_match[1].lower().startswith("utf") else "windows-1252",
        "replace",
    )


def parse_html(markup: str) -> HtmlElement | None:
    """Return the tree of a page, or None if the page cannot be parsed.

    Raises FeedError (parse-died) for a tag with too many attributes, which would take too long to parse.
    """
    if has_too_many_attributes(markup, MAX_ATTRIBUTES):
        raise FeedError(fetch_errors.PARSER_CRASHED, "a tag of too many attributes")
    from lxml.etree import LxmlError  # noqa: PLC0415 - only this worker needs it
    from lxml.html import HTMLParser, document_fromstring  # noqa: PLC0415 - only this worker needs it

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        return document_fromstring(
            _INVALID_CHAR_OR_REFERENCE_PATTERN.sub(_drop_unless_valid_reference, markup).encode(), parser=parser
        )
    except (LxmlError, ValueError):  # for example an empty document
        return None


def _drop_unless_valid_reference(match: re.Match[str]) -> str:
    """Return a matched character reference if XML allows its character, else ""; also "" for a forbidden character.

    An invalid character would empty the whole text.
    """
    hexadecimal_digits, decimal_digits = match.groups()
    if not (hexadecimal_digits or decimal_digits):
        return ""
    digits = (hexadecimal_digits or decimal_digits).lstrip("0")[:9] or "0"
    code_point = int(digits, 16 if hexadecimal_digits else 10)
    is_valid = (
        code_point <= _MAX_CODE_POINT
        and code_point != _FORM_FEED
        and not _INVALID_CHAR_OR_REFERENCE_PATTERN.fullmatch(chr(code_point))
    )
    return match[0] if is_valid else ""


def find_publication_time(elements: list[HtmlElement], url: str) -> int | None:
    """Return when the item of a list was published (Unix time in seconds), or None if that is unknown.

    `elements` are the elements that belong to the item, `url` is where the item leads. The time is searched in `time`
    elements, attributes, text and URL, in this order.
    """
    descendants = [descendant for element in elements for descendant in element.iter("*")]
    for element in descendants:
        if element.tag == "time" or element.get("datetime"):
            timestamp = feed_dates.parse_date(element.get("datetime")) or feed_dates.parse_date(get_text(element))
            if timestamp is not None:
                return timestamp
    attribute_texts = (element.get(name) for element in descendants for name in ("title", "data-date", "content"))
    texts = (get_text(element) for element in elements)
    for text in (
        *(attribute.strip()[:_MAX_DATE_ATTRIBUTE_CHARS] for attribute in attribute_texts if attribute),
        *texts,
    ):
        if (match := DATE_PATTERN.search(text)) and (timestamp := feed_dates.parse_date(match[0])) is not None:
            return timestamp
    if (match := _DATED_PATH_PATTERN.search(url)) is not None:
        return feed_dates.parse_date(f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}")
    return None


def find_outermost_containers(elements: list[HtmlElement]) -> list[HtmlElement]:
    """Return for each element its largest ancestor that contains no other of the elements, or else the element."""
    contained_counts = Counter(ancestor for inner_element in elements for ancestor in inner_element.iterancestors())
    return [
        next(
            (container for container in reversed(list(element.iterancestors())) if contained_counts[container] == 1),
            element,
        )
        for element in elements
    ]


def get_text(element: HtmlElement) -> str:
    """Return the text of an element on one line, without scripts, styles and other elements that are not shown."""
    pieces: list[str] = []
    _collect_text(element, pieces)
    return " ".join(" ".join(pieces).split())


def _collect_text(element: HtmlElement, pieces: list[str]) -> None:
    if element.tag in SILENT_TAGS:
        return
    pieces.append(element.text or "")
    for child in element:
        _collect_text(child, pieces)
        pieces.append(child.tail or "")
