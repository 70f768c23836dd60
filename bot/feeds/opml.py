"""Lists of feeds as OPML (opml.org), read for the starter packs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from bot.feeds.entries import absolute, language_of, line

MAX_BYTES = 4 * 2**20
MAX_OUTLINES = 5_000
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_START = re.compile(r"<outline\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in a list."""

    title: str
    url: str
    site_url: str | None
    language: str | None


def read(data: bytes) -> tuple[Outline, ...]:
    """The feeds of an OPML document, each address once, in its order.

    Most real lists are not well-formed XML (bare `&`, unclosed elements), so that an HTML parser, which
    forgives anything, reads the attributes. Bytes beyond 4 MiB and feeds beyond 5,000 are left out.
    """
    text = _decoded(data[:MAX_BYTES])
    start = _START.search(text)
    if start is None:
        return ()
    tree = LexborHTMLParser(text[start.start() :])
    outlines: dict[str, Outline] = {}
    for node in tree.css("outline[xmlurl]"):
        attributes = node.attributes
        url = absolute(attributes.get("xmlurl"), "")
        if url is None or len(outlines) == MAX_OUTLINES:
            continue
        title = line(attributes.get("title") or attributes.get("text") or "", 200)
        site = absolute(attributes.get("htmlurl"), "")
        outlines.setdefault(url, Outline(title or url, url, site, language_of(attributes.get("language"))))
    return tuple(outlines.values())


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
