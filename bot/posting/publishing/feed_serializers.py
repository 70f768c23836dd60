"""Serialisers of web feeds as Atom, RSS or JSON Feed.

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
from bot.feeds.fetch import PUBLISHED_FEEDS_PATH


def build_feed_url(public_url: str, token: str, entry_kind: str, extension: str) -> str:
    """Return the URL of a web feed of a channel or of a user's bookmarks, with its secret token.

    `entry_kind` names what its entries are, such as "posts"; `extension` stands for its format.
    """
    return f"{public_url}{PUBLISHED_FEEDS_PATH}{token}/{entry_kind}.{extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEntry:
    """Entry of a web feed.

    `id` is a URI, texts are plain lines without control characters, `content` is HTML. Times are Unix times
    in seconds.
    """

    id: str
    title: str
    url: str
    content: str
    author: str
    published: int
    updated: int
    tags: tuple[str, ...] = ()
    image_url: str | None = None
    comments_url: str | None = None
    comment_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFeed:
    """Web feed of a channel or of a user's bookmarks, ready to be serialised.

    `page_url` is the URL of the page that the feed describes, `feed_url` the feed's own URL, `publisher` the name of
    the server, or Telex for bookmarks. `updated` is a Unix time in seconds.
    """

    id: str
    title: str
    page_url: str
    feed_url: str
    publisher: str
    language: str
    updated: int
    entries: tuple[PublishedEntry, ...]


class FeedFormat(NamedTuple):
    """Format of web feeds: its media type, and the function that serialises a feed."""

    media_type: str
    serialize: Callable[[PublishedFeed], bytes]


def _serialize_atom(feed: PublishedFeed) -> bytes:
    namespaces = {"xmlns": "http://www.w3.org/2005/Atom", "xmlns:thr": "http://purl.org/syndication/thread/1.0"}
    feed_element = ET.Element("feed", {**namespaces, "xml:lang": feed.language})
    _add_element(feed_element, "id", feed.id)
    _add_element(feed_element, "title", feed.title)
    _add_element(feed_element, "updated", format_iso(feed.updated))
    ET.SubElement(feed_element, "link", {"rel": "self", "type": "application/atom+xml", "href": feed.feed_url})
    ET.SubElement(feed_element, "link", {"rel": "alternate", "type": "text/html", "href": feed.page_url})
    _add_element(ET.SubElement(feed_element, "author"), "name", feed.publisher)
    for entry in feed.entries:
        entry_element = ET.SubElement(feed_element, "entry")
        _add_element(entry_element, "id", entry.id)
        _add_element(entry_element, "title", entry.title)
        ET.SubElement(entry_element, "link", {"rel": "alternate", "type": "text/html", "href": entry.url})
        if entry.comments_url is not None:
            count_attribute = {} if entry.comment_count is None else {"thr:count": str(entry.comment_count)}
            replies_attributes = {"rel": "replies", "type": "text/html", "href": entry.comments_url}
            ET.SubElement(entry_element, "link", replies_attributes | count_attribute)
        _add_element(entry_element, "published", format_iso(entry.published))
        _add_element(entry_element, "updated", format_iso(entry.updated))
        _add_element(ET.SubElement(entry_element, "author"), "name", entry.author)
        for tag in entry.tags:
            ET.SubElement(entry_element, "category", {"term": tag})
        _add_element(entry_element, "content", entry.content, {"type": "html"})
    return _serialize_xml(feed_element)


def _serialize_rss(feed: PublishedFeed) -> bytes:
    namespaces = {
        "xmlns:atom": "http://www.w3.org/2005/Atom",
        "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        "xmlns:slash": "http://purl.org/rss/1.0/modules/slash/",
    }
    rss_element = ET.Element("rss", {"version": "2.0", **namespaces})
    channel_element = ET.SubElement(rss_element, "channel")
    _add_element(channel_element, "title", feed.title)
    _add_element(channel_element, "link", feed.page_url)
    _add_element(channel_element, "description", feed.publisher)
    _add_element(channel_element, "language", feed.language)
    _add_element(channel_element, "lastBuildDate", _format_rfc822(feed.updated))
    ET.SubElement(channel_element, "atom:link", {"rel": "self", "type": "application/rss+xml", "href": feed.feed_url})
    for entry in feed.entries:
        item_element = ET.SubElement(channel_element, "item")
        _add_element(item_element, "title", entry.title)
        _add_element(item_element, "link", entry.url)
        if entry.comments_url is not None:
            _add_element(item_element, "comments", entry.comments_url)
            if entry.comment_count is not None:
                _add_element(item_element, "slash:comments", str(entry.comment_count))
        _add_element(item_element, "guid", entry.id, {"isPermaLink": "false"})
        _add_element(item_element, "pubDate", _format_rfc822(entry.published))
        _add_element(item_element, "dc:creator", entry.author)
        for tag in entry.tags:
            _add_element(item_element, "category", tag)
        _add_element(item_element, "description", entry.content)
    return _serialize_xml(rss_element)


def _serialize_json(feed: PublishedFeed) -> bytes:
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page_url,
        "feed_url": feed.feed_url,
        "language": feed.language,
        "authors": [{"name": feed.publisher}],
        "items": [_build_json_entry(entry) for entry in feed.entries],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _build_json_entry(entry: PublishedEntry) -> dict[str, Any]:
    json_entry: dict[str, Any] = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.content,
        "date_published": format_iso(entry.published),
        "date_modified": format_iso(entry.updated),
        "authors": [{"name": entry.author}],
    }
    if entry.tags:
        json_entry["tags"] = list(entry.tags)
    if entry.image_url is not None:
        json_entry["image"] = entry.image_url
    return json_entry


FORMAT_BY_EXTENSION = {
    "atom": FeedFormat("application/atom+xml", _serialize_atom),
    "rss": FeedFormat("application/rss+xml", _serialize_rss),
    "json": FeedFormat("application/feed+json", _serialize_json),
}
"""Formats of web feeds, by the extension in the web feed's URL."""


def _add_element(parent: ET.Element, name: str, text: str, attributes: dict[str, str] | None = None) -> None:
    ET.SubElement(parent, name, attributes or {}).text = text


def _serialize_xml(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _format_rfc822(timestamp: int) -> str:
    return format_datetime(datetime.fromtimestamp(timestamp, UTC), usegmt=True)
