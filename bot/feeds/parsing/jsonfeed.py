"""Parsing of JSON Feed 1.0 and 1.1 (jsonfeed.org), which feedparser does not support."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from bot.core.models import Entry, ParsedFeed
from bot.feeds.fetch_errors import ENCODING, NOT_A_FEED, FeedError
from bot.feeds.parsing import entries
from bot.text.times import feed_dates


def parse_json(body: bytes, url: str) -> ParsedFeed:
    """Parse a JSON Feed; members of the wrong type are ignored.

    Raises FeedError: not-a-feed, encoding.
    """
    try:
        document = json.loads(body.strip(b"\x00"), strict=False)  # `clean_text` drops control characters
    except UnicodeError as error:
        raise FeedError(ENCODING, "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise FeedError(NOT_A_FEED, "not JSON") from error
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise FeedError(NOT_A_FEED, "JSON, but not a JSON Feed")
    version = _text(document, "version")
    language = entries.language_of(document.get("language"))
    kept, problem = entries.limit_entries(_entries(items, url, language))
    if "jsonfeed.org" not in version and not any(entry.guid for entry in kept):
        raise FeedError(NOT_A_FEED, "JSON, but not a JSON Feed")
    return ParsedFeed(
        title=entries.title_of(_text(document, "title"), kind="text"),
        site_url=entries.absolute_url(document.get("home_page_url"), url),
        language=language,
        icon_url=entries.absolute_url(document.get("favicon") or document.get("icon"), url),
        format="json11" if version.endswith("1.1") else "json1",
        entries=kept,
        hub_url=_hub(document.get("hubs"), url),
        self_url=entries.absolute_url(document.get("feed_url"), url),
        parse_warning=problem,
    )


def _hub(hubs: object, base: str) -> str | None:
    """Return the URL of the first WebSub hub (JSON Feed 1.1, `websub`)."""
    listed = [hub for hub in hubs[:20] if isinstance(hub, dict)] if isinstance(hubs, list) else []
    return entries.first_absolute((hub.get("url") for hub in listed if hub.get("type") == "WebSub"), base)


def _entries(items: list[Any], base: str, language: str | None) -> Iterator[Entry]:
    for item in islice(items, entries.MAX_ENTRIES + 1):
        if isinstance(item, dict):
            yield _entry(item, base, language)


def _entry(item: dict[str, Any], base: str, language: str | None) -> Entry:
    markup = _text(item, "content_html")
    text = entries.text_of(markup) or entries.text_of(_text(item, "content_text"), is_text=True)
    summary = entries.text_of(_text(item, "summary"), is_text=True)
    link = entries.first_absolute((item.get("url"), item.get("external_url")), base)
    guid = entries.guid_of(item.get("id"))
    published, updated = (feed_dates.parse(_text(item, f"date_{what}")) for what in ("published", "modified"))
    tags = item.get("tags")
    audio, duration = _audio(item, base)
    return entries.with_fingerprint(
        Entry(
            guid=guid,
            link=link or entries.absolute_url(guid, "") or audio,
            title=entries.title_of(_text(item, "title"), kind="either"),
            summary="" if summary == text else summary,
            text=text or summary,
            author=_authors(item),
            tags=entries.tags_of(tags if isinstance(tags, list) else ()),
            image_url=_image(item, base) or entries.image_in(markup, base),
            published=updated if published is None else published,
            updated=updated,
            language=entries.language_of(item.get("language")) or language,
            audio_url=audio,
            duration_seconds=duration,
        )
    )


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _authors(item: dict[str, Any]) -> str | None:
    people = item.get("authors")
    people = people if isinstance(people, list) else [item.get("author")]  # 1.0 had one
    names = [_text(person, "name") for person in people[:5] if isinstance(person, dict)]
    return entries.single_line(", ".join(filter(None, names)), 200) or None


def _audio(item: dict[str, Any], base: str) -> tuple[str | None, int | None]:
    for attached in _attachments(item):
        address = entries.absolute_url(attached.get("url"), base)
        if address and _text(attached, "mime_type").startswith("audio/"):
            return address, entries.duration_of(attached.get("duration_in_seconds"))
    return None, None


def _attachments(item: dict[str, Any]) -> list[dict[str, Any]]:
    attachments = item.get("attachments")
    listed = attachments[:20] if isinstance(attachments, list) else []
    return [attached for attached in listed if isinstance(attached, dict)]


def _image(item: dict[str, Any], base: str) -> str | None:
    pictures = [item.get("image"), item.get("banner_image")] + [
        attached.get("url")
        for attached in _attachments(item)
        if _text(attached, "mime_type").startswith("image/")
    ]
    return entries.first_absolute(pictures, base)
