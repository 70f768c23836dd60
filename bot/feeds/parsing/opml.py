"""Reading and writing of OPML subscription lists (opml.org)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from bot.core.preferences import Filter, PostLook
from bot.core.received_values import to_single_line
from bot.feeds.parsing import opml_extension
from bot.feeds.parsing.entries import parse_language_tag, resolve_url

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
    """Feed in an OPML subscription list; `title` is the URL if the list has no title.

    Lists exported by Telex also have the id of the Discord channel that follows the feed, and the feed's filters and
    look (appearance of posts) in that channel; the look is None for the server's.
    """

    title: str
    url: str
    site_url: str | None
    language: str | None
    channel_id: int | None = None
    filters: tuple[Filter, ...] = ()
    look: PostLook | None = None


@dataclass(frozen=True, slots=True)
class ChannelOutline:
    """Discord channel in an OPML list that Telex exported, with the filters of the whole channel."""

    id: int
    name: str
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedList:
    """Feeds of an OPML list, each URL once per Discord channel, and the titles of outlines without a valid URL.

    `skipped_count` is the number of outlines beyond `MAX_OUTLINES`, which were not read. `channels` are described by
    lists that Telex exported; `unreadable_count` is the number of their filters and looks (appearance of posts) that
    could not be read.
    """

    outlines: tuple[Outline, ...]
    invalid_titles: tuple[str, ...] = ()
    skipped_count: int = 0
    channels: tuple[ChannelOutline, ...] = ()
    unreadable_count: int = 0


def parse_outlines(document: bytes) -> FeedList:
    """Parse an OPML document into its feeds, each URL once per channel, in document order.

    Most real lists are not well-formed XML (bare `&`, unclosed elements); therefore a lenient HTML parser
    reads the attributes. Bytes beyond `MAX_OPML_BYTES` and outlines beyond `MAX_OUTLINES` are left out.
    """
    text = _decode(document[:MAX_OPML_BYTES])
    outline_match = _OUTLINE_START_PATTERN.search(text)
    if outline_match is None:
        return FeedList(())
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - few bots import lists

    tree = LexborHTMLParser(text[outline_match.start() :])
    return _read_outlines(
        (node.attributes for node in tree.css("outline")), opml_extension.find_prefix(text[: outline_match.start()])
    )


def _read_outlines(outline_attributes: Iterable[Mapping[str, str | None]], prefix: str | None) -> FeedList:
    """Return the feeds and channels in OPML outlines; `prefix` is that of Telex's own attributes, None without any."""
    outline_by_key: dict[tuple[str, int | None], Outline] = {}
    channel_by_id: dict[int, ChannelOutline] = {}
    invalid_titles: dict[str, None] = {}
    skipped_count = unreadable_count = 0
    for attributes in outline_attributes:
        setup = opml_extension.read_setup(prefix, attributes)
        title = to_single_line(attributes.get("title") or attributes.get("text") or "", _MAX_TITLE_CHARS)
        address = attributes.get("xmlurl")
        if "xmlurl" in attributes and len(outline_by_key) + len(invalid_titles) >= MAX_OUTLINES:
            skipped_count += 1
            continue
        unreadable_count += setup.unreadable_count
        if "xmlurl" not in attributes:
            if setup.channel_id is not None and len(channel_by_id) < MAX_OUTLINES:
                channel_by_id.setdefault(setup.channel_id, ChannelOutline(setup.channel_id, title, setup.filters))
            continue
        url = resolve_url(address or "", "")
        if url is None:
            invalid_titles.setdefault(title or to_single_line(address or "", _MAX_TITLE_CHARS))
            continue
        outline_by_key.setdefault(
            (url, setup.channel_id),
            Outline(
                title or url,
                url,
                resolve_url(attributes.get("htmlurl"), ""),
                parse_language_tag(attributes.get("language")),
                setup.channel_id,
                setup.filters,
                setup.look,
            ),
        )
    return FeedList(
        tuple(outline_by_key.values()),
        tuple(invalid_titles),
        skipped_count,
        tuple(channel_by_id.values()),
        unreadable_count,
    )


def serialize_opml(
    title: str, channel_groups: Iterable[tuple[ChannelOutline, Sequence[Outline]]], *, now: int
) -> bytes:
    """Return an OPML 2.0 document (http://opml.org/spec2.opml) with an outline for each channel around its feeds.

    `now` (Unix time in seconds) becomes the creation date. Characters that XML does not allow are left out.
    """
    root = ET.Element("opml", {"version": "2.0", f"xmlns:{opml_extension.PREFIX}": opml_extension.NAMESPACE})
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "title").text = to_single_line(title, _MAX_TITLE_CHARS)
    ET.SubElement(head, "dateCreated").text = format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
    body = ET.SubElement(root, "body")
    for channel, outlines in channel_groups:
        channel_attributes = opml_extension.build_attributes(channel.id, channel.filters)
        group_element = ET.SubElement(
            body, "outline", {"text": to_single_line(channel.name, _MAX_TITLE_CHARS)} | channel_attributes
        )
        for outline in outlines:
            ET.SubElement(group_element, "outline", _build_outline_attributes(outline))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _build_outline_attributes(outline: Outline) -> dict[str, str]:
    label = to_single_line(outline.title, _MAX_TITLE_CHARS)
    attributes = {"type": "rss", "text": label, "title": label, "xmlUrl": outline.url}
    if outline.site_url:
        attributes["htmlUrl"] = outline.site_url
    if outline.language:
        attributes["language"] = outline.language
    return attributes | opml_extension.build_attributes(outline.channel_id, outline.filters, outline.look)


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
