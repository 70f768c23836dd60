"""Reading and writing of OPML subscription lists (opml.org)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from bot.feeds.parsing.entries import parse_language_tag, resolve_url, to_single_line

MAX_OPML_BYTES = 4 * 2**20
"""Maximum number of bytes of an OPML document that are read."""
MAX_OUTLINES = 5_000
"""Maximum number of outlines, valid or not and each counted once, that are read from one OPML document."""
_MAX_TITLE_CHARS = 200
"""Maximum number of characters of a title or a group's name."""
_DECLARED_ENCODING_PATTERN = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_OUTLINE_START_PATTERN = re.compile(r"<outline\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outline:
    """Feed in a subscription list; `title` is the URL if the list has no title."""

    title: str
    url: str
    site_url: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class FeedList:
    """Feeds of a subscription list, each URL once, and the titles of outlines without a valid URL.

    `skipped_count` is the number of outlines beyond `MAX_OUTLINES`, which were not read.
    """

    outlines: tuple[Outline, ...]
    invalid_titles: tuple[str, ...] = ()
    skipped_count: int = 0


def parse_outlines(document: bytes) -> FeedList:
    """Parse an OPML document into its feeds, each URL once, in document order.

    Most real lists are not well-formed XML (bare `&`, unclosed elements); therefore a lenient HTML parser
    reads the attributes. Bytes beyond `MAX_OPML_BYTES` and outlines beyond `MAX_OUTLINES` are left out.
    """
    text = _decode(document[:MAX_OPML_BYTES])
    outline_match = _OUTLINE_START_PATTERN.search(text)
    if outline_match is None:
        return FeedList(())
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - few bots import lists

    tree = LexborHTMLParser(text[outline_match.start() :])
    outlines_by_url: dict[str, Outline] = {}
    invalid_titles: dict[str, None] = {}
    skipped_count = 0
    for node in tree.css("outline[xmlurl]"):
        attributes = node.attributes
        address = attributes.get("xmlurl") or ""
        url = resolve_url(address, "")
        if len(outlines_by_url) + len(invalid_titles) >= MAX_OUTLINES:
            skipped_count += 1
            continue
        title = to_single_line(attributes.get("title") or attributes.get("text") or "", _MAX_TITLE_CHARS)
        if url is None:
            invalid_titles.setdefault(title or to_single_line(address, _MAX_TITLE_CHARS))
            continue
        site_url = resolve_url(attributes.get("htmlurl"), "")
        outlines_by_url.setdefault(
            url, Outline(title or url, url, site_url, parse_language_tag(attributes.get("language")))
        )
    return FeedList(tuple(outlines_by_url.values()), tuple(invalid_titles), skipped_count)


def serialize_opml(title: str, outlines_by_group_name: Mapping[str, Sequence[Outline]], *, now: int) -> bytes:
    """Return an OPML 2.0 document (http://opml.org/spec2.opml) with an outline for each group of feeds.

    `now` (Unix time in seconds) becomes the creation date. Characters that XML does not allow are left out.
    """
    root = ET.Element("opml", version="2.0")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = to_single_line(title, _MAX_TITLE_CHARS)
    ET.SubElement(head, "dateCreated").text = format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
    body = ET.SubElement(root, "body")
    for group_name, outlines in outlines_by_group_name.items():
        group_element = ET.SubElement(body, "outline", text=to_single_line(group_name, _MAX_TITLE_CHARS))
        for outline in outlines:
            label = to_single_line(outline.title, _MAX_TITLE_CHARS)
            attributes = {"type": "rss", "text": label, "title": label, "xmlUrl": outline.url}
            if outline.site_url:
                attributes["htmlUrl"] = outline.site_url
            if outline.language:
                attributes["language"] = outline.language
            ET.SubElement(group_element, "outline", attributes)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _decode(document: bytes) -> str:
    if document.startswith((b"\xff\xfe", b"\xfe\xff")):
        return document.decode("utf-16", "replace")
    declared_encoding = _DECLARED_ENCODING_PATTERN.match(document.removeprefix(b"\xef\xbb\xbf").lstrip())
    for encoding in ("utf-8-sig", declared_encoding[1].decode() if declared_encoding else "cp1252", "cp1252"):
        try:
            return document.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return document.decode("utf-8", "replace")
