"""Reading and writing of OPML subscription lists (opml.org)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from bot.feeds.parsing.entries import absolute_url, language_of, single_line

MAX_BYTES = 4 * 2**20
"""Bytes of a document that are read."""
MAX_OUTLINES = 5_000
"""Feeds that are read of one document."""
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_START = re.compile(r"<outline\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in a subscription list; `title` is the URL where the list has none."""

    title: str
    url: str
    site_url: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class FeedList:
    """The feeds of a subscription list, each URL once, and the titles of outlines without a valid URL.

    `skipped_count` counts outlines beyond `MAX_OUTLINES`.
    """

    outlines: tuple[Outline, ...]
    invalid_titles: tuple[str, ...] = ()
    skipped: int = 0


def read_list(data: bytes) -> FeedList:
    """Parse an OPML document into its feeds, each URL once, in document order.

    Most real lists are not well-formed XML (bare `&`, unclosed elements); therefore a lenient HTML parser
    reads the attributes. Bytes beyond `MAX_OPML_BYTES` and outlines beyond `MAX_OUTLINES` are left out.
    """
    text = _decoded(data[:MAX_BYTES])
    start = _START.search(text)
    if start is None:
        return FeedList(())
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - few bots import lists

    tree = LexborHTMLParser(text[start.start() :])
    outlines: dict[str, Outline] = {}
    broken: dict[str, None] = {}
    skipped = 0
    for node in tree.css("outline[xmlurl]"):
        attributes = node.attributes
        address = attributes.get("xmlurl") or ""
        url = absolute_url(address, "")
        if len(outlines) + len(broken) >= MAX_OUTLINES:
            skipped += 1
            continue
        title = single_line(attributes.get("title") or attributes.get("text") or "", 200)
        if url is None:
            broken.setdefault(title or single_line(address, 200))
            continue
        site = absolute_url(attributes.get("htmlurl"), "")
        outlines.setdefault(url, Outline(title or url, url, site, language_of(attributes.get("language"))))
    return FeedList(tuple(outlines.values()), tuple(broken), skipped)


def write(title: str, groups: Mapping[str, Sequence[Outline]], *, now: int) -> bytes:
    """Return an OPML 2.0 document (http://opml.org/spec2.opml) with an outline for each group of feeds.

    `now`, in seconds of UTC, becomes its creation date. Characters that XML does not allow are left out.
    """
    root = ET.Element("opml", version="2.0")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = single_line(title, 200)
    ET.SubElement(head, "dateCreated").text = format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
    body = ET.SubElement(root, "body")
    for name, outlines in groups.items():
        group = ET.SubElement(body, "outline", text=single_line(name, 200))
        for one in outlines:
            label = single_line(one.title, 200)
            attributes = {"type": "rss", "text": label, "title": label, "xmlUrl": one.url}
            if one.site_url:
                attributes["htmlUrl"] = one.site_url
            if one.language:
                attributes["language"] = one.language
            ET.SubElement(group, "outline", attributes)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf").lstrip())
    for encoding in ("utf-8-sig", declared[1].decode() if declared else "cp1252", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", "replace")
