"""Serialise a web feed as Atom, RSS or JSON Feed.

Atom: RFC 4287. RSS 2.0: https://www.rssboard.org/rss-specification. JSON Feed 1.1:
https://www.jsonfeed.org/version/1.1/
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from bot.core.local_time import format_iso
from bot.feeds.fetch import CHANNEL_FEEDS_PATH


def feed_url(public_url: str, token: str, content_type: str, format_name: str) -> str:
    """Return the URL of a channel's web feed."""
    return f"{public_url}{CHANNEL_FEEDS_PATH}{token}/{content_type}.{format_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """An entry of a web feed.

    `id` is a URI, texts are plain lines without control characters, `content` is HTML. Times are timestamps
    in seconds of UTC.
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
class PublishedFeed:
    """A web feed; `url` is the page that it describes, `address` its own URL, `publisher` the server."""

    id: str
    title: str
    url: str
    address: str
    publisher: str
    language: str
    updated: int
    entries: tuple[FeedItem, ...]


class FeedFormat(NamedTuple):
    """A serialiser of web feeds, and its media type."""

    media_type: str
    serialize: Callable[[PublishedFeed], bytes]


def _atom(channel: PublishedFeed) -> bytes:
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": channel.language})
    _add_element(root, "id", channel.id)
    _add_element(root, "title", channel.title)
    _add_element(root, "updated", format_iso(channel.updated))
    ET.SubElement(root, "link", {"rel": "self", "type": "application/atom+xml", "href": channel.address})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": channel.url})
    _add_element(ET.SubElement(root, "author"), "name", channel.publisher)
    for entry in channel.entries:
        told = ET.SubElement(root, "entry")
        _add_element(told, "id", entry.id)
        _add_element(told, "title", entry.title)
        ET.SubElement(told, "link", {"rel": "alternate", "type": "text/html", "href": entry.url})
        _add_element(told, "published", format_iso(entry.published))
        _add_element(told, "updated", format_iso(entry.updated))
        _add_element(ET.SubElement(told, "author"), "name", entry.author)
        for tag in entry.tags:
            ET.SubElement(told, "category", {"term": tag})
        _add_element(told, "content", entry.content, {"type": "html"})
    return _to_bytes(root)


def _rss(channel: PublishedFeed) -> bytes:
    names = {"xmlns:atom": "http://www.w3.org/2005/Atom", "xmlns:dc": "http://purl.org/dc/elements/1.1/"}
    root = ET.Element("rss", {"version": "2.0", **names})
    top = ET.SubElement(root, "channel")
    _add_element(top, "title", channel.title)
    _add_element(top, "link", channel.url)
    _add_element(top, "description", channel.publisher)
    _add_element(top, "language", channel.language)
    _add_element(top, "lastBuildDate", _rfc822(channel.updated))
    ET.SubElement(top, "atom:link", {"rel": "self", "type": "application/rss+xml", "href": channel.address})
    for entry in channel.entries:
        told = ET.SubElement(top, "item")
        _add_element(told, "title", entry.title)
        _add_element(told, "link", entry.url)
        _add_element(told, "guid", entry.id, {"isPermaLink": "false"})
        _add_element(told, "pubDate", _rfc822(entry.published))
        _add_element(told, "dc:creator", entry.author)
        for tag in entry.tags:
            _add_element(told, "category", tag)
        _add_element(told, "description", entry.content)
    return _to_bytes(root)


def _json(channel: PublishedFeed) -> bytes:
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


def _item(entry: FeedItem) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.content,
        "date_published": format_iso(entry.published),
        "date_modified": format_iso(entry.updated),
        "authors": [{"name": entry.author}],
    }
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.image is not None:
        item["image"] = entry.image
    return item


FORMATS_BY_EXTENSION = {
    "atom": FeedFormat("application/atom+xml", _atom),
    "rss": FeedFormat("application/rss+xml", _rss),
    "json": FeedFormat("application/feed+json", _json),
}
"""Formats by the extension of a web feed's URL."""


def _add_element(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, name, attributes or {}).text = text


def _to_bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _rfc822(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)
