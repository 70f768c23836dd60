"""A feed written as Atom (RFC 4287), RSS 2.0 (https://www.rssboard.org/rss-specification) or JSON Feed 1.1
(https://www.jsonfeed.org/version/1.1/)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from bot.core.hours import iso
from bot.feeds.fetch import CHANNEL_FEEDS


def address(public_url: str, token: str, what: str, form: str) -> str:
    """Where a feed of a channel is."""
    return f"{public_url}{CHANNEL_FEEDS}{token}/{what}.{form}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry. `id` is a URI, texts are plain lines without control characters, `content` is HTML.

    Times are seconds of UTC.
    """

    id: str
    title: str
    url: str
    content: str
    author: str
    published: int
    updated: int
    tags: tuple[str, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A feed: `url` is the page that it belongs to, `address` its own, `publisher` who makes it."""

    id: str
    title: str
    url: str
    address: str
    publisher: str
    language: str
    updated: int
    entries: tuple[Entry, ...]


class Form(NamedTuple):
    """A way to write a feed, and its media type."""

    media_type: str
    write: Callable[[Channel], bytes]


def _atom(channel: Channel) -> bytes:
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": channel.language})
    _tell(root, "id", channel.id)
    _tell(root, "title", channel.title)
    _tell(root, "updated", iso(channel.updated))
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": channel.address})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": channel.url})
    _tell(ET.SubElement(root, "author"), "name", channel.publisher)
    for entry in channel.entries:
        told = ET.SubElement(root, "entry")
        _tell(told, "id", entry.id)
        _tell(told, "title", entry.title)
        ET.SubElement(told, "link", {"rel": "alternate", "type": "text/html", "href": entry.url})
        _tell(told, "published", iso(entry.published))
        _tell(told, "updated", iso(entry.updated))
        _tell(ET.SubElement(told, "author"), "name", entry.author)
        for tag in entry.tags:
            ET.SubElement(told, "category", {"term": tag})
        _tell(told, "content", entry.content, {"type": "html"})
    return _written(root)


def _rss(channel: Channel) -> bytes:
    names = {"xmlns:atom": "http://www.w3.org/2005/Atom", "xmlns:dc": "http://purl.org/dc/elements/1.1/"}
    root = ET.Element("rss", {"version": "2.0", **names})
    top = ET.SubElement(root, "channel")
    _tell(top, "title", channel.title)
    _tell(top, "link", channel.url)
    _tell(top, "description", channel.publisher)
    _tell(top, "language", channel.language)
    _tell(top, "lastBuildDate", _rfc822(channel.updated))
    ET.SubElement(top, "atom:link", {"rel": "self", "type": "application/rss+xml", "href": channel.address})
    for entry in channel.entries:
        told = ET.SubElement(top, "item")
        _tell(told, "title", entry.title)
        _tell(told, "link", entry.url)
        _tell(told, "guid", entry.id, {"isPermaLink": "false"})
        _tell(told, "pubDate", _rfc822(entry.published))
        _tell(told, "dc:creator", entry.author)
        for tag in entry.tags:
            _tell(told, "category", tag)
        _tell(told, "description", entry.content)
    return _written(root)


def _json(channel: Channel) -> bytes:
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": channel.title,
        "home_page_url": channel.url,
        "feed_url": channel.address,
        "language": channel.language,
        "authors": [{"name": channel.publisher}],
        "items": [_item(entry) for entry in channel.entries],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _item(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.content,
        "date_published": iso(entry.published),
        "date_modified": iso(entry.updated),
        "authors": [{"name": entry.author}],
    }
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.image is not None:
        item["image"] = entry.image
    return item


FORMS = {
    "atom": Form("application/atom+xml", _atom),
    "rss": Form("application/rss+xml", _rss),
    "json": Form("application/feed+json", _json),
}
"""By the ending of an address."""


def _tell(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, name, attributes or {}).text = text


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _rfc822(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)
